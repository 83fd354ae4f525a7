"""What a kiosk asks for: the code that it shows."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Final

from handlers.accounts import presenter
from handlers.http.endpoint import ApiRequest
from handlers.http.qr import svg
from handlers.kiosks import schemas
from handlers.reservations import presenter as reservations_presenter
from handlers.reservations import schemas as reservations_schemas
from models.check_in import service as check_in_service
from models.check_in.service import KioskCodeScan
from models.identity.entities import SessionKind
from models.kernel.errors import NotAllowed, NotFound, Unauthenticated
from models.kernel.time_range import floor_minute, local_date, local_instant, to_local
from models.library.entities import Kiosk, KioskId
from models.readers.errors import CardUnknown
from models.reservations.state_machine import BOOKING_STATES
from models.storage.attempt_limiter import AttemptLimit

IDLE_S: Final = 30
"""Without a touch for so long, the screen signs out."""
_WRONG_CARDS: Final = 30
SCREEN: Final = "X-Kiosk-Screen"
"""A kiosk's screen says that it is one: readers rely on it, and it is missed when it is silent."""


async def _kiosk(call: ApiRequest) -> Kiosk:
    """The kiosk that asks. Raises: NotFound, Unauthenticated."""
    desk = call.services.desk
    kiosk = desk.library.kiosks.get(KioskId(call.id))
    if kiosk is None:
        raise NotFound()
    key = call.request.headers.get("X-Kiosk-Key", "")
    if not key or not await desk.catalogue.verify_kiosk_key(kiosk.id, key):
        raise Unauthenticated()
    return kiosk


async def touch(call: ApiRequest, body: schemas.CardLogin) -> schemas.TouchOut:
    """A card at a seat kiosk signs its owner in, for a moment. Raises: CardUnknown."""
    kiosk, services, desk = await _kiosk(call), call.services, call.services.desk
    if kiosk.kind != "seat_kiosk":
        raise NotFound()
    limits = [AttemptLimit(f"card:{kiosk.id}", _WRONG_CARDS, timedelta(minutes=10))]
    await services.throttles.register(limits, call.now)
    reader_id = await desk.cards.reader_of(body.card)
    reader = await desk.readers.get(reader_id) if reader_id is not None else None
    if reader is None:
        raise CardUnknown()
    await services.throttles.refund(limits)
    issued = await services.sessions.open_kiosk(reader.id, call.now)
    live = await desk.reservations.live_of(reader.id, local_instant(local_date(call.now), time(0)))
    return schemas.TouchOut(
        token=issued.token,
        expires_at=to_local(issued.expires_at),
        idle_seconds=IDLE_S,
        reader=presenter.reader(reader),
        active=[
            await reservations_presenter.reservation(desk, r, call.now)
            for r in live
            if r.state in BOOKING_STATES
        ],
    )


async def check_in(
    call: ApiRequest, body: schemas.KioskCheckIn
) -> reservations_schemas.ReservationOut:
    """Who stands before the kiosk needs no code: check in, or return. Raises: as the scan."""
    kiosk, desk = await _kiosk(call), call.services.desk
    assert call.principal is not None
    if call.principal.session.kind is not SessionKind.KIOSK:
        raise NotAllowed()
    step = int(call.now.timestamp()) // desk.policy.kiosk_code_seconds
    # No step of a code: that of this moment may have been used, and none is used up here.
    scan = KioskCodeScan(kiosk.id, -step, True)
    done = await check_in_service.check_in(desk, call.context(), body.reservation_id, scan)
    call.services.nudge()
    return await reservations_presenter.reservation(desk, done, call.now)


async def code(call: ApiRequest) -> schemas.KioskCodeOut:
    desk, kiosk = call.services.desk, await _kiosk(call)
    if SCREEN in call.request.headers:
        await call.services.watch.record_kiosk_seen(kiosk.id, call.now)
    step = desk.policy.kiosk_code_seconds
    shown = await call.services.kiosks.current(kiosk.id, step, call.now)
    return schemas.KioskCodeOut(
        payload=shown.payload,
        svg=svg(shown.payload),
        expires_at=to_local(shown.expires_at),
        step_seconds=step,
        kind=kiosk.kind,
        free=await _free(call, kiosk) if kiosk.kind == "seat_kiosk" else [],
    )


async def _free(call: ApiRequest, kiosk: Kiosk) -> list[schemas.FreeOut]:
    desk, plans, minute = call.services.desk, call.services.plans, floor_minute(call.now)
    asked = plans.window(desk, None, None, None, minute)
    board = await desk.board.get_day(asked.day)
    return [
        schemas.FreeOut(area.name, plans.plan(desk, area, board, asked, minute).view.count.free)
        for area in desk.library.bookable_areas
        if area.venue_id == kiosk.venue_id
    ]
