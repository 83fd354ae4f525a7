"""TODO docstring."""

from __future__ import annotations

from datetime import time

import msgspec
from aiohttp import web

from handlers.http.forms import Form
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.http.request_parsing import malformed
from handlers.waitlist import schemas
from models.library.entities import FILTERABLE_FEATURES
from models.reservations import rules


async def join(visit: PageRequest, form: Form) -> web.StreamResponse:
    """加入候补."""
    names = ("area_id", "date", "start", "end")
    given = {name: form_text(form, name) for name in names}
    marks = {mark: "true" for mark in FILTERABLE_FEATURES if form_text(form, mark)}
    try:
        body = msgspec.convert(given | marks, schemas.JoinWaitlist, strict=False)
    except msgspec.ValidationError as error:
        raise malformed(error, "form") from error
    start = None if body.start == "now" else time.fromisoformat(body.start)
    wish = rules.TimeSelection(body.date, start, time.fromisoformat(body.end))
    line = visit.services.desk.line
    await line.join(visit.ask(), body.area_id, [], body.wanted, wish)
    return redirect("/reservations?done=wait")


async def leave_waitlist(visit: PageRequest, _: Form) -> web.StreamResponse:
    await visit.services.desk.line.leave(visit.ask(), visit.id)
    visit.services.nudge()
    return redirect("/reservations?done=unwait")
