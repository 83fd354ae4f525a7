from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta, field

from handlers.accounts.schemas import ReaderOut
from handlers.http.schemas import (
    ClockTime,
    Id,
    Instant,
    InstantRequest,
    NonBlankText,
    Request,
    Response,
    Start,
)
from handlers.reservations.schemas import ReservedSeat, State
from handlers.violations.schemas import ViolationOut


class StaffAppealOut(Response):
    """A pending appeal and its reader. ``text_check``: WeChat's verdict on its text."""

    violation: ViolationOut
    reader: ReaderOut
    text_check: Literal["pass", "review", "risky", "unchecked"]


class DecideAppeal(Request):
    granted: bool
    answer: NonBlankText


class Waive(Request):
    reason: NonBlankText


class WaiveAll(InstantRequest):
    reason: NonBlankText
    start: Instant = field(name="from")
    end: Instant = field(name="to")


class DeskReportOut(Response):
    """A seat taken by another person or by belongings (``kind``). ``deadline_stopped``: its reader
    is known to be there, so no deadline runs."""

    reservation_id: str
    seat: ReservedSeat
    start: datetime
    end: datetime
    kind: str
    at: datetime
    deadline_stopped: bool


class PatrolOut(Response):
    """A seat in use that may be empty, and whose reader could not be reached. It has waited for a
    staff member since ``at``."""

    reservation_id: str
    seat: ReservedSeat
    start: datetime
    end: datetime
    at: datetime


class CodeSharingOut(Response):
    """A check-in with a code that may have been passed on. ``reasons``: outside (a gate had
    recorded the reader leaving), crowd (many readers used the code)."""

    reservation_id: str
    reader: ReaderOut
    kiosk: str
    at: datetime
    score: int
    reasons: list[str]


class WaivedOut(Response):
    waived: int


AuditedReason = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=r"\S", description="for the audit log")
]


class BookForReader(Request):
    student_no: Annotated[str, Meta(min_length=1, max_length=32)]
    seat_id: Id
    date: date
    start: Start
    end: ClockTime
    reason: AuditedReason


class InReadersPlace(Request):
    reason: AuditedReason


class StaffReservationsQuery(Request):
    """A filter of reservations. ``date``: by default today; ``after``: ``next`` of the previous
    page."""

    date: date | None = None
    area: Id | None = None
    state: State | None = None
    after: Annotated[str, Meta(pattern="^[0-9a-f]{24}$")] | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 100


class StaffReservationOut(Response):
    """A reservation of any reader. For programs ``reader_id`` is a pseudonym, stable for each
    token."""

    id: str
    receipt: str
    seat: ReservedSeat
    reader_id: str
    date: date
    start: datetime
    end: datetime
    state: State
    created_at: datetime
    checked_in_at: datetime | None
    left_at: datetime | None
    ended_at: datetime | None


class StaffReservationsOut(Response):
    """A page of reservations. ``next`` is null on the last one."""

    items: list[StaffReservationOut]
    next: str | None


class StatisticsQuery(Request):
    """An interval of days, both included; by default the last thirty complete days."""

    first: date | None = field(default=None, name="from")
    last: date | None = field(default=None, name="to")


class AreaDayOut(Response):
    """A complete day of an area. Minutes are sums over its seats; ``used_minutes_by_hour`` has 24
    numbers."""

    date: date
    area_id: str
    area: str
    venue: str
    seats: int
    booked: int
    checked_in: int
    cancelled: int
    no_show: int
    away_expired: int
    open_minutes: int
    used_minutes: int
    used_minutes_by_hour: list[int]


class StatisticsOut(Response):
    """Statistics by day and area. A missing day has not been counted yet."""

    first: date = field(name="from")
    last: date = field(name="to")
    days: list[AreaDayOut]
