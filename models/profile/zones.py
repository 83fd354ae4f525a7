"""Time zones that a library can have: whole half hours from UTC, without daylight saving. The
claims of bookings require 48 half hours a day and a clock that never jumps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

_YEARS: Final = 10
"""A library's time zone must keep its offset from UTC for this many years, by the tz database."""
_SAMPLE_EVERY: Final = timedelta(days=14)
"""Sampling interval of a zone's offset. The shortest change lasts four weeks (Morocco, Ramadan)."""
_HALF_HOUR: Final = timedelta(minutes=30)
_AREAS: Final = frozenset(
    {
        *("Africa", "America", "Antarctica", "Arctic", "Asia"),
        *("Atlantic", "Australia", "Europe", "Indian", "Pacific"),
    }
)


class ZoneProblem(StrEnum):
    UNKNOWN = "zone_unknown"
    DAYLIGHT_SAVING = "zone_daylight_saving"
    HALF_HOURS = "zone_half_hours"


def zone_problem(name: str, year: int) -> ZoneProblem | None:
    """The reason why a library cannot have the time zone from ``year`` on; None if it can."""
    if name not in _names():
        return ZoneProblem.UNKNOWN
    offsets = set(_offsets(ZoneInfo(name), year))
    if len(offsets) > 1:
        return ZoneProblem.DAYLIGHT_SAVING
    return ZoneProblem.HALF_HOURS if offsets.pop() % _HALF_HOUR else None


@lru_cache(maxsize=2)
def fitting_zones(year: int) -> tuple[str, ...]:
    """The names of all time zones that a library can have from ``year`` on."""
    return tuple(name for name in sorted(_names()) if zone_problem(name, year) is None)


def zone_minutes(name: str, year: int) -> int:
    """Minutes by which a time zone that a library can have is ahead of UTC."""
    return next(_offsets(ZoneInfo(name), year)) // timedelta(minutes=1)


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    """Names of time zones that belong to places, not technical ones such as Etc/GMT-8 and EST."""
    return frozenset(n for n in available_timezones() if n.partition("/")[0] in _AREAS)


def _offsets(zone: ZoneInfo, year: int) -> Iterator[timedelta]:
    day, last = date(year, 1, 1), date(year + _YEARS, 1, 1)
    while day < last:
        offset = datetime(day.year, day.month, day.day, 12, tzinfo=zone).utcoffset()
        assert offset is not None
        yield offset
        day += _SAMPLE_EVERY
