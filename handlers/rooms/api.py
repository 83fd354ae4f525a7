from __future__ import annotations

from functools import partial
from typing import Final

from bind.scanned_codes import ScannedCodes
from handlers.check_in.schemas import ScanRequest
from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import ApiRequest
from handlers.http.keys import REFERENCE, WAKE_JOBS
from handlers.http.request_parsing import digest_of
from handlers.http.schemas import Page, Pagination
from handlers.reservations.schemas import time_of
from handlers.rooms import presenter
from handlers.rooms.schemas import (
    BookRoom,
    ChangeRoomBooking,
    RoomBookingDetail,
    RoomBookingOut,
    RoomBookingsOut,
    RoomInvitationOut,
    RoomsOut,
    RoomsQuery,
    wish_of,
)
from models.check_in.errors import (
    PresenceMethodOff,
    QrExpired,
    QrUsed,
    WrongRoom,
    WrongSeat,
    WrongVenue,
)
from models.kernel.errors import Malformed, NotFound, TooManyAttempts
from models.kiosks.errors import QrInvalid
from models.reservations.errors import (
    OWN_RESERVATION,
    READER_MAY_BOOK,
    Closed,
    GroupOnly,
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
from models.rooms.changes import RoomChangeService
from models.rooms.errors import (
    ApprovalNeeded,
    EndBeforeStart,
    PeopleBusy,
    RequestTooLate,
    RoomFull,
    RoomTaken,
    WeeklyLimit,
)
from models.rooms.presence import RoomPresence
from models.rooms.service import RoomService

routes = ApiRoutes()
_ROOM_TIME: Final = (
    *(GroupOnly, InThePast, OutsideHorizon, Closed, OffGrid, TooShort, TooLong, EndBeforeStart),
)
_SCAN: Final = (
    *(PresenceMethodOff, QrInvalid, QrExpired, QrUsed, WrongSeat, WrongRoom, WrongVenue),
    *(TooManyAttempts, TooEarly, TooLate, TooFewPeople),
)


@routes.get("/rooms", "List the study rooms with their free and taken times on a day")
async def list_rooms(call: ApiRequest, query: RoomsQuery) -> RoomsOut:
    day = query.date or call.zone.day(call.now)
    if not 2000 <= day.year < 2100:
        raise Malformed("date", "must be a day in the years 2000 to 2099")
    reference = call[REFERENCE]
    rooms = [r for r in reference.rooms_in_use() if query.venue_id in (None, r.venue_id)]
    days = await call[RoomService].day(day, rooms)
    instead = [reference.room_groups_instead(d.room, call.reader, day) for d in days]
    return RoomsOut([*map(partial(presenter.day, reference), days, instead)])


@routes.post(
    "/room-bookings",
    "Reserve a study room, or request it where the library answers requests",
    status=201,
    idempotent=True,
    takes_seat=True,
    errors=(
        *(NotFound, RoomTaken, OwnOverlap, WeeklyLimit, RequestTooLate, *READER_MAY_BOOK),
        *_ROOM_TIME,
    ),
)
async def book(call: ApiRequest, body: BookRoom) -> RoomBookingOut:
    """Reserves the room for the reader. The same request once more returns the booking as it
    is, also without an idempotency key."""
    purpose = body.purpose.strip()
    ctx = call.context(digest_of(body))
    made = await call[RoomService].book(ctx, body.room_id, time_of(body), purpose)
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


@routes.get("/past-room-bookings", "List the study rooms that the reader had, newest first")
async def list_past(call: ApiRequest, query: Pagination) -> Page[RoomBookingOut]:
    """The ended bookings that the reader has made or taken part in, also those of today."""
    past, total = await call[RoomService].past_of(call.reader.id, query.offset, query.page_size)
    return query.page_of([_out(call, b) for b in past], total)


@routes.get(
    "/room-bookings/{id}",
    "Get the reservation of a study room with its history",
    errors=(NotFound,),
)
async def get_own(call: ApiRequest) -> RoomBookingDetail:
    b = await call[RoomService].own(call.reader.id, call.id)
    invitation = call[RoomService].invitation_to(b)
    return presenter.detail(call[REFERENCE], b, call.reader.id, invitation)


@routes.post(
    "/room-bookings/{id}/change",
    "Change the room or the time, or extend a stay; if this is refused, the reservation stays",
    takes_seat=True,
    errors=(
        *(*OWN_RESERVATION, *READER_MAY_BOOK, *_ROOM_TIME, RoomTaken, RoomFull, OwnOverlap),
        *(PeopleBusy, WeeklyLimit, RequestTooLate, ApprovalNeeded, TooLate),
    ),
)
async def change(call: ApiRequest, body: ChangeRoomBooking) -> RoomBookingOut:
    changes = call[RoomChangeService]
    return _changed(call, await changes.change(call.context(), call.id, wish_of(body)))


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
    "Check in with the code of a kiosk of the venue, or the label of the room",
    errors=(*OWN_RESERVATION, *_SCAN),
)
async def check_in(call: ApiRequest, body: ScanRequest) -> RoomBookingOut:
    step_seconds = call[REFERENCE].policy_on(call.zone.day(call.now), None).kiosk_code_seconds
    assert call.principal is not None
    scan = await call[ScannedCodes].brought(
        body.qr, call.principal.session.id, call.reader.id, step_seconds, call.now
    )
    return _changed(call, await call[RoomPresence].check_in(call.context(), call.id, scan))


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
