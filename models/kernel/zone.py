"""A library's time zone as a value: what its clocks show at each instant, and the half hours of
claims. Every instant is an aware UTC datetime."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any, Final

from models.kernel.time_range import TimeRange

SLOT_MINUTES: Final = 30
SLOTS_PER_DAY: Final = 24 * 60 // SLOT_MINUTES
_DAY: Final = timedelta(days=1)
_A_MOMENT: Final = timedelta.resolution


@dataclass(frozen=True)
class Zone:
    """A time zone. Its clocks are set forward or back at each of the instants `changes`, in
    order; `offsets` are the offsets from UTC before, between and after them, so there is one more.
    Without changes the clocks never jump.

    `slot_clock`: the clock on which claims count half hours. It never jumps, whatever the wall
    clocks do, so two workers with different rules for the zone claim the same half hours.
    """

    name: str
    slot_clock: timezone
    changes: tuple[datetime, ...]
    offsets: tuple[timezone, ...]
    _jumps: tuple[tuple[datetime, ...], tuple[datetime, ...]] = field(
        init=False, compare=False, repr=False
    )
    """First and last reading of the hour that is left out or doubled, as if read in UTC."""

    def __post_init__(self) -> None:
        around = zip(self.changes, self.offsets, self.offsets[1:], strict=False)
        jumps = [
            sorted((_reading(change, before), _reading(change, after)))
            for change, before, after in around
        ]
        object.__setattr__(self, "_jumps", (tuple(a for a, _ in jumps), tuple(b for _, b in jumps)))

    def __hash__(self) -> int:
        return hash(self.name)

    @classmethod
    def fixed(cls, name: str, minutes: int) -> Zone:
        """A zone whose clocks never jump: always ``minutes`` ahead of UTC."""
        clock = timezone(timedelta(minutes=minutes), name)
        return cls(name, clock, (), (clock,))

    # --- from instants to clocks ----------------------------------------------------------------

    def local(self, instant: datetime) -> datetime:
        """The instant as the library's clocks show it. The result has a fixed offset, so it can
        be compared and counted with, also in a doubled hour."""
        return instant.astimezone(self.offsets[bisect_right(self.changes, instant)])

    def local_if_any(self, instant: datetime | None) -> datetime | None:
        """The instant as the library's clocks show it; None for None."""
        return self.local(instant) if instant is not None else None

    def local_facts(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """A copy of ``facts`` with local times, as texts and answers show them."""
        return {
            name: self.local(fact) if isinstance(fact, datetime) else fact
            for name, fact in facts.items()
        }

    def day(self, instant: datetime) -> date:
        """The library's calendar day of the instant."""
        return self.local(instant).date()

    def last_day(self, span: TimeRange) -> date:
        """The last day that the range touches; an end at midnight does not touch the next day."""
        return self.day(span.end - _A_MOMENT)

    def next_changes(self, after: datetime) -> tuple[datetime, ...]:
        """The instants after ``after`` at which the clocks are set forward or back, in order."""
        return self.changes[bisect_right(self.changes, after) :]

    # --- from clocks to instants ----------------------------------------------------------------

    def instants(self, day: date, clock_time: time) -> tuple[datetime, ...]:
        """The instants at which the library's clocks show ``clock_time`` on ``day``: two in an
        hour that is doubled, none in one that is left out."""
        if not self.changes:
            return (_instant(day, clock_time, self.offsets[0]),)
        reading = datetime.combine(day, clock_time, UTC)
        first, last = self._jumps
        n = bisect_right(first, reading)
        if n and reading < last[n - 1]:
            offsets = self.offsets[n - 1], self.offsets[n]
            if self.changes[n - 1] + (self.offsets[n].utcoffset(None)) == last[n - 1]:
                return ()
            return tuple(_instant(day, clock_time, offset) for offset in offsets)
        return (_instant(day, clock_time, self.offsets[n]),)

    def instant(self, day: date, clock_time: time) -> datetime:
        """The first instant at which the library's clocks show ``clock_time`` on ``day``. If they
        leave it out, the instant at which they jump over it."""
        instants = self.instants(day, clock_time)
        if instants:
            return instants[0]
        return self.changes[
            bisect_right(self._jumps[0], datetime.combine(day, clock_time, UTC)) - 1
        ]

    def midnight(self, day: date) -> datetime:
        """The first instant of the day. Not every day of every zone has a 00:00."""
        return self.instant(day, time(0))

    def next_instant(self, after: datetime, clock_time: time) -> datetime:
        """The first instant after ``after`` at which the library's clocks show ``clock_time``, or
        jump over it."""
        day = self.day(after)
        for instant in self.instants(day, clock_time) or (self.instant(day, clock_time),):
            if instant > after:
                return instant
        return self.instant(day + _DAY, clock_time)

    def steps(self, day: date, minutes: int) -> Iterator[datetime]:
        """The instants of the day at which the library's clocks first show a whole multiple of
        ``minutes`` since 00:00, in order."""
        for minute in range(0, 24 * 60, minutes):
            yield from self.instants(day, time(minute // 60, minute % 60))[:1]

    def last_step(self, before: datetime, minutes: int) -> datetime | None:
        """The last of ``steps`` before the instant on its day; None if there is none."""
        clock = self.local(before - _A_MOMENT)
        return next(iter(self.instants(clock.date(), floor_clock(clock, minutes))), None)

    # --- half hours of claims -------------------------------------------------------------------

    def half_hour_slots(self, span: TimeRange) -> Iterator[tuple[date, int]]:
        """The half hours that the range touches, in order, as (day, slot of the day 0…47) of the
        clock of claims."""
        begin, end = span.start.astimezone(self.slot_clock), span.end.astimezone(self.slot_clock)
        day, slot = begin.date(), _slot(begin)
        last = end.date(), _slot(end)
        # A range that ends on the half hour does not touch the slot that begins there.
        touches_last = end.minute % SLOT_MINUTES or end.second or end.microsecond
        while (day, slot) < last or (touches_last and (day, slot) == last):
            yield day, slot
            slot += 1
            if slot == SLOTS_PER_DAY:
                day, slot = day + _DAY, 0


def floor_clock(clock: datetime, minutes: int) -> time:
    """The last whole multiple of ``minutes`` since 00:00 that the clock has shown."""
    minute = 60 * clock.hour + clock.minute
    minute -= minute % minutes
    return time(minute // 60, minute % 60)


def _instant(day: date, clock_time: time, offset: timezone) -> datetime:
    return datetime.combine(day, clock_time, offset).astimezone(UTC)


def _reading(instant: datetime, offset: timezone) -> datetime:
    return instant + offset.utcoffset(None)


def _slot(clock: datetime) -> int:
    return (clock.hour * 60 + clock.minute) // SLOT_MINUTES
