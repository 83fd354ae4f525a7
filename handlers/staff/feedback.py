"""What readers have asked."""

from __future__ import annotations

from aiohttp import web

from handlers import deeds
from handlers.http.forms import Form
from handlers.http.free_text import checked_text
from handlers.http.pages import PageRequest, redirect
from handlers.staff.layout import reader_label, render, staff_context
from models.kernel.errors import InvalidRequest


async def questions(visit: PageRequest) -> web.StreamResponse:
    items = await visit.services.feedbacks.waiting(50)
    people = await visit.services.desk.readers.many({f.reader_id for f in items if f.reader_id})
    return render(
        visit,
        "feedback",
        items=[(f, reader_label(people.get(f.reader_id)) if f.reader_id else "") for f in items],
        done="done" in visit.request.query,
    )


async def reply(visit: PageRequest, form: Form) -> web.StreamResponse:
    text, wrong = checked_text(form)
    if wrong:
        raise InvalidRequest("text", wrong)
    await deeds.answer(staff_context(visit), visit.id, text)
    return redirect("/console/questions?done")
