from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import WAKE_JOBS
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.http.request_parsing import malformed
from handlers.reservations.schemas import time_of
from handlers.waitlist import schemas
from models.library.entities import FILTERABLE_FEATURES
from models.waitlist.service import WaitlistService


async def join(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Adds the reader to the waitlist (加入候补) or, with ``only_tell``, to free-seat alerts."""
    names = ("area_id", "date", "start", "end")
    fields = {name: form_text(form, name) for name in names}
    boxes = (*FILTERABLE_FEATURES, "only_tell")
    more: dict[str, Any] = {name: "true" for name in boxes if form_text(form, name)}
    more["features"] = [*filter(None, form_text(form, "features").split(","))]
    try:
        body = msgspec.convert(fields | more, schemas.JoinWaitlist, strict=False)
    except msgspec.ValidationError as error:
        raise malformed(error, "form") from error
    selection = time_of(body)
    await visit[WaitlistService].join(
        visit.context(),
        body.area_id,
        [],
        body.required_features,
        selection,
        only_tell=body.only_tell,
    )
    return redirect(f"/reservations?done={'alert' if body.only_tell else 'wait'}")


async def leave_waitlist(visit: PageRequest, _: Form) -> web.StreamResponse:
    await visit[WaitlistService].leave(visit.context(), visit.id)
    visit[WAKE_JOBS]()
    return redirect("/reservations?done=unwait")
