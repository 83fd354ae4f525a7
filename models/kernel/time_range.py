"""Half-open time ranges, the half-hour slots of claims, and the library's calendar. Every instant
is an aware UTC datetime; local time is used only here and for presentation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Final

LIBRARY_ZONE = timezone(timedelta(hours=8), "Asia/Shanghai")
"""The library's time zone, one per process, set by ``use_zone``. A fixed offset is formatted twice
as fast as a tz-database zone."""
SLOT_MINUTES: Final = 30
SLOTS_PER_DAY: Final = 24 * 60 // SLOT_MINUTES


@dataclass(frozen=True, slots=True, order=True)
class TimeRange:
    """The range ``[start, end)``. Raises: ValueError for a naive datetime or an empty range."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a TimeRange needs aware datetimes")
        if self.end <= self.start:
            raise ValueError("a TimeRange ends after it starts")

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    def overlaps(self, other: TimeRange) -> bool:
        return self.start < other.end and other.start < self.end

    def contains(self, instant: datetime) -> bool:
        return self.start <= instant < self.end


def use_zone(zone: timezone) -> None:
    """Sets the library's zone. Call it only while no area exists: stored days are not converted."""
    global LIBRARY_ZONE
    LIBRARY_ZONE = zone


def to_local(instant: datetime) -> datetime:
    return instant.astimezone(LIBRARY_ZONE)


def local_date(instant: datetime) -> date:
    """The library's calendar day of the instant."""
    return to_local(instant).date()


def last_date(span: TimeRange) -> date:
    """The last day that the range touches; an end at midnight does not touch the next day."""
    return local_date(span.end - timedelta(microseconds=1))


def local_instant(day: date, clock_time: time) -> datetime:
    """The instant at which the library's clock shows ``clock_time`` on ``day``."""
    return datetime.combine(day, clock_time, LIBRARY_ZONE).astimezone(UTC)


def next_clock_instant(after: datetime, clock_time: time) -> datetime:
    """The first instant after ``after`` at which the library's clock shows ``clock_time``."""
    day = local_date(after)
    instant = local_instant(day, clock_time)
    return instant if instant > after else local_instant(day + timedelta(days=1), clock_time)


def floor_minute(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)


def half_hour_slots(span: TimeRange) -> Iterator[tuple[date, int]]:
    """The half hours that the range touches, in order, as (day, slot of the day 0…47)."""
    begin, end = to_local(span.start), to_local(span.end)
    day, slot = begin.date(), _slot(begin)
    last = end.date(), _slot(end)
    # A range that ends on the half hour does not touch the slot that begins there.
    touches_last = end.minute % SLOT_MINUTES or end.second or end.microsecond
    while (day, slot) < last or (touches_last and (day, slot) == last):
        yield day, slot
        slot += 1
        if slot == SLOTS_PER_DAY:
            day, slot = day + timedelta(days=1), 0


def _slot(clock: datetime) -> int:
    return (clock.hour * 60 + clock.minute) // SLOT_MINUTES
