"""Feedback without a reply, and replying to it."""

from __future__ import annotations

from aiohttp import web

from handlers import keys
from handlers.http.forms import Form
from handlers.http.free_text import checked_text
from handlers.http.pages import PageRequest, redirect
from handlers.staff.layout import reader_label, render, staff_context
from models.kernel.errors import InvalidRequest


async def waiting_feedback(visit: PageRequest) -> web.StreamResponse:
    """Feedback without a reply, the oldest first."""
    items = await visit[keys.FEEDBACK].waiting(50)
    people = await visit[keys.STAFF_READERS].many({f.reader_id for f in items if f.reader_id})
    return render(
        visit,
        "feedback",
        items=[(f, reader_label(people.get(f.reader_id)) if f.reader_id else "") for f in items],
        done="done" in visit.request.query,
    )


async def reply(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Reply once; the reader finds it in the app."""
    text, wrong = checked_text(form)
    if wrong:
        raise InvalidRequest("text", wrong)
    await visit[keys.STAFF_FEEDBACK].reply(staff_context(visit), visit.id, text)
    return redirect("/console/questions?done")
