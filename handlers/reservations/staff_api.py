"""The API's reservations for programs and staff. Instead of a reader's id, a program gets a
pseudonym, which is different for each program."""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import Final

from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import Access, ApiRequest
from handlers.http.keys import ATTEMPT_LIMITER, REFERENCE
from handlers.http.request_parsing import digest_of
from handlers.reservations import presenter
from handlers.reservations.schemas import time_of
from handlers.staff.api import rights_of, staff_of
from handlers.staff.schemas import (
    BookForReader,
    InReadersPlace,
    StaffReservationOut,
    StaffReservationsOut,
    StaffReservationsQuery,
)
from models.booking.staff.lookup import ReservationLookup
from models.booking.staff.reservations import StaffReservations
from models.check_in.errors import OtherInUse
from models.identity.api_tokens import Scope
from models.identity.roles import Role
from models.kernel.errors import Malformed, NotFound, TooManyAttempts
from models.kernel.ids import ReaderId
from models.kernel.text import is_printable_line
from models.readers.entities import Reader
from models.reservations.entities import Reservation
from models.reservations.errors import BOOKING, OWN_RESERVATION, DailyLimit, TooEarly, TooLate
from models.staff.audit import AuditAction
from models.staff.audit_log import AuditLog, StaffContext
from models.staff.grants import StaffGrants
from models.statistics.service import StatisticsService
from models.storage.attempt_limiter import AttemptLimit

routes = ApiRoutes()
_WRITE: Final = Scope.RESERVATIONS_WRITE

_UNKNOWN_NUMBERS: Final = 20
_WINDOW: Final = timedelta(hours=1)
"""The time in which a caller may try at most ``_UNKNOWN_NUMBERS`` student or staff numbers that
belong to no reader."""


@routes.get(
    "/staff/reservations",
    "List a day's reservations in the order they were made",
    Access.LIBRARIAN,
    scope=Scope.RESERVATIONS_READ,
    errors=(NotFound,),
    audited=True,
)
async def list_reservations(
    call: ApiRequest, query: StaffReservationsQuery
) -> StaffReservationsOut:
    day = query.date or call.zone.day(call.now)
    if not 2000 <= day.year < 2100:
        raise Malformed("date", "must be a day in the years 2000 to 2099")
    if query.area is not None and query.area not in call[REFERENCE].catalog.areas:
        raise NotFound()
    await _record_view(call, f"bookings:{day}")
    filters = {"area": query.area, "state": query.state}
    rows = await call[StatisticsService].page_of_day(
        day,
        rights_of(call).venues,
        {name: value for name, value in filters.items() if value is not None},
        query.after or "",
        query.limit + 1,
    )
    page = rows[: query.limit]
    more = page[-1].id if len(rows) > query.limit else None
    return StaffReservationsOut([_out(call, r) for r in page], more)


@routes.get(
    "/staff/reservations/{id}",
    "Get a reservation",
    Access.LIBRARIAN,
    scope=Scope.RESERVATIONS_READ,
    errors=(NotFound,),
    audited=True,
)
async def get_reservation(call: ApiRequest) -> StaffReservationOut:
    r = await call[ReservationLookup].get(call.id)
    rights_of(call).require(Role.LIBRARIAN, r.venue_id)
    await _record_view(call, f"reservation:{r.id}")
    return _out(call, r)


async def _record_view(call: ApiRequest, target: str) -> None:
    """Records in the audit log that a staff member has seen ``target``. Nothing is recorded for
    a program, which sees only pseudonyms."""
    if call.program is None:
        await call[AuditLog].record_look(staff_of(call), AuditAction.LOOKED_UP, target=target)


@routes.post(
    "/staff/reservations",
    "Reserve a seat for a reader",
    Access.LIBRARIAN,
    scope=_WRITE,
    status=201,
    idempotent=True,
    errors=(*BOOKING, DailyLimit, TooManyAttempts),
    audited=True,
)
async def book(call: ApiRequest, body: BookForReader) -> StaffReservationOut:
    """Books a seat for a reader, who must have signed in at least once."""
    ctx = staff_of(call, digest_of(body))
    reader = await _reader_of(call, ctx, body)
    selection = time_of(body)
    made = await call[StaffReservations].book(
        ctx, reader, body.seat_id, selection, printable(body.reason)
    )
    return _out(call, made)


async def _reader_of(call: ApiRequest, ctx: StaffContext, body: BookForReader) -> Reader:
    """The reader with the student or staff number in the request. Tries with unknown numbers are
    limited for each caller. Raises: NotFound, TooManyAttempts."""
    limit = AttemptLimit(f"numbers:{ctx.reader.id}", _UNKNOWN_NUMBERS, _WINDOW)
    await call[ATTEMPT_LIMITER].register([limit], call.now)
    reader = await call[StaffGrants].find(body.student_no)
    if reader is None:
        raise NotFound(field="student_no")
    await call[ATTEMPT_LIMITER].refund([limit])
    return reader


def printable(reason: str) -> str:
    """The reason unchanged. Raises: Malformed unless the reason is one printable line."""
    if not is_printable_line(reason):
        raise Malformed("reason", "must be one line of printable characters")
    return reason


@routes.post(
    "/staff/reservations/{id}/check-in",
    "Check in a reader seen at the seat; a reader on leave returns",
    Access.LIBRARIAN,
    scope=_WRITE,
    idempotent=True,
    errors=(*OWN_RESERVATION, TooEarly, TooLate, OtherInUse),
    audited=True,
)
async def check_in(call: ApiRequest, body: InReadersPlace) -> StaffReservationOut:
    return await _act(call, AuditAction.CHECK_IN, body)


@routes.post(
    "/staff/reservations/{id}/leave",
    "Start a temporary leave for a reader",
    Access.LIBRARIAN,
    scope=_WRITE,
    idempotent=True,
    errors=OWN_RESERVATION,
    audited=True,
)
async def leave(call: ApiRequest, body: InReadersPlace) -> StaffReservationOut:
    return await _act(call, AuditAction.LEAVE, body)


@routes.post(
    "/staff/reservations/{id}/finish",
    "End the stay of a reader who has left; the seat becomes free",
    Access.LIBRARIAN,
    scope=_WRITE,
    idempotent=True,
    errors=OWN_RESERVATION,
    audited=True,
)
async def finish(call: ApiRequest, body: InReadersPlace) -> StaffReservationOut:
    return await _act(call, AuditAction.FINISH, body)


@routes.post(
    "/staff/reservations/{id}/cancel",
    "Cancel a reader's reservation before check-in",
    Access.LIBRARIAN,
    scope=_WRITE,
    idempotent=True,
    errors=OWN_RESERVATION,
    audited=True,
)
async def cancel(call: ApiRequest, body: InReadersPlace) -> StaffReservationOut:
    return await _act(call, AuditAction.CANCEL, body)


async def _act(call: ApiRequest, action: AuditAction, body: InReadersPlace) -> StaffReservationOut:
    r = await call[StaffReservations].act_for_reader(
        staff_of(call, digest_of(body)), action, call.id, printable(body.reason)
    )
    return _out(call, r)


def id_for(call: ApiRequest, reader_id: ReaderId) -> str:
    """The reader's id for staff, a pseudonym for a program. The id can be found from the
    pseudonym with the pseudonym's key. The key is therefore the secret fingerprint of the
    program's token, not the token's id, which console and audit log show."""
    if call.program is None:
        return reader_id
    assert call.principal is not None
    return hmac.digest(call.principal.session.id.encode(), reader_id.encode(), "sha256")[:12].hex()


def _out(call: ApiRequest, r: Reservation) -> StaffReservationOut:
    return StaffReservationOut(
        id=r.id,
        receipt=r.receipt,
        seat=presenter.seat(call[REFERENCE], r.seat_id),
        reader_id=id_for(call, r.reader_id),
        date=r.date,
        start=call.zone.local(r.start),
        end=call.zone.local(r.end),
        state=r.state.value,
        created_at=call.zone.local(r.created_at),
        checked_in_at=call.zone.local_if_any(r.checked_in_at),
        left_at=call.zone.local_if_any(r.left_at),
        ended_at=call.zone.local_if_any(r.ended_at),
    )
