"""候补: places in the line, and the seats that are held for them."""

from __future__ import annotations

from datetime import time

from handlers.api import schemas as s
from handlers.http.endpoint import ApiRequest
from handlers.reservations import presenter as reservations_presenter
from handlers.waitlist import presenter
from models.reservations.rules import TimeSelection


async def join(call: ApiRequest, body: s.JoinWaitlist) -> s.WaitlistEntryOut:
    desk = call.services.desk
    start = None if body.start == "now" else time.fromisoformat(body.start)
    wish = TimeSelection(body.date, start, time.fromisoformat(body.end))
    made = await desk.line.join(call.context(), body.area_id, body.seats, body.wanted, wish)
    return await presenter.wait(desk, made, call.now)


async def listed(call: ApiRequest, query: s.Pagination) -> s.Page[s.WaitlistEntryOut]:
    desk = call.services.desk
    rows, total = await desk.waits.page_of(call.reader.id, query.offset, query.page_size)
    items = [await presenter.wait(desk, row, call.now) for row in rows]
    return query.page_of(items, total)


async def leave(call: ApiRequest) -> None:
    await call.services.desk.line.leave(call.context(), call.id)
    call.services.nudge()


async def accept(call: ApiRequest) -> s.ReservationOut:
    desk = call.services.desk
    taken = await desk.line.accept(call.context(), call.id)
    call.services.nudge()
    return await reservations_presenter.reservation(desk, taken, call.now)


async def decline(call: ApiRequest) -> s.ReservationOut:
    desk = call.services.desk
    gone = await desk.line.decline(call.context(), call.id)
    call.services.nudge()
    return await reservations_presenter.reservation(desk, gone, call.now)
