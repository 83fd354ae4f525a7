"""候补: places in the line, and the seats that are held for them."""

from __future__ import annotations

from datetime import time

from handlers.http import schemas as http_schemas
from handlers.http.endpoint import ApiRequest
from handlers.reservations import presenter as reservations_presenter
from handlers.reservations import schemas as reservations_schemas
from handlers.waitlist import presenter, schemas
from models.reservations.rules import TimeSelection


async def join(call: ApiRequest, body: schemas.JoinWaitlist) -> schemas.WaitlistEntryOut:
    desk = call.services.desk
    start = None if body.start == "now" else time.fromisoformat(body.start)
    wish = TimeSelection(body.date, start, time.fromisoformat(body.end))
    made = await desk.line.join(call.context(), body.area_id, body.seats, body.wanted, wish)
    return await presenter.wait(desk, made, call.now)


async def listed(
    call: ApiRequest, query: http_schemas.Pagination
) -> http_schemas.Page[schemas.WaitlistEntryOut]:
    desk = call.services.desk
    rows, total = await desk.waits.page_of(call.reader.id, query.offset, query.page_size)
    items = [await presenter.wait(desk, row, call.now) for row in rows]
    return query.page_of(items, total)


async def leave(call: ApiRequest) -> None:
    await call.services.desk.line.leave(call.context(), call.id)
    call.services.nudge()


async def accept(call: ApiRequest) -> reservations_schemas.ReservationOut:
    desk = call.services.desk
    taken = await desk.line.accept(call.context(), call.id)
    call.services.nudge()
    return await reservations_presenter.reservation(desk, taken, call.now)


async def decline(call: ApiRequest) -> reservations_schemas.ReservationOut:
    desk = call.services.desk
    gone = await desk.line.decline(call.context(), call.id)
    call.services.nudge()
    return await reservations_presenter.reservation(desk, gone, call.now)
