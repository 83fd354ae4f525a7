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
    """An appeal that waits for a decision, with its violation and reader. ``text_check``:
    WeChat's verdict on the appeal's text."""

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
    """An occupied-seat report that waits for staff: another person (``kind`` occupied) or
    belongings are on a reader's booked seat. ``deadline_stopped``: the reader has proved that
    they are there, so no check-in deadline runs."""

    reservation_id: str
    seat: ReservedSeat
    start: datetime
    end: datetime
    kind: str
    at: datetime
    deadline_stopped: bool


class PatrolOut(Response):
    """A seat that staff should look at: a report says that it is empty, and its reader, who has
    checked in, could not be asked. The report has waited for staff since ``at``."""

    reservation_id: str
    seat: ReservedSeat
    start: datetime
    end: datetime
    at: datetime


class CodeSharingOut(Response):
    """A check-in with a code that may have been passed on. ``reasons``: outside if a gate
    had recorded that the reader left, crowd if many readers used the same code."""

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
    """A filter for the list of reservations. ``date``: by default today. ``after``: the value
    ``next`` of the page before; null for the first page."""

    date: date | None = None
    area: Id | None = None
    state: State | None = None
    after: Annotated[str, Meta(pattern="^[0-9a-f]{24}$")] | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 100


class StaffReservationOut(Response):
    """Any reader's reservation. For a program, ``reader_id`` is a pseudonym fixed for its token."""

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
    """A page of reservations. ``next``: the ``after`` for the next page; null on the last page."""

    items: list[StaffReservationOut]
    next: str | None


class StatisticsQuery(Request):
    """The days of the statistics, first and last included; by default the last 30 complete days."""

    first: date | None = field(default=None, name="from")
    last: date | None = field(default=None, name="to")


class AreaDayOut(Response):
    """The statistics of one area on a complete day. Minutes are sums over the area's seats.
    ``used_minutes_by_hour``: 24 numbers, one for each hour of the day. ``floor``: null for an
    area that the library has no more."""

    date: date
    area_id: str
    area: str
    venue: str
    floor: int | None
    seats: int
    booked: int
    checked_in: int
    cancelled: int
    no_show: int
    away_expired: int
    open_minutes: int
    used_minutes: int
    used_minutes_by_hour: list[int]


class RoomUseOut(Response):
    """The statistics of one study room on a complete day. A booking belongs to the day of its
    start. ``booked``: all bookings and requests. ``booked_minutes``: of those that were not
    cancelled, declined or released. ``people``: those who had confirmed, of all stays together."""

    date: date
    room_id: str
    room: str
    venue: str
    booked: int
    checked_in: int
    cancelled: int
    declined: int
    released: int
    no_show: int
    people: int
    open_minutes: int
    booked_minutes: int
    used_minutes: int


class StatisticsOut(Response):
    """Statistics by day and area, and by day and study room. A day that is missing has no
    statistics yet."""

    first: date = field(name="from")
    last: date = field(name="to")
    days: list[AreaDayOut]
    room_days: list[RoomUseOut]
