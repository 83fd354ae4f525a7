from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import time
from typing import Final

from bind.scanned_codes import ScannedCodes
from handlers.check_in.schemas import EndsOut, OtherEnd, ScanRequest
from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import ApiRequest
from handlers.http.keys import REFERENCE
from handlers.http.request_parsing import digest_of
from handlers.reservations import presenter
from handlers.reservations.schemas import ReservationOut
from handlers.seat_map.presenter import choice
from models.check_in.arrival import PresenceScan
from models.check_in.early_end import EarlyEndService
from models.check_in.errors import (
    EndNotEarlier,
    NothingToConfirm,
    OtherInUse,
    PresenceMethodOff,
    QrExpired,
    QrUsed,
    TooOften,
    WrongRoom,
    WrongSeat,
    WrongVenue,
)
from models.check_in.renewal import RenewalService
from models.check_in.service import CheckInService
from models.kernel.errors import NotFound, TooManyAttempts
from models.kiosks.errors import QrInvalid
from models.readers.context import RequestContext
from models.reservations.entities import Reservation
from models.reservations.errors import (
    OWN_RESERVATION,
    Closed,
    OffGrid,
    OwnOverlap,
    SeatDisabled,
    SeatTaken,
    TooEarly,
    TooLate,
    TooLong,
)

routes = ApiRoutes()
_SCAN: Final = (
    PresenceMethodOff,
    QrInvalid,
    QrExpired,
    QrUsed,
    TooLate,
    WrongSeat,
    WrongRoom,
    WrongVenue,
    TooManyAttempts,
)

_ByScan = Callable[[RequestContext, str, PresenceScan], Awaitable[Reservation]]


# A card's session at a kiosk may send a scanned code too, but the kiosk's screen never does: it
# uses `POST /kiosks/{id}/check-in`, where the card is the proof of presence.
@routes.post(
    "/reservations/{id}/check-in",
    "Check in with a kiosk's code or the seat's label; a reader on leave returns",
    idempotent=True,
    errors=(*OWN_RESERVATION, *_SCAN, TooEarly, OtherInUse),
    at_kiosk=True,
)
async def check_in(call: ApiRequest, body: ScanRequest) -> ReservationOut:
    return await _scanned(call, body, call[CheckInService].check_in)


@routes.post(
    "/reservations/{id}/return",
    "Return from a leave with a kiosk's code or the seat's label",
    idempotent=True,
    errors=(*OWN_RESERVATION, *_SCAN),
    at_kiosk=True,
)
async def return_from_leave(call: ApiRequest, body: ScanRequest) -> ReservationOut:
    return await _scanned(call, body, call[CheckInService].return_from_leave)


async def _scanned(call: ApiRequest, body: ScanRequest, work: _ByScan) -> ReservationOut:
    ctx = call.context(digest_of(body))
    # Before the code is verified: the key is valid for a day, the code for half a minute.
    previous = await call[CheckInService].previous_result(ctx, call.id)
    if previous is not None:
        return await presenter.after_change(call, previous)
    step_seconds = call[REFERENCE].policy_on(call.zone.day(call.now), None).kiosk_code_seconds
    assert call.principal is not None
    scan = await call[ScannedCodes].brought(
        body.qr, call.principal.session.id, call.reader.id, step_seconds, call.now
    )
    return await presenter.after_change(call, await work(ctx, call.id, scan))


@routes.post(
    "/reservations/{id}/leave",
    "Start a temporary leave",
    idempotent=True,
    errors=OWN_RESERVATION,
    at_kiosk=True,
)
async def leave(call: ApiRequest) -> ReservationOut:
    left = await call[CheckInService].leave(call.context(), call.id)
    return await presenter.after_change(call, left)


@routes.post(
    "/reservations/{id}/finish",
    "End the stay and give the seat back",
    idempotent=True,
    errors=OWN_RESERVATION,
    at_kiosk=True,
)
async def finish(call: ApiRequest) -> ReservationOut:
    finished = await call[CheckInService].finish(call.context(), call.id)
    return await presenter.after_change(call, finished)


@routes.post(
    "/reservations/{id}/confirm",
    "Confirm a gate's action on the reader's behalf",
    idempotent=True,
    errors=(NotFound, NothingToConfirm),
    at_kiosk=True,
)
async def confirm(call: ApiRequest) -> ReservationOut:
    confirmed = await call[CheckInService].confirm(call.context(), call.id)
    return await presenter.after_change(call, confirmed)


@routes.post(
    "/reservations/{id}/extend",
    "Extend the stay",
    idempotent=True,
    errors=(
        *OWN_RESERVATION,
        SeatTaken,
        OwnOverlap,
        TooLong,
        TooEarly,
        TooOften,
        OffGrid,
        Closed,
        SeatDisabled,
    ),
    at_kiosk=True,
)
async def renew(call: ApiRequest, body: OtherEnd) -> ReservationOut:
    renewed = await call[RenewalService].renew(
        call.context(digest_of(body)), call.id, time.fromisoformat(body.end)
    )
    return await presenter.after_change(call, renewed)


@routes.get(
    "/reservations/{id}/extensions",
    "List the later ends that are possible now",
    errors=(NotFound,),
    at_kiosk=True,
)
async def renewal_choices(call: ApiRequest) -> EndsOut:
    ends = await call[RenewalService].renewal_choices(call.context(), call.id)
    return EndsOut([choice(call.zone, end, call.now) for end in ends])


@routes.post(
    "/reservations/{id}/shorten",
    "Bring the end of the stay forward; the rest of the time becomes free",
    idempotent=True,
    errors=(*OWN_RESERVATION, EndNotEarlier, OffGrid),
    at_kiosk=True,
)
async def shorten(call: ApiRequest, body: OtherEnd) -> ReservationOut:
    shortened = await call[EarlyEndService].shorten(
        call.context(digest_of(body)), call.id, time.fromisoformat(body.end)
    )
    return await presenter.after_change(call, shortened)


@routes.get(
    "/reservations/{id}/earlier-ends",
    "List the earlier ends that are possible now",
    errors=(NotFound,),
    at_kiosk=True,
)
async def earlier_ends(call: ApiRequest) -> EndsOut:
    ends = await call[EarlyEndService].earlier_ends(call.context(), call.id)
    return EndsOut([choice(call.zone, end, call.now) for end in ends])
