"""What the operations of the staff take and answer."""

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
    """An appeal that waits, with whose it is. ``text_check``: what WeChat says of its text."""

    violation: ViolationOut
    reader: ReaderOut
    text_check: Literal["pass", "review", "risky", "unchecked"]


class DecideAppeal(Request):
    granted: bool
    answer: NonBlankText


class Waive(Request):
    reason: NonBlankText


class WaiveAll(InstantRequest):
    """Every violation in [from, to)."""

    reason: NonBlankText
    start: Instant = field(name="from")
    end: Instant = field(name="to")


class DeskReportOut(Response):
    """A seat that somebody else has taken. ``kind``: occupied or belongings. ``deadline_stopped``:
    it is known that its reader is there, and no deadline runs."""

    reservation_id: str
    seat: ReservedSeat
    start: datetime
    end: datetime
    kind: str
    at: datetime
    deadline_stopped: bool


class PatrolOut(Response):
    """A seat in use that somebody doubts. Since ``at`` it waits for somebody of the staff: no push
    has reached its reader."""

    reservation_id: str
    seat: ReservedSeat
    start: datetime
    end: datetime
    at: datetime


class CodeSharingOut(Response):
    """A check-in by code that may have been passed on. ``reasons``: outside (a gate had seen the
    reader leave), crowd (many used that one code)."""

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
    """A seat in the place of the reader with that student or staff number."""

    student_no: Annotated[str, Meta(min_length=1, max_length=32)]
    seat_id: Id
    date: date
    start: Start
    end: ClockTime
    reason: AuditedReason


class InReadersPlace(Request):
    """What is done with a reader's reservation, and why."""

    reason: AuditedReason


class StaffReservationsQuery(Request):
    """A day's reservations, today's without ``date``; ``after`` is ``next`` of the page before."""

    date: date | None = None
    area: Id | None = None
    state: State | None = None
    after: Annotated[str, Meta(pattern="^[0-9a-f]{24}$")] | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 100


class StaffReservationOut(Response):
    """Anybody's reservation. ``reader_id`` stands for the reader in the console; in answers to a
    program it is a pseudonym, the same in all answers to its token."""

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
    """``next`` is null on the last page."""

    items: list[StaffReservationOut]
    next: str | None


class StatisticsQuery(Request):
    """Days, both included; the last thirty that are over where none are named."""

    first: date | None = field(default=None, name="from")
    last: date | None = field(default=None, name="to")


class AreaDayOut(Response):
    """An area's day that is over. ``used_minutes`` are those in which somebody had a seat, of
    ``open_minutes`` of all its seats together; ``used_minutes_by_hour`` has 24 numbers."""

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
    """What is counted of each day and area. A day that is missing was not counted yet."""

    first: date = field(name="from")
    last: date = field(name="to")
    days: list[AreaDayOut]
