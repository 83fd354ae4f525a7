"""A reader's reservations and all that can be done with them."""

from __future__ import annotations

from datetime import time

from handlers.http import schemas as http_schemas
from handlers.http.endpoint import ApiRequest
from handlers.http.request_parsing import digest_of
from handlers.reservations import presenter, schemas
from models.reservations import service as reservations_service
from models.reservations.entities import Reservation
from models.reservations.rules import TimeSelection
from models.reservations.state_machine import ReservationState


async def make(call: ApiRequest, body: schemas.CreateReservation) -> schemas.ReservationOut:
    start = None if body.start == "now" else time.fromisoformat(body.start)
    wish = TimeSelection(body.date, start, time.fromisoformat(body.end))
    made = await reservations_service.create(
        call.services.desk, call.context(digest_of(body)), body.seat_id, wish
    )
    return await _shown(call, made)


async def listed(
    call: ApiRequest, query: schemas.ReservationsQuery
) -> http_schemas.Page[schemas.ReservationOut]:
    desk = call.services.desk
    states = [ReservationState(query.state)] if query.state else []
    rows, total = await desk.reservations.page_of(
        call.reader.id, states, query.offset, query.page_size
    )
    items = [await presenter.reservation(desk, r, call.now) for r in rows]
    return query.page_of(items, total)


async def one(call: ApiRequest) -> schemas.ReservationDetail:
    desk = call.services.desk
    return await presenter.detail(desk, await desk.get_own(call.id, call.reader.id), call.now)


async def cancel(call: ApiRequest) -> schemas.ReservationOut:
    return await _shown(
        call, await reservations_service.cancel(call.services.desk, call.context(), call.id)
    )


async def change(call: ApiRequest, body: schemas.ChangeReservation) -> schemas.ReservationOut:
    start: time | str | None = body.start
    if body.start not in (None, "now"):
        start = time.fromisoformat(str(body.start))
    end = time.fromisoformat(body.end) if body.end else None
    changed = await reservations_service.change(
        call.services.desk, call.context(digest_of(body)), call.id, body.seat_id, start, end
    )
    return await _shown(call, changed)


async def _shown(call: ApiRequest, r: Reservation) -> schemas.ReservationOut:
    call.services.nudge()
    return await presenter.reservation(call.services.desk, r, call.now)
