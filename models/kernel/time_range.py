"""Half-open time ranges, the half-hour slots that claims are made of, and the library's calendar.

Inside the service every instant is an aware UTC datetime. The library's own clock appears here and
in presentation only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Final

LIBRARY_ZONE = timezone(timedelta(hours=8), "Asia/Shanghai")
"""The library's zone, one for the process: ``use_zone`` sets it when the profile is loaded. A fixed
offset is shown and encoded in half the time that a zone of the tz database takes, a dozen times in
each answer."""
SLOT_MINUTES: Final = 30
SLOTS_PER_DAY: Final = 24 * 60 // SLOT_MINUTES


@dataclass(frozen=True, slots=True, order=True)
class TimeRange:
    """``[start, end)``, both aware; an empty range is not one.

    Raises:
        ValueError: a naive datetime, or ``end`` not after ``start``.
    """

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
    """Let the library's clock be that of ``zone``. Only before there is an area: what was counted
    in days by another clock stays as it is."""
    global LIBRARY_ZONE
    LIBRARY_ZONE = zone


def to_local(instant: datetime) -> datetime:
    """The instant on the library's clock."""
    return instant.astimezone(LIBRARY_ZONE)


def local_date(instant: datetime) -> date:
    """The day of use that the instant belongs to."""
    return to_local(instant).date()


def last_date(span: TimeRange) -> date:
    """The last day that the range touches: what ends at midnight does not touch the next one."""
    return local_date(span.end - timedelta(microseconds=1))


def local_instant(day: date, clock_time: time) -> datetime:
    """The instant when the library's clock shows ``clock_time`` on ``day``."""
    return datetime.combine(day, clock_time, LIBRARY_ZONE).astimezone(UTC)


def next_clock_instant(after: datetime, clock_time: time) -> datetime:
    """The first instant after ``after`` at which the library's clock shows ``clock_time``."""
    day = local_date(after)
    found = local_instant(day, clock_time)
    return found if found > after else local_instant(day + timedelta(days=1), clock_time)


def floor_minute(instant: datetime) -> datetime:
    """The whole minute that the instant lies in."""
    return instant.replace(second=0, microsecond=0)


def half_hour_slots(span: TimeRange) -> Iterator[tuple[date, int]]:
    """Each half hour that the range touches, as (day, slot of the day 0…47), in order."""
    begin, end = to_local(span.start), to_local(span.end)
    day, slot = begin.date(), _slot(begin)
    last = end.date(), _slot(end)
    # A range that ends on the half hour does not touch the one that begins there.
    touches_last = end.minute % SLOT_MINUTES or end.second or end.microsecond
    while (day, slot) < last or (touches_last and (day, slot) == last):
        yield day, slot
        slot += 1
        if slot == SLOTS_PER_DAY:
            day, slot = day + timedelta(days=1), 0


def _slot(clock: datetime) -> int:
    return (clock.hour * 60 + clock.minute) // SLOT_MINUTES
