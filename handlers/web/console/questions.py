"""What readers have asked."""

from __future__ import annotations

from aiohttp import web

from handlers import deeds
from handlers.web.console.frame import (
    acting,
    named,
    shown,
)
from handlers.web.contact import written
from handlers.web.pages import (
    Form,
    Visit,
    redirect,
)
from models.errors import Malformed


async def questions(visit: Visit) -> web.StreamResponse:
    items = await visit.services.feedbacks.waiting(50)
    people = await visit.services.desk.readers.many({f.reader_id for f in items if f.reader_id})
    return shown(
        visit,
        "questions",
        items=[(f, named(people.get(f.reader_id)) if f.reader_id else "") for f in items],
        done="done" in visit.request.query,
    )


async def reply(visit: Visit, form: Form) -> web.StreamResponse:
    text, wrong = written(form)
    if wrong:
        raise Malformed("text", wrong)
    await deeds.answer(acting(visit), visit.id, text)
    return redirect("/console/questions?done")
