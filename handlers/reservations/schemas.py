from __future__ import annotations

from datetime import date, datetime, time
from typing import Literal, Protocol

from msgspec import UNSET, UnsetType

from handlers.http.schemas import ClockTime, Id, Pagination, Request, Response, Start
from models.reservations.rules import TimeSelection


class CreateReservation(Request):
    seat_id: Id
    date: date
    start: Start
    end: ClockTime


class ChangeReservation(Request):
    seat_id: Id | None = None
    start: Start | None = None
    end: ClockTime | None = None


class _WishedTime(Protocol):
    date: date
    start: str
    end: str


def time_of(wish: _WishedTime) -> TimeSelection:
    """The time that a request names by its day, its start (or ``now``) and its end."""
    start = None if wish.start == "now" else time.fromisoformat(wish.start)
    return TimeSelection(wish.date, start, time.fromisoformat(wish.end))


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
    """A seat and the facts of its label. ``floor_name``: the floor's own name; empty without one.
    ``labels``: the label in further languages, by language tag. ``venue_names``, ``floor_names``,
    ``area_names``: the names in further languages; absent without any."""

    id: str
    no: str
    area_id: str
    area: str
    floor: int
    venue: str
    label: str
    floor_name: str
    labels: dict[str, str]
    venue_names: dict[str, str] | UnsetType = UNSET
    floor_names: dict[str, str] | UnsetType = UNSET
    area_names: dict[str, str] | UnsetType = UNSET


class AssistedOut(Response):
    """The last action caused by a gate's event, and when the reader confirmed it (null: never)."""

    kind: str
    at: datetime
    confirmed_at: datetime | None


class AgainOut(Response):
    """The seat of the reader's last stay, and the next time at which the seat could be booked at
    the same time of day. ``start`` may be ``now``."""

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
    """A reader's reservation. ``leave_minutes``: the length of a leave that begins now; null if
    the reader may not leave. ``extend_from``: when the stay may be renewed, once the reader is
    there; null if it was renewed as often as allowed, or is over. ``excused``: a no-show would
    not be a violation. ``reported``: the reader has reported the seat as occupied, and the
    check-in deadline is stopped. ``presence_wanted``: the reader must scan a code again. The
    reason is a report that doubts their presence (then until ``presence_due_at``), or a check-in
    without a scan. ``check_in_by``: how readers check in at this venue. ``season_id``: the season
    that gives its holder the seat; absent for a booking."""

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
    extend_from: datetime | None
    actions: list[str]
    season_id: str | UnsetType = UNSET


class ReservationDetail(ReservationOut, kw_only=True):
    """A reservation with its history. ``kiosks``: the names of the kiosks at which to check in,
    the nearest first; empty if readers check in otherwise, or no longer have to. ``party``: the
    reader asked for seats for friends beside it; absent if not, and after the stay."""

    history: list[HistoryEntryOut]
    kiosks: list[str]
    party: bool | UnsetType = UNSET


class NearSeat(ReservedSeat):
    """A free seat."""
