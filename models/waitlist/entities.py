"""候补 (waitlist): a reader waits for a time in which no suitable seat is free."""

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
OFFER_DURATION_UNREACHABLE: Final = timedelta(minutes=30)
"""The duration of an offer if no channel can notify the reader of it."""
MOST_ALERTS: Final = 5
QUIET_HOURS: Final = (time(22, 30), time(7))
"""At night no reader is notified of a seat for the next day."""
RENEWAL_PRIORITY: Final = timedelta(minutes=15)
"""Until this long before a stay ends, the time after it is not offered: its reader may renew."""


class WaitlistState(StrEnum):
    WAITING = "waiting"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    OFFER_EXPIRED = "offer_expired"
    WITHDRAWN = "left"
    EXPIRED = "over"
    TOLD = "told"


class EndReason(StrEnum):
    SEAT_FREE = "seat_free"
    """The alert's reader is notified of a free seat."""
    NO_SEATS = "no_seats"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class WaitlistEnd:
    at: datetime
    reason: EndReason
    suspended_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class WaitlistEntry:
    """A reader's entry for seats of one area. ``seats``: the only ones that will do; empty: any
    with all the ``marks``. ``declined``: seats that the reader was offered and declined. ``alert``:
    0 for a place in the line; 1…5 numbers the free-seat alerts (捡漏提醒)."""

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
        """True if the entry waits for the seat, whether or not the seat is in service."""
        named = not self.seats or seat.id in self.seats
        return named and seat.area_id == self.area_id and seat.has(self.marks)

    def wants(self, seat: Seat) -> bool:
        """True if the entry waits for the seat, and the seat is in service on all its days."""
        days = {self.day, last_date(TimeRange(self.start, self.end))}
        return self.names(seat) and all(seat.unavailable_reason(day) is None for day in days)

    def accepts(self, seat: Seat) -> bool:
        """True if the entry wants the seat and the reader has not declined it."""
        return seat.id not in self.declined and self.wants(seat)

    @property
    def day(self) -> date:
        return local_date(self.start)

    def remaining(self, now: datetime, shortest: timedelta) -> TimeRange | None:
        """The remaining time; None if it is shorter than ``shortest``."""
        start = max(self.start, floor_minute(now))
        return TimeRange(start, self.end) if self.end - start >= shortest else None

    @property
    def claims(self) -> tuple[str, ...]:
        """A place in the line claims the reader's half hours; an alert one of the reader's alert
        numbers, and its own content against duplicates."""
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


def waits_for_morning(start: datetime, now: datetime) -> bool:
    """True in ``QUIET_HOURS``, if ``start`` is in the morning or later."""
    return in_quiet_hours(now) and start >= next_clock_instant(now, QUIET_HOURS[1])
