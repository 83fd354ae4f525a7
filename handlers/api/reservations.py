"""A reader's reservations and all that can be done with them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import time

from handlers.api import present
from handlers.api import schemas as s
from handlers.api.contract import ApiRequest, digest_of
from models.booking.desk import Desk
from models.check_in import renewal
from models.check_in import service as check_in_service
from models.check_in.service import KioskCodeScan
from models.readers.context import RequestContext
from models.reservations import alternatives
from models.reservations import service as reservations_service
from models.reservations.entities import Reservation
from models.reservations.rules import TimeSelection
from models.reservations.state_machine import ReservationState
from models.seat_reports import service as seat_reports_service

_ByScan = Callable[[Desk, RequestContext, str, KioskCodeScan], Awaitable[Reservation]]


async def make(call: ApiRequest, body: s.CreateReservation) -> s.ReservationOut:
    start = None if body.start == "now" else time.fromisoformat(body.start)
    wish = TimeSelection(body.date, start, time.fromisoformat(body.end))
    made = await reservations_service.create(
        call.services.desk, call.context(digest_of(body)), body.seat_id, wish
    )
    return await _shown(call, made)


async def listed(call: ApiRequest, query: s.ReservationsQuery) -> s.Page[s.ReservationOut]:
    desk = call.services.desk
    states = [ReservationState(query.state)] if query.state else []
    rows, total = await desk.reservations.page_of(
        call.reader.id, states, query.offset, query.page_size
    )
    items = [await present.reservation(desk, r, call.now) for r in rows]
    return query.page_of(items, total)


async def one(call: ApiRequest) -> s.ReservationDetail:
    desk = call.services.desk
    return await present.detail(desk, await desk.get_own(call.id, call.reader.id), call.now)


async def cancel(call: ApiRequest) -> s.ReservationOut:
    return await _shown(
        call, await reservations_service.cancel(call.services.desk, call.context(), call.id)
    )


async def change(call: ApiRequest, body: s.ChangeReservation) -> s.ReservationOut:
    start: time | str | None = body.start
    if body.start not in (None, "now"):
        start = time.fromisoformat(str(body.start))
    end = time.fromisoformat(body.end) if body.end else None
    changed = await reservations_service.change(
        call.services.desk, call.context(digest_of(body)), call.id, body.seat_id, start, end
    )
    return await _shown(call, changed)


async def check_in(call: ApiRequest, body: s.KioskCodeRequest) -> s.ReservationOut:
    return await _scanned(call, body, check_in_service.check_in)


async def come_back(call: ApiRequest, body: s.KioskCodeRequest) -> s.ReservationOut:
    return await _scanned(call, body, check_in_service.return_from_leave)


async def _scanned(call: ApiRequest, body: s.KioskCodeRequest, verb: _ByScan) -> s.ReservationOut:
    desk, ask = call.services.desk, call.context(digest_of(body))
    await desk.get_own(call.id, call.reader.id)
    # Before the code is looked at: the key is good for a day, the code for half a minute.
    if (known := await desk.replay(ask)) is not None:
        return await _shown(call, known)
    step_seconds = desk.policy.kiosk_code_seconds
    scan = await call.services.kiosks.verify(body.qr, call.reader.id, step_seconds, call.now)
    return await _shown(call, await verb(desk, ask, call.id, scan))


async def leave(call: ApiRequest) -> s.ReservationOut:
    return await _shown(
        call, await check_in_service.leave(call.services.desk, call.context(), call.id)
    )


async def finish(call: ApiRequest) -> s.ReservationOut:
    return await _shown(
        call, await check_in_service.finish(call.services.desk, call.context(), call.id)
    )


async def extend(call: ApiRequest, body: s.Extend) -> s.ReservationOut:
    extended = await renewal.renew(
        call.services.desk, call.context(digest_of(body)), call.id, time.fromisoformat(body.end)
    )
    return await _shown(call, extended)


async def confirm(call: ApiRequest) -> s.ReservationOut:
    return await _shown(
        call, await check_in_service.confirm(call.services.desk, call.context(), call.id)
    )


async def report(call: ApiRequest, body: s.ReportTaken) -> s.ReportOut:
    desk = call.services.desk
    r = await seat_reports_service.report_occupied(
        desk, call.context(digest_of(body)), call.id, body.kind
    )
    near = await alternatives.alternatives_for(desk, r, call.now)
    return s.ReportOut(await _shown(call, r), [s.NearSeat(**seat) for seat in near])


async def doubt(call: ApiRequest) -> s.EmptySeatReportOut:
    services = call.services
    asked = await seat_reports_service.report_empty(
        services.desk, services.throttles, call.context(), call.id
    )
    services.nudge()
    return s.EmptySeatReportOut(asked)


async def extensions(call: ApiRequest) -> s.EndsOut:
    ends = await renewal.renewal_choices(call.services.desk, call.context(), call.id)
    return s.EndsOut([present.choice(end) for end in ends])


async def _shown(call: ApiRequest, r: Reservation) -> s.ReservationOut:
    call.services.nudge()
    return await present.reservation(call.services.desk, r, call.now)
