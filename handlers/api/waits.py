"""候补: places in the line, and the seats that are held for them."""

from __future__ import annotations

from datetime import time

from handlers.api import present
from handlers.api import schemas as s
from handlers.api.contract import Call
from models.rules import Wish


async def join(call: Call, body: s.Join) -> s.WaitOut:
    desk = call.services.desk
    start = None if body.start == "now" else time.fromisoformat(body.start)
    wish = Wish(body.date, start, time.fromisoformat(body.end))
    made = await desk.line.join(call.ask(), body.area_id, body.seats, body.wanted, wish)
    return await present.wait(desk, made, call.now)


async def listed(call: Call, query: s.Pagination) -> s.Page[s.WaitOut]:
    desk = call.services.desk
    rows, total = await desk.waits.page_of(call.reader.id, query.offset, query.page_size)
    items = [await present.wait(desk, row, call.now) for row in rows]
    return query.page_of(items, total)


async def leave(call: Call) -> None:
    await call.services.desk.line.leave(call.ask(), call.id)
    call.services.nudge()


async def accept(call: Call) -> s.ReservationOut:
    desk = call.services.desk
    taken = await desk.line.accept(call.ask(), call.id)
    call.services.nudge()
    return await present.reservation(desk, taken, call.now)


async def decline(call: Call) -> s.ReservationOut:
    desk = call.services.desk
    gone = await desk.line.decline(call.ask(), call.id)
    call.services.nudge()
    return await present.reservation(desk, gone, call.now)
