"""The library's reservations for programs and staff: a day's, one, and what is done in a reader's
place. Readers appear by an id that names nobody outside the console."""

from __future__ import annotations

from datetime import time

from handlers import keys
from handlers.http.endpoint import ApiRequest
from handlers.http.keys import REFERENCE
from handlers.http.presenting import moment
from handlers.http.request_parsing import digest_of
from handlers.reservations import presenter
from handlers.staff.api import rights_of, staff_of
from handlers.staff.schemas import (
    BookForReader,
    InReadersPlace,
    StaffReservationOut,
    StaffReservationsOut,
    StaffReservationsQuery,
)
from models.identity.roles import Role
from models.kernel.errors import NotFound
from models.kernel.time_range import local_date, to_local
from models.reservations.entities import Reservation
from models.reservations.rules import TimeSelection
from models.staff.audit import AuditAction


async def list_reservations(
    call: ApiRequest, query: StaffReservationsQuery
) -> StaffReservationsOut:
    """A page of the day, in the order in which the reservations were made."""
    named = {"area": query.area, "state": query.state}
    rows = await call[keys.STATISTICS].page_of_day(
        query.date or local_date(call.now),
        rights_of(call).venues,
        {name: value for name, value in named.items() if value is not None},
        query.after or "",
        query.limit + 1,
    )
    shown = rows[: query.limit]
    more = shown[-1].id if len(rows) > query.limit else None
    return StaffReservationsOut([_shown(call, r) for r in shown], more)


async def get_reservation(call: ApiRequest) -> StaffReservationOut:
    r = await call[keys.RESERVATION_LOOKUP].get(call.id)
    rights_of(call).require(Role.VIEWER, r.venue_id)
    return _shown(call, r)


async def book(call: ApiRequest, body: BookForReader) -> StaffReservationOut:
    """A seat for the reader with that number, who has signed in at least once."""
    # The digest names the reader too: under one key nobody is given what was booked for another.
    ctx = staff_of(call, call.key(digest_of(body)))
    reader = await call[keys.STAFF_GRANTS].find(body.student_no)
    if reader is None:
        raise NotFound()
    start = None if body.start == "now" else time.fromisoformat(body.start)
    selection = TimeSelection(body.date, start, time.fromisoformat(body.end))
    made = await call[keys.STAFF_RESERVATIONS].book(
        ctx, reader, body.seat_id, selection, body.reason
    )
    return _shown(call, made)


async def check_in(call: ApiRequest, body: InReadersPlace) -> StaffReservationOut:
    return await _act(call, AuditAction.CHECK_IN, body)


async def leave(call: ApiRequest, body: InReadersPlace) -> StaffReservationOut:
    return await _act(call, AuditAction.LEAVE, body)


async def finish(call: ApiRequest, body: InReadersPlace) -> StaffReservationOut:
    return await _act(call, AuditAction.FINISH, body)


async def cancel(call: ApiRequest, body: InReadersPlace) -> StaffReservationOut:
    return await _act(call, AuditAction.CANCEL, body)


async def _act(call: ApiRequest, action: AuditAction, body: InReadersPlace) -> StaffReservationOut:
    ctx = staff_of(call, call.key(digest_of(body)))
    r = await call[keys.STAFF_RESERVATIONS].act_for_reader(ctx, action, call.id, body.reason)
    return _shown(call, r)


def _shown(call: ApiRequest, r: Reservation) -> StaffReservationOut:
    return StaffReservationOut(
        id=r.id,
        receipt=r.receipt,
        seat=presenter.seat(call[REFERENCE], r.seat_id),
        reader_id=r.reader_id,
        date=r.date,
        start=to_local(r.start),
        end=to_local(r.end),
        state=r.state.value,
        created_at=to_local(r.created_at),
        checked_in_at=moment(r.checked_in_at),
        left_at=moment(r.left_at),
        ended_at=moment(r.ended_at),
    )
