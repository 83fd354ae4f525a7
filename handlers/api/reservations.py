"""A reader's reservations and all that can be done with them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import time

from handlers.api import present
from handlers.api import schemas as s
from handlers.api.contract import Call, digest_of
from models.booking import attend, reserve
from models.booking.attend import Scan
from models.booking.desk import Ask, Desk
from models.reservation import Reservation, State
from models.rules import Wish

_ByScan = Callable[[Desk, Ask, str, Scan], Awaitable[Reservation]]


async def make(call: Call, body: s.Reserve) -> s.ReservationOut:
    start = None if body.start == "now" else time.fromisoformat(body.start)
    wish = Wish(body.date, start, time.fromisoformat(body.end))
    made = await reserve.reserve(call.services.desk, call.ask(digest_of(body)), body.seat_id, wish)
    return await _shown(call, made)


async def listed(call: Call, query: s.ReservationsQuery) -> s.Page[s.ReservationOut]:
    desk = call.services.desk
    states = [State(query.state)] if query.state else []
    rows, total = await desk.reservations.page_of(
        call.reader.id, states, query.offset, query.page_size
    )
    items = [await present.reservation(desk, r, call.now) for r in rows]
    return query.page_of(items, total)


async def one(call: Call) -> s.ReservationDetail:
    desk = call.services.desk
    return await present.detail(desk, await desk.own(call.id, call.reader.id), call.now)


async def cancel(call: Call) -> s.ReservationOut:
    return await _shown(call, await reserve.cancel(call.services.desk, call.ask(), call.id))


async def change(call: Call, body: s.Change) -> s.ReservationOut:
    start: time | str | None = body.start
    if body.start not in (None, "now"):
        start = time.fromisoformat(str(body.start))
    end = time.fromisoformat(body.end) if body.end else None
    changed = await reserve.change(
        call.services.desk, call.ask(digest_of(body)), call.id, body.seat_id, start, end
    )
    return await _shown(call, changed)


async def check_in(call: Call, body: s.Scanned) -> s.ReservationOut:
    return await _scanned(call, body, attend.check_in)


async def come_back(call: Call, body: s.Scanned) -> s.ReservationOut:
    return await _scanned(call, body, attend.come_back)


async def _scanned(call: Call, body: s.Scanned, verb: _ByScan) -> s.ReservationOut:
    desk, ask = call.services.desk, call.ask(digest_of(body))
    await desk.own(call.id, call.reader.id)
    # Before the code is looked at: the key is good for a day, the code for half a minute.
    if (known := await desk.replay(ask)) is not None:
        return await _shown(call, known)
    step_seconds = desk.policy.kiosk_step_seconds
    scan = await call.services.kiosks.verify(body.qr, call.reader.id, step_seconds, call.now)
    return await _shown(call, await verb(desk, ask, call.id, scan))


async def leave(call: Call) -> s.ReservationOut:
    return await _shown(call, await attend.leave(call.services.desk, call.ask(), call.id))


async def finish(call: Call) -> s.ReservationOut:
    return await _shown(call, await attend.finish(call.services.desk, call.ask(), call.id))


async def extend(call: Call, body: s.Extend) -> s.ReservationOut:
    extended = await attend.extend(
        call.services.desk, call.ask(digest_of(body)), call.id, time.fromisoformat(body.end)
    )
    return await _shown(call, extended)


async def confirm(call: Call) -> s.ReservationOut:
    return await _shown(call, await attend.confirm(call.services.desk, call.ask(), call.id))


async def report(call: Call, body: s.ReportTaken) -> s.ReportOut:
    desk = call.services.desk
    r = await attend.report(desk, call.ask(digest_of(body)), call.id, body.kind)
    near = await reserve.nearest_of(desk, r, call.now)
    return s.ReportOut(await _shown(call, r), [s.NearSeat(**seat) for seat in near])


async def doubt(call: Call) -> s.DoubtOut:
    services = call.services
    asked = await attend.doubt(services.desk, services.throttles, call.ask(), call.id)
    services.nudge()
    return s.DoubtOut(asked)


async def extensions(call: Call) -> s.EndsOut:
    ends = await attend.extension_choices(call.services.desk, call.ask(), call.id)
    return s.EndsOut([present.choice(end) for end in ends])


async def _shown(call: Call, r: Reservation) -> s.ReservationOut:
    call.services.nudge()
    return await present.reservation(call.services.desk, r, call.now)
