"""候补: a reader's place in the line for a time in which nothing fitting is free."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from models.kernel.ids import ReaderId, ReservationId
from models.kernel.time_range import (
    TimeRange,
    floor_minute,
    half_hour_slots,
    last_date,
    local_date,
    next_clock_instant,
    to_local,
)
from models.library.entities import AreaId, Seat, SeatId

OFFER_DURATION: Final = timedelta(minutes=10)
OFFER_DURATION_UNTOLD: Final = timedelta(minutes=30)
"""Where no channel can tell the reader of it when it is made: they look for themselves."""
MOST_ALERTS: Final = 5
"""So many free-seat alerts a reader may have at a time."""
QUIET_HOURS: Final = (time(22, 30), time(7))
"""Nobody is woken for a seat."""
RENEWAL_PRIORITY: Final = timedelta(minutes=15)
"""Until this long before their end, who sits there may stay longer before the next in line."""


class WaitlistState(StrEnum):
    WAITING = "waiting"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    OFFER_EXPIRED = "offer_expired"
    WITHDRAWN = "left"
    EXPIRED = "over"
    TOLD = "told"


class EndReason(StrEnum):
    """Why an entry ends before its time."""

    SEAT_FREE = "seat_free"
    """It was an alert, and its reader is told of a free seat."""
    NO_SEATS = "no_seats"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class WaitlistEnd:
    """An end before its time, of which the reader is told: since when, why, and until when they are
    suspended."""

    at: datetime
    reason: EndReason
    suspended_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class WaitlistEntry:
    """``seats`` are the only ones that will do; empty: any of the area with all the ``marks``.
    ``declined`` are those that were offered and not wanted. ``offer`` is the seat held just now.
    ``alert``: its reader only wants to hear of a free seat (捡漏提醒), and this is which of their
    five alerts it uses, 1…5; 0 where they wait for a seat."""

    id: str
    reader_id: ReaderId
    area_id: AreaId
    seats: frozenset[SeatId]
    marks: frozenset[str]
    start: datetime
    end: datetime
    created_at: datetime
    state: WaitlistState = WaitlistState.WAITING
    declined: frozenset[SeatId] = frozenset()
    offer: ReservationId | None = None
    alert: int = 0

    def names(self, seat: Seat) -> bool:
        """Whether it waits for the seat, which may be out of service."""
        named = not self.seats or seat.id in self.seats
        return named and seat.area_id == self.area_id and seat.has(self.marks)

    def wants(self, seat: Seat) -> bool:
        """Whether it waits for the seat, and somebody may sit there all the time."""
        days = {self.day, last_date(TimeRange(self.start, self.end))}
        return self.names(seat) and all(seat.unavailable_reason(day) is None for day in days)

    def accepts(self, seat: Seat) -> bool:
        """Whether it wants the seat and has not declined it."""
        return seat.id not in self.declined and self.wants(seat)

    @property
    def day(self) -> date:
        return local_date(self.start)

    def remaining(self, now: datetime, shortest: timedelta) -> TimeRange | None:
        """What is left of the time; None where that is too short."""
        start = max(self.start, floor_minute(now))
        return TimeRange(start, self.end) if self.end - start >= shortest else None

    @property
    def claims(self) -> tuple[str, ...]:
        """One place in a line for each half hour of a reader; an alert takes no place, but one of
        the reader's alerts, and the same one once."""
        if self.alert:
            what = ",".join((self.area_id, *sorted(self.seats), *sorted(self.marks)))
            owner = f"w:{self.reader_id}:alert"
            same = f"{owner}:{what}:{self.start.isoformat()}:{self.end.isoformat()}"
            return f"{owner}:{self.alert}", same
        slots = half_hour_slots(TimeRange(self.start, self.end))
        return tuple(f"w:{self.reader_id}:{day.isoformat()}:{slot}" for day, slot in slots)


def in_quiet_hours(now: datetime) -> bool:
    clock = to_local(now).time()
    return clock >= QUIET_HOURS[0] or clock < QUIET_HOURS[1]


def waits_asleep(start: datetime, now: datetime) -> bool:
    """Is it night, and the time from ``start`` on is not wanted before the morning? Who waits for
    a seat of this night is awake."""
    return in_quiet_hours(now) and start >= next_clock_instant(now, QUIET_HOURS[1])
