"""The dates of blocks that the library makes at once: one, or a series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Final

from models.kernel.errors import DomainError, Malformed
from models.kernel.ids import ReservationId
from models.kernel.text import is_printable_line
from models.kernel.time_range import TimeRange
from models.kernel.zone import SLOT_MINUTES, Zone
from models.library.rooms import Room, RoomId
from models.reservations.entities import HistoryEntry
from models.reservations.errors import OffGrid
from models.reservations.room_block import RoomBlock
from models.reservations.room_booking import RoomBooking

MOST_DATES: Final = 60
LONGEST_TITLE: Final = 60
_FARTHEST: Final = timedelta(days=366)
_DAY: Final = timedelta(days=1)
_A_DAY: Final = 24 * 60
_LONGEST_MINUTES: Final = 23 * 60
"""A longer stay, with its buffer, would meet the one of the next day."""


@dataclass(frozen=True, slots=True)
class BlockSeries:
    """Blocks of a room: on the `weekdays` (1 is Monday; none: every day) from `first` to `last`,
    but not on the days `but`, from `start` to `end`, on the next day if that is no later.
    `keeps_buffer`: after each of them the room stays empty as after a booking. `id`: 24 hex
    digits; a series is stored once under it."""

    id: str
    room_id: RoomId
    title: str
    first: date
    last: date
    start: time
    end: time
    weekdays: frozenset[int] = frozenset()
    but: frozenset[date] = frozenset()
    keeps_buffer: bool = True

    def dates(self, today: date) -> list[date]:
        """The days of its blocks. Raises: Malformed if they or another field are out of bounds."""
        if not self.title.strip() or not is_printable_line(self.title):
            raise Malformed("title", "name_length", most=LONGEST_TITLE)
        for name, clock in (("start", self.start), ("end", self.end)):
            if clock.minute % SLOT_MINUTES:
                # Two blocks in one half hour would need the same claim.
                raise Malformed(name, "not_half_hours")
        if not 0 < (_minutes(self.end) - _minutes(self.start)) % _A_DAY <= _LONGEST_MINUTES:
            raise Malformed("end", "instants_reversed")
        if not today <= self.first <= self.last <= today + _FARTHEST:
            raise Malformed("last", "series_dates")
        span = (self.first + n * _DAY for n in range((self.last - self.first).days + 1))
        weekdays = self.weekdays or frozenset(range(1, 8))
        dates = [day for day in span if day.isoweekday() in weekdays and day not in self.but]
        if not 1 <= len(dates) <= MOST_DATES:
            raise Malformed("last", "series_length", most=MOST_DATES, count=len(dates))
        return dates

    def block(
        self, zone: Zone, room: Room, day: date, id: ReservationId, made: HistoryEntry
    ) -> RoomBlock:
        """The block of that day. Raises: OffGrid if the clocks jump over its start or end."""
        start = zone.instant(day, self.start)
        end = zone.next_instant(start, self.end)
        for instant, clock in ((start, self.start), (end, self.end)):
            if zone.local(instant).time() != clock:
                raise OffGrid(step_minutes=SLOT_MINUTES, left_out=f"{clock:%H:%M}")
        buffer = room.rules.buffer_minutes if self.keeps_buffer else 0
        return RoomBlock(
            id=id,
            change=id,
            room_id=room.id,
            venue_id=room.venue_id,
            day=day,
            span=TimeRange(start, end),
            title=self.title.strip(),
            buffer=timedelta(minutes=buffer),
            history=(made,),
        )


@dataclass(frozen=True, slots=True)
class BlockChange:
    """A change of a block and, with `following`, of all later ones of its series. None keeps what
    each of them has. `day`: of a single block. `keeps_buffer`: as of a series."""

    room_id: RoomId | None = None
    title: str | None = None
    day: date | None = None
    start: time | None = None
    end: time | None = None
    keeps_buffer: bool | None = None
    following: bool = False

    def applied(self, zone: Zone, b: RoomBlock, room: Room) -> BlockSeries:
        """The block as this leaves it, as a series of one day."""
        start, end = (zone.local(instant).time() for instant in (b.span.start, b.span.end))
        day = self.day or b.day
        return BlockSeries(
            b.series,
            room.id,
            b.title if self.title is None else self.title,
            day,
            day,
            start if self.start is None else self.start,
            end if self.end is None else self.end,
            keeps_buffer=bool(b.buffer) if self.keeps_buffer is None else self.keeps_buffer,
        )


@dataclass(frozen=True, slots=True)
class PlannedDate:
    """A day of a series. `block`: its block; None if the clocks leave out its time. `error`: why
    it cannot be stored; `bookings` and `blocks` are what is in the way. `old`: the block in whose
    place it comes, if it is a change of one; `stored` then says that it is so already."""

    day: date
    block: RoomBlock | None
    stored: bool = False
    error: DomainError | None = None
    bookings: Sequence[RoomBooking] = ()
    blocks: Sequence[RoomBlock] = ()
    old: RoomBlock | None = None

    @property
    def fits(self) -> bool:
        """True if it has yet to be stored, and nothing is in the way."""
        return self.block is not None and self.error is None and not self.stored


def _minutes(clock: time) -> int:
    return 60 * clock.hour + clock.minute
