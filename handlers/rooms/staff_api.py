from __future__ import annotations

from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import Access, ApiRequest
from handlers.http.keys import REFERENCE, WAKE_JOBS
from handlers.reservations.staff_api import id_for, printable
from handlers.rooms import presenter
from handlers.rooms.schemas import RoomRequestOut, RoomRequestsOut, StaffRoomsQuery
from handlers.staff.api import rights_of, staff_of
from handlers.staff.schemas import InReadersPlace
from models.identity.api_tokens import Scope
from models.kernel.errors import Malformed
from models.library.rooms import RequestAnswer
from models.reservations.errors import OWN_RESERVATION, TooEarly, TooFewPeople, TooLate
from models.reservations.room_booking import RoomBooking
from models.rooms.staff import StaffRooms
from models.staff.audit import AuditAction
from models.staff.audit_log import AuditLog

routes = ApiRoutes()


@routes.get(
    "/staff/room-requests",
    "List the requests for study rooms that wait for an answer",
    Access.LIBRARIAN,
    scope=Scope.RESERVATIONS_READ,
    audited=True,
)
async def list_requests(call: ApiRequest) -> RoomRequestsOut:
    ctx = staff_of(call)
    if call.program is None:
        await call[AuditLog].record_look(ctx, AuditAction.LOOKED_UP, target="room-requests")
    requests = await call[StaffRooms].requests(ctx, rights_of(call).venues)
    return RoomRequestsOut([_out(call, b) for b in requests])


@routes.post(
    "/staff/room-requests/{id}/approve",
    "Approve a request for a study room",
    Access.LIBRARIAN,
    scope=Scope.RESERVATIONS_WRITE,
    errors=OWN_RESERVATION,
    audited=True,
)
async def approve(call: ApiRequest) -> RoomRequestOut:
    return await _answered(call, RequestAnswer.APPROVE, "")


@routes.post(
    "/staff/room-requests/{id}/decline",
    "Decline a request for a study room; its reader sees the reason",
    Access.LIBRARIAN,
    scope=Scope.RESERVATIONS_WRITE,
    errors=OWN_RESERVATION,
    audited=True,
)
async def decline(call: ApiRequest, body: InReadersPlace) -> RoomRequestOut:
    return await _answered(call, RequestAnswer.DECLINE, printable(body.reason))


@routes.get(
    "/staff/room-bookings",
    "List a day's study rooms that are reserved or in use",
    Access.LIBRARIAN,
    scope=Scope.RESERVATIONS_READ,
    audited=True,
)
async def list_rooms(call: ApiRequest, query: StaffRoomsQuery) -> RoomRequestsOut:
    day = query.date or call.zone.day(call.now)
    if not 2000 <= day.year < 2100:
        raise Malformed("date", "must be a day in the years 2000 to 2099")
    ctx = staff_of(call)
    if call.program is None:
        await call[AuditLog].record_look(ctx, AuditAction.LOOKED_UP, target=f"bookings:{day}")
    venues = rights_of(call).venues
    bookings = await call[StaffRooms].occupancies(day, day, venues, 0)
    return RoomRequestsOut([_out(call, b) for b in bookings])


@routes.post(
    "/staff/room-bookings/{id}/check-in",
    "Check in the people of a study room, of whom one is seen",
    Access.LIBRARIAN,
    scope=Scope.RESERVATIONS_WRITE,
    errors=(*OWN_RESERVATION, TooEarly, TooLate, TooFewPeople),
    audited=True,
)
async def check_in_room(call: ApiRequest, body: InReadersPlace) -> RoomRequestOut:
    b = await call[StaffRooms].check_in(staff_of(call), call.id, printable(body.reason))
    return _changed(call, b)


@routes.post(
    "/staff/room-bookings/{id}/finish",
    "End the stay in a study room whose people have left",
    Access.LIBRARIAN,
    scope=Scope.RESERVATIONS_WRITE,
    errors=OWN_RESERVATION,
    audited=True,
)
async def finish_room(call: ApiRequest, body: InReadersPlace) -> RoomRequestOut:
    b = await call[StaffRooms].finish(staff_of(call), call.id, printable(body.reason))
    return _changed(call, b)


async def _answered(call: ApiRequest, answer: RequestAnswer, reason: str) -> RoomRequestOut:
    b = await call[StaffRooms].answer(staff_of(call), call.id, answer, reason)
    return _changed(call, b)


def _changed(call: ApiRequest, b: RoomBooking) -> RoomRequestOut:
    call[WAKE_JOBS]()
    return _out(call, b)


def _out(call: ApiRequest, b: RoomBooking) -> RoomRequestOut:
    return presenter.request(call[REFERENCE], b, id_for(call, b.booker))
