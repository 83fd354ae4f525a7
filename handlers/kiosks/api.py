from __future__ import annotations

from datetime import timedelta
from typing import Final

from msgspec import UNSET

from bind.kiosk_codes import KioskCodeService
from handlers.accounts import presenter
from handlers.http.api_routes import ApiRoutes
from handlers.http.browser_name import browser_name
from handlers.http.endpoint import AT_KIOSK, Access, ApiRequest
from handlers.http.keys import ATTEMPT_LIMITER, REFERENCE, SESSIONS
from handlers.http.qr import svg
from handlers.http.request_parsing import digest_of
from handlers.kiosks.schemas import CardLogin, FreeOut, KioskCheckIn, KioskCodeOut, TouchOut
from handlers.reservations.presenter import after_change, reservation
from handlers.reservations.schemas import ReservationOut
from handlers.seat_map.cache import SEAT_MAP_CACHE
from handlers.seat_map.encoding import why_closed
from models.booking.service import ReservationService
from models.check_in.arrival import KioskCodeScan
from models.check_in.errors import OtherInUse, PresenceMethodOff, WrongVenue
from models.check_in.service import CheckInService
from models.kernel.errors import Forbidden, NotFound, TooManyAttempts
from models.kernel.time_range import floor_minute
from models.kiosks.service import KioskService
from models.library.entities import Kiosk
from models.outages.monitor import OutageMonitor
from models.readers.errors import CardUnknown
from models.reservations.errors import OWN_RESERVATION, TooEarly, TooLate
from models.reservations.presence import PresenceMethod
from models.reservations.state_machine import BOOKING_STATES
from models.seat_map.service import SeatMapService
from models.storage.attempt_limiter import AttemptLimit

routes = ApiRoutes()


IDLE_S: Final = 30
"""Seconds without a touch after which the screen signs out."""
_WRONG_CARDS: Final = 30
SCREEN: Final = "X-Kiosk-Screen"
"""The header that a screen adds to its requests for codes. A kiosk without such requests counts
as failed."""


async def _kiosk(call: ApiRequest) -> Kiosk:
    """The kiosk authenticated by the key in the header. Raises: NotFound, Unauthenticated."""
    key = call.request.headers.get("X-Kiosk-Key", "")
    return await call[KioskService].authenticate(call.id, key)


@routes.post(
    "/kiosks/{id}/touch",
    "Open a short session at a seat kiosk with a reader's card",
    Access.KIOSK,
    status=201,
    errors=(NotFound, CardUnknown, TooManyAttempts),
)
async def card_login(call: ApiRequest, body: CardLogin) -> TouchOut:
    kiosk = await _kiosk(call)
    if kiosk.kind != "seat_kiosk":
        raise NotFound()
    limits = [AttemptLimit(f"card:{kiosk.id}", _WRONG_CARDS, timedelta(minutes=10))]
    await call[ATTEMPT_LIMITER].register(limits, call.now)
    reader = await call[KioskService].reader_of_card(body.card)
    await call[ATTEMPT_LIMITER].refund(limits)
    issued = await call[SESSIONS].open_kiosk(reader.id, kiosk.id, call.now)
    live = await call[ReservationService].live_now(reader.id, call.now)
    return TouchOut(
        token=issued.token,
        expires_at=call.zone.local(issued.expires_at),
        idle_seconds=IDLE_S,
        reader=presenter.reader(reader),
        active=[
            await reservation(call[REFERENCE], r, call.now)
            for r in live
            if r.state in BOOKING_STATES
        ],
    )


@routes.post(
    "/kiosks/{id}/check-in",
    "Check in or return at the kiosk where the card opened this session",
    idempotent=True,
    errors=(
        *OWN_RESERVATION,
        TooEarly,
        TooLate,
        WrongVenue,
        OtherInUse,
        PresenceMethodOff,
    ),
    sessions=AT_KIOSK,
)
async def check_in(call: ApiRequest, body: KioskCheckIn) -> ReservationOut:
    """Checks the reader in, or ends their leave. The session must have been opened by the
    reader's card at this kiosk. Raises: Forbidden for other sessions; errors of a check-in."""
    kiosk = await _kiosk(call)
    assert call.principal is not None
    if call.principal.session.kiosk_id != kiosk.id:
        raise Forbidden()
    # A card has no code to use up: each touch gets a new number, negative to stay below
    # the numbers of codes.
    touch = -int(call.now.timestamp() * 1000)
    scan = KioskCodeScan(kiosk.id, touch, True, PresenceMethod.CARD)
    ctx = call.context(digest_of(body))
    done = await call[CheckInService].check_in(ctx, body.reservation_id, scan)
    return await after_change(call, done)


@routes.get(
    "/kiosks/{id}/code", "Get the code for the kiosk to show now", Access.KIOSK, errors=(NotFound,)
)
async def current_code(call: ApiRequest) -> KioskCodeOut:
    kiosk = await _kiosk(call)
    if SCREEN in call.request.headers:
        await call[OutageMonitor].record_kiosk_seen(kiosk.id, call.now, browser_name(call.request))
    step = call[REFERENCE].policy_on(call.zone.day(call.now), None).kiosk_code_seconds
    code = await call[KioskCodeService].current(kiosk.id, step, call.now)
    return KioskCodeOut(
        payload=code.payload,
        svg=svg(code.payload),
        expires_at=call.zone.local(code.expires_at),
        step_seconds=step,
        kind=kiosk.kind,
        free=await _free(call, kiosk) if kiosk.kind == "seat_kiosk" else [],
        language=call[REFERENCE].profile.language,
    )


async def _free(call: ApiRequest, kiosk: Kiosk) -> list[FreeOut]:
    cache, minute = call[SEAT_MAP_CACHE], floor_minute(call.now)
    window = cache.window(None, None, None, minute)
    occupancy = await call[SeatMapService].occupancy.get_day(window.day)
    catalog = call[REFERENCE].catalog
    areas = [area for area in catalog.bookable_areas if area.venue_id == kiosk.venue_id]
    plans = [cache.plan(area, occupancy, window, minute) for area in areas]
    return [
        FreeOut(
            seats_free=plan.view.count.free,
            closed=why_closed(plan.view),
            reserved_for=list(plan.reserved_for) or UNSET,
            **catalog.names_of(plan.area),
        )
        for plan in plans
    ]
