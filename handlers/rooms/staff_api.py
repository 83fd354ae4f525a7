from __future__ import annotations

from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import Access, ApiRequest
from handlers.http.keys import REFERENCE, WAKE_JOBS
from handlers.reservations.staff_api import id_for, printable
from handlers.rooms import presenter
from handlers.rooms.schemas import RoomRequestOut, RoomRequestsOut
from handlers.staff.api import rights_of, staff_of
from handlers.staff.schemas import InReadersPlace
from models.identity.api_tokens import Scope
from models.library.rooms import RequestAnswer
from models.reservations.errors import OWN_RESERVATION
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


async def _answered(call: ApiRequest, answer: RequestAnswer, reason: str) -> RoomRequestOut:
    b = await call[StaffRooms].answer(staff_of(call), call.id, answer, reason)
    call[WAKE_JOBS]()
    return _out(call, b)


def _out(call: ApiRequest, b: RoomBooking) -> RoomRequestOut:
    return presenter.request(call[REFERENCE], b, id_for(call, b.booker))
