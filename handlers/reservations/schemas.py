"""What reservations take and answer."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from handlers.http.schemas import ClockTime, Id, Pagination, Request, Response, Start


class CreateReservation(Request):
    seat_id: Id
    date: date
    start: Start
    end: ClockTime


class ChangeReservation(Request):
    seat_id: Id | None = None
    start: Start | None = None
    end: ClockTime | None = None


CheckInBy = Literal["kiosk", "kiosk_or_label", "seat_label", "gate", "desk"]
State = Literal[
    "reserved",
    "in_use",
    "away",
    "finished",
    "completed",
    "cancelled",
    "no_show",
    "away_expired",
    "offered",
    "offer_expired",
]


class ReservationsQuery(Pagination):
    state: State | None = None


class ReservedSeat(Response):
    id: str
    no: str
    area_id: str
    area: str
    floor: int
    venue: str
    label: str


class AssistedOut(Response):
    """What a gate did last on the reader's behalf, and since when they have confirmed it."""

    kind: str
    at: datetime
    confirmed_at: datetime | None


class AgainOut(Response):
    """The seat of the last stay, and when it can be booked again at the same time of day."""

    seat: ReservedSeat
    date: date
    start: str
    end: str


class HistoryEntryOut(Response):
    at: datetime
    event: str
    by: str
    via: str


class ReservationOut(Response):
    """``leave_minutes``: how long a leave that begins now may last, where the reader may leave.
    ``excused``: not to come would be no violation. ``reported``: the reader has said that somebody
    else has the seat, and while the library sees to it no check-in time runs. ``presence_wanted``:
    a scan is wanted of who is checked in, since somebody doubts it or time alone has checked them
    in; where it is doubted, until ``presence_due_at``. ``check_in_by``: what the reader is told to
    check in by there."""

    id: str
    rev: int
    receipt: str
    seat: ReservedSeat
    date: date
    start: datetime
    end: datetime
    state: State
    state_text: str
    created_at: datetime
    checked_in_at: datetime | None
    usable_from: datetime | None
    left_at: datetime | None
    return_by: datetime | None
    returned_at: datetime | None
    ended_at: datetime | None
    check_in_from: datetime
    check_in_until: datetime
    check_in_by: CheckInBy
    excused: bool
    reported: bool
    assisted: AssistedOut | None
    held_until: datetime | None
    presence_wanted: bool
    presence_due_at: datetime | None
    leave_minutes: int | None
    actions: list[str]


class ReservationDetail(ReservationOut):
    history: list[HistoryEntryOut]


class NearSeat(Response):
    id: str
    no: str
    label: str
