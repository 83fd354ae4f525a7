"""TODO docstring."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import time

from handlers.check_in import schemas as check_in_schemas
from handlers.http.endpoint import ApiRequest
from handlers.http.request_parsing import digest_of
from handlers.reservations import schemas
from handlers.reservations.api import _shown
from handlers.seat_map import presenter
from models.booking.desk import Desk
from models.check_in import renewal
from models.check_in import service as check_in_service
from models.check_in.service import KioskCodeScan
from models.readers.context import RequestContext
from models.reservations.entities import Reservation

_ByScan = Callable[[Desk, RequestContext, str, KioskCodeScan], Awaitable[Reservation]]


async def check_in(
    call: ApiRequest, body: check_in_schemas.KioskCodeRequest
) -> schemas.ReservationOut:
    return await _scanned(call, body, check_in_service.check_in)


async def come_back(
    call: ApiRequest, body: check_in_schemas.KioskCodeRequest
) -> schemas.ReservationOut:
    return await _scanned(call, body, check_in_service.return_from_leave)


async def _scanned(
    call: ApiRequest, body: check_in_schemas.KioskCodeRequest, verb: _ByScan
) -> schemas.ReservationOut:
    desk, ask = call.services.desk, call.context(digest_of(body))
    await desk.get_own(call.id, call.reader.id)
    # Before the code is looked at: the key is good for a day, the code for half a minute.
    if (known := await desk.replay(ask)) is not None:
        return await _shown(call, known)
    step_seconds = desk.policy.kiosk_code_seconds
    scan = await call.services.kiosks.verify(body.qr, call.reader.id, step_seconds, call.now)
    return await _shown(call, await verb(desk, ask, call.id, scan))


async def leave(call: ApiRequest) -> schemas.ReservationOut:
    return await _shown(
        call, await check_in_service.leave(call.services.desk, call.context(), call.id)
    )


async def finish(call: ApiRequest) -> schemas.ReservationOut:
    return await _shown(
        call, await check_in_service.finish(call.services.desk, call.context(), call.id)
    )


async def extend(call: ApiRequest, body: check_in_schemas.Extend) -> schemas.ReservationOut:
    extended = await renewal.renew(
        call.services.desk, call.context(digest_of(body)), call.id, time.fromisoformat(body.end)
    )
    return await _shown(call, extended)


async def confirm(call: ApiRequest) -> schemas.ReservationOut:
    return await _shown(
        call, await check_in_service.confirm(call.services.desk, call.context(), call.id)
    )


async def extensions(call: ApiRequest) -> check_in_schemas.EndsOut:
    ends = await renewal.renewal_choices(call.services.desk, call.context(), call.id)
    return check_in_schemas.EndsOut([presenter.choice(end) for end in ends])
