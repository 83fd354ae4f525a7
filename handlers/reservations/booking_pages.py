"""TODO docstring."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import time

import msgspec
from aiohttp import web

from handlers.http.errors import status_of
from handlers.http.forms import Form
from handlers.http.pages import PageRequest, count_error, form_text, redirect
from handlers.http.request_parsing import malformed
from handlers.reservations import schemas
from handlers.seat_map.pages import _plan
from handlers.seat_map.search import MapSearch, _marks_in, _Search
from models.kernel.errors import Conflict, RuleViolation
from models.readers.context import RequestContext
from models.reservations import service as reservations_service
from models.reservations.entities import Reservation
from models.reservations.rules import TimeSelection


# --- booking --------------------------------------------------------------------------------------
async def book(visit: PageRequest, form: Form) -> web.StreamResponse:
    """立即预约."""

    async def work(ask: RequestContext, seat_id: str, wish: TimeSelection) -> Reservation:
        return await reservations_service.create(visit.services.desk, ask, seat_id, wish)

    return await _submit_booking(visit, form, work)


async def change(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Another seat or time for a reservation: all or nothing."""

    async def work(ask: RequestContext, seat_id: str, wish: TimeSelection) -> Reservation:
        start = wish.start if wish.start is not None else "now"
        desk = visit.services.desk
        return await reservations_service.change(desk, ask, visit.id, seat_id, start, wish.end)

    return await _submit_booking(visit, form, work, visit.id)


async def _submit_booking(
    visit: PageRequest,
    form: Form,
    work: Callable[[RequestContext, str, TimeSelection], Awaitable[Reservation]],
    changing: str = "",
) -> web.StreamResponse:
    """A refusal is said where the choice was made, and leaves the choice as it was."""
    wish = {name: form_text(form, name) for name in ("seat_id", "date", "start", "end")}
    try:
        body = msgspec.convert(wish, schemas.CreateReservation, strict=False)
        given = {"start": form_text(form, "from"), "end": form_text(form, "to")}
        search = msgspec.convert({k: v for k, v in given.items() if v}, _Search)
    except msgspec.ValidationError as error:
        raise malformed(error, "form") from error
    desk = visit.services.desk
    ask = visit.context_with_key(form, body)
    start = None if body.start == "now" else time.fromisoformat(body.start)
    seat = desk.seat(body.seat_id)
    try:
        wished = TimeSelection(body.date, start, time.fromisoformat(body.end))
        made = await work(ask, body.seat_id, wished)
    except (Conflict, RuleViolation) as error:
        count_error(visit.request, error)
        asked = MapSearch(
            day=body.date,
            start=search.start or "",
            end=search.end or "",
            seat=seat.id,
            begin=body.start,
            until=body.end,
            change=changing,
            marks=_marks_in(form, visit),
        )
        return await _plan(
            visit,
            seat.area_id,
            asked,
            status=status_of(type(error)),
            refusal=error,
            wished_end=body.end,
        )
    visit.services.nudge()
    return redirect(f"/reservations/{made.id}?done={'change' if changing else 'reserve'}")
