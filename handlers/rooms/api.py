from __future__ import annotations

from typing import Final

from bind.scanned_codes import ScannedCodes
from handlers.check_in.schemas import ScanRequest
from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import ApiRequest
from handlers.http.keys import REFERENCE, WAKE_JOBS
from handlers.reservations.schemas import time_of
from handlers.rooms import presenter
from handlers.rooms.schemas import (
    BookRoom,
    RoomBookingOut,
    RoomBookingsOut,
    RoomInvitationOut,
    RoomsOut,
    RoomsQuery,
)
from models.check_in.errors import PresenceMethodOff, QrExpired, QrUsed, WrongSeat, WrongVenue
from models.kernel.errors import Malformed, NotFound, TooManyAttempts
from models.kiosks.errors import QrInvalid
from models.reservations.errors import (
    OWN_RESERVATION,
    READER_MAY_BOOK,
    Closed,
    InThePast,
    OffGrid,
    OutsideHorizon,
    OwnOverlap,
    TooEarly,
    TooFewPeople,
    TooLate,
    TooLong,
    TooShort,
)
from models.reservations.room_booking import RoomBooking
from models.rooms.errors import RequestTooLate, RoomFull, RoomTaken, WeeklyLimit
from models.rooms.service import RoomService

routes = ApiRoutes()
_SCAN: Final = (
    *(PresenceMethodOff, QrInvalid, QrExpired, QrUsed, WrongSeat, WrongVenue, TooManyAttempts),
    *(TooEarly, TooLate, TooFewPeople),
)


@routes.get("/rooms", "List the study rooms with their free and taken times on a day")
async def list_rooms(call: ApiRequest, query: RoomsQuery) -> RoomsOut:
    day = query.date or call.zone.day(call.now)
    if not 2000 <= day.year < 2100:
        raise Malformed("date", "must be a day in the years 2000 to 2099")
    rooms = [
        room for room in call[REFERENCE].rooms_in_use() if query.venue_id in (None, room.venue_id)
    ]
    days = await call[RoomService].day(day, rooms)
    return RoomsOut([presenter.day(call[REFERENCE], each) for each in days])


@routes.post(
    "/room-bookings",
    "Reserve a study room, or request it where the library answers requests",
    status=201,
    takes_seat=True,
    errors=(
        *(NotFound, RoomTaken, OwnOverlap, WeeklyLimit, RequestTooLate, *READER_MAY_BOOK),
        *(InThePast, OutsideHorizon, Closed, OffGrid, TooShort, TooLong),
    ),
)
async def book(call: ApiRequest, body: BookRoom) -> RoomBookingOut:
    """Reserves the room for the reader. The same request once more returns the booking as it
    is, so it needs no idempotency key."""
    purpose = body.purpose.strip()
    made = await call[RoomService].book(call.context(), body.room_id, time_of(body), purpose)
    return _changed(call, made)


def _changed(call: ApiRequest, b: RoomBooking) -> RoomBookingOut:
    """The changed booking as a response. Also wakes the jobs that may follow the change."""
    call[WAKE_JOBS]()
    return _out(call, b)


def _out(call: ApiRequest, b: RoomBooking) -> RoomBookingOut:
    invitation = call[RoomService].invitation_to(b)
    return presenter.own(call[REFERENCE], b, call.reader.id, invitation)


@routes.get("/room-bookings", "List the study rooms that the reader has, or takes part in")
async def list_own(call: ApiRequest) -> RoomBookingsOut:
    """The bookings that have not ended before today, the earliest first."""
    today = call.zone.midnight(call.zone.day(call.now))
    bookings = await call[RoomService].of(call.reader.id, today)
    return RoomBookingsOut([_out(call, b) for b in bookings])


@routes.get("/room-bookings/{id}", "Get the reservation of a study room", errors=(NotFound,))
async def get_own(call: ApiRequest) -> RoomBookingOut:
    return _out(call, await call[RoomService].own(call.reader.id, call.id))


@routes.post(
    "/room-bookings/{id}/cancel",
    "Cancel the reservation of a study room, or withdraw the request",
    errors=OWN_RESERVATION,
)
async def cancel(call: ApiRequest) -> RoomBookingOut:
    return _changed(call, await call[RoomService].cancel(call.context(), call.id))


@routes.post(
    "/room-bookings/{id}/finish",
    "End the stay and give the study room back",
    errors=OWN_RESERVATION,
)
async def finish(call: ApiRequest) -> RoomBookingOut:
    return _changed(call, await call[RoomService].finish(call.context(), call.id))


@routes.post(
    "/room-bookings/{id}/check-in",
    "Check in with the code of a kiosk of the venue",
    errors=(*OWN_RESERVATION, *_SCAN),
)
async def check_in(call: ApiRequest, body: ScanRequest) -> RoomBookingOut:
    step_seconds = call[REFERENCE].policy_on(call.zone.day(call.now), None).kiosk_code_seconds
    assert call.principal is not None
    scan = await call[ScannedCodes].brought(
        body.qr, call.principal.session.id, call.reader.id, step_seconds, call.now
    )
    return _changed(call, await call[RoomService].check_in(call.context(), call.id, scan))


@routes.get(
    "/room-invitations/{id}", "Get the study room to which one is invited", errors=(NotFound,)
)
async def get_invitation(call: ApiRequest) -> RoomInvitationOut:
    return _invited(call, await call[RoomService].invited(call.id))


@routes.post(
    "/room-invitations/{id}/confirm",
    "Take part in the reservation of a study room",
    errors=(*OWN_RESERVATION, *READER_MAY_BOOK, TooLate, RoomFull, OwnOverlap),
)
async def confirm(call: ApiRequest) -> RoomInvitationOut:
    return _invited(call, await call[RoomService].confirm(call.context(), call.id))


@routes.post(
    "/room-invitations/{id}/withdraw",
    "No longer take part in the reservation of a study room",
    errors=OWN_RESERVATION,
)
async def withdraw(call: ApiRequest) -> RoomInvitationOut:
    return _invited(call, await call[RoomService].withdraw(call.context(), call.id))


def _invited(call: ApiRequest, b: RoomBooking) -> RoomInvitationOut:
    return presenter.invitation(call[REFERENCE], b, call.reader.id)
