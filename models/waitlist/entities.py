"""候补 (waitlist): a reader waits for a seat at a time for which no suitable seat is free."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from models.kernel.ids import ReaderId, ReservationId
from models.kernel.time_range import (
    TimeRange,
    floor_minute,
)
from models.kernel.zone import Zone
from models.library.entities import AreaId, Seat, SeatId

OFFER_DURATION: Final = timedelta(minutes=10)
OFFER_DURATION_UNREACHABLE: Final = timedelta(minutes=30)
"""The reader has this long to answer an offer if no channel can notify them when it is made."""
MOST_ALERTS: Final = 5
QUIET_HOURS: Final = (time(22, 30), time(7))
"""The hours of the night in which no reader is notified of a seat for the next morning or later."""
RENEWAL_PRIORITY: Final = timedelta(minutes=15)
"""A seat's time after a stay is offered to the waitlist only from this long before the stay's
end on, so that the reader of the stay can renew until then."""


class WaitlistState(StrEnum):
    """The state of an entry. ``WAITING`` and ``OFFERED`` are open, the others final."""

    WAITING = "waiting"
    OFFERED = "offered"
    """A seat is held for the reader. If the reader declines it, the entry waits again."""
    ACCEPTED = "accepted"
    OFFER_EXPIRED = "offer_expired"
    """The reader did not answer an offer in time."""
    WITHDRAWN = "left"
    """The reader has left the waitlist, or the staff have ended the entry."""
    EXPIRED = "over"
    """Less than the shortest booking is left of the entry's time, or the entry has ended early,
    because no seat is left or the reader is suspended."""
    TOLD = "told"
    """A seat is free, which ends a free-seat alert. The alert's message is sent afterwards."""


class EndReason(StrEnum):
    """The reason for the end of an entry of which its reader is notified."""

    SEAT_FREE = "seat_free"
    """A seat is free for a free-seat alert."""
    NO_SEATS = "no_seats"
    """None of the entry's seats is in service on its days."""
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class WaitlistEnd:
    """The end of an entry of which its reader is notified. ``suspended_until``: the end of the
    suspension, with the reason ``SUSPENDED`` only."""

    at: datetime
    reason: EndReason
    suspended_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class WaitlistEntry:
    """A reader's entry in the waitlist, for seats of one area.

    `seats`: the seats for one of which the reader waits; empty: any seat of the area. Either way
    the seat must have all `features`. `declined`: seats that were offered to the reader and
    declined. `alert`: 0 for an entry that waits in line for an offer; 1 to 5 is the number of a
    free-seat alert (捡漏提醒), which only notifies.

    While the reader has a booking in the entry's time, the entry gets no offer, but stays open: the
    booking may be cancelled.
    """

    id: str
    reader_id: ReaderId
    area_id: AreaId
    seats: frozenset[SeatId]
    features: frozenset[str]
    start: datetime
    end: datetime
    created_at: datetime
    state: WaitlistState = WaitlistState.WAITING
    declined: frozenset[SeatId] = frozenset()
    offer: ReservationId | None = None
    alert: int = 0

    def names(self, seat: Seat) -> bool:
        """True if the seat is one for which the entry waits. The seat may be out of service."""
        named = not self.seats or seat.id in self.seats
        return named and seat.area_id == self.area_id and seat.has(self.features)

    def wants(self, zone: Zone, seat: Seat) -> bool:
        """True if the seat is one for which the entry waits, and is in service on all days of
        the entry's time."""
        days = {self.day(zone), zone.last_day(TimeRange(self.start, self.end))}
        return self.names(seat) and all(seat.unavailable_reason(day) is None for day in days)

    def accepts(self, zone: Zone, seat: Seat) -> bool:
        """True if the entry waits for the seat, the seat is in service, and the reader has not
        declined it."""
        return seat.id not in self.declined and self.wants(zone, seat)

    def day(self, zone: Zone) -> date:
        return zone.day(self.start)

    def remaining(self, now: datetime, shortest: timedelta) -> TimeRange | None:
        """The part of the entry's time that is still to come; None if it is shorter than
        ``shortest``."""
        start = max(self.start, floor_minute(now))
        return TimeRange(start, self.end) if self.end - start >= shortest else None

    def claims(self, zone: Zone) -> tuple[str, ...]:
        """The strings that the unique index of the collection ``waitlist`` compares, so that no
        two open entries share one; the claims of reservations have another index. An entry in
        line claims each half hour of its time for its reader. A free-seat alert claims one of the
        reader's alert numbers, and its own content, so that the reader has no second alert like
        it."""
        if self.alert:
            what = ",".join((self.area_id, *sorted(self.seats), *sorted(self.features)))
            owner = f"w:{self.reader_id}:alert"
            same = f"{owner}:{what}:{self.start.isoformat()}:{self.end.isoformat()}"
            return f"{owner}:{self.alert}", same
        slots = zone.half_hour_slots(TimeRange(self.start, self.end))
        return tuple(f"w:{self.reader_id}:{day.isoformat()}:{slot}" for day, slot in slots)


def in_quiet_hours(zone: Zone, now: datetime) -> bool:
    clock = zone.local(now).time()
    return clock >= QUIET_HOURS[0] or clock < QUIET_HOURS[1]


def waits_for_morning(zone: Zone, start: datetime, now: datetime) -> bool:
    """True if ``now`` is in ``QUIET_HOURS`` and ``start`` is not before their end: an offer then
    waits until the morning."""
    return in_quiet_hours(zone, now) and start >= zone.next_instant(now, QUIET_HOURS[1])
