"""Half-open time ranges, the half-hour slots of claims, and the library's calendar. Every instant
is an aware UTC datetime; local time is used only here and for presentation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time

from models.kernel.zone import TimeRange as TimeRange
from models.kernel.zone import Zone

LIBRARY_ZONE = Zone.fixed("Asia/Shanghai", 480)
"""The library's time zone, one per process, set by ``use_zone``."""


def use_zone(zone: Zone) -> None:
    """Sets the library's zone. Call it only while no area exists: stored days are not converted."""
    global LIBRARY_ZONE
    LIBRARY_ZONE = zone


def library_zone() -> Zone:
    return LIBRARY_ZONE


def to_local(instant: datetime) -> datetime:
    return LIBRARY_ZONE.local(instant)


def local_date(instant: datetime) -> date:
    return LIBRARY_ZONE.day(instant)


def last_date(span: TimeRange) -> date:
    return LIBRARY_ZONE.last_day(span)


def local_instant(day: date, clock_time: time) -> datetime:
    return LIBRARY_ZONE.instant(day, clock_time)


def next_clock_instant(after: datetime, clock_time: time) -> datetime:
    return LIBRARY_ZONE.next_instant(after, clock_time)


def floor_minute(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)


def half_hour_slots(span: TimeRange) -> Iterator[tuple[date, int]]:
    return LIBRARY_ZONE.half_hour_slots(span)
