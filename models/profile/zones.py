"""Which time zones a library can have: no daylight saving, whole half hours from UTC.

A day of a library has 48 half hours, and its clock never jumps; the claims of bookings rest on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

_YEARS: Final = 10
"""How many years ahead a zone must keep its offset, as far as the tz database knows."""
_LOOK_EVERY: Final = timedelta(days=14)
"""No country changes its clock for less than four weeks (Morocco does, for Ramadan)."""
_HALF_HOUR: Final = timedelta(minutes=30)
_AREAS: Final = frozenset(
    {
        *("Africa", "America", "Antarctica", "Arctic", "Asia"),
        *("Atlantic", "Australia", "Europe", "Indian", "Pacific"),
    }
)


class ZoneProblem(StrEnum):
    """Why a zone cannot be a library's."""

    UNKNOWN = "zone_unknown"
    DAYLIGHT_SAVING = "zone_daylight_saving"
    HALF_HOURS = "zone_half_hours"


def zone_problem(name: str, year: int) -> ZoneProblem | None:
    """Why the zone cannot be a library's from ``year`` on; None where it can."""
    if name not in _names():
        return ZoneProblem.UNKNOWN
    offsets = set(_offsets(ZoneInfo(name), year))
    if len(offsets) > 1:
        return ZoneProblem.DAYLIGHT_SAVING
    return ZoneProblem.HALF_HOURS if offsets.pop() % _HALF_HOUR else None


@lru_cache(maxsize=2)
def fitting_zones(year: int) -> tuple[str, ...]:
    """All zones that can be a library's, by their names."""
    return tuple(name for name in sorted(_names()) if zone_problem(name, year) is None)


def zone_minutes(name: str, year: int) -> int:
    """How far the zone, which can be a library's, is ahead of UTC."""
    return next(_offsets(ZoneInfo(name), year)) // timedelta(minutes=1)


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    """The zones of places; Etc/GMT-8 and EST are names for machines."""
    return frozenset(n for n in available_timezones() if n.partition("/")[0] in _AREAS)


def _offsets(zone: ZoneInfo, year: int) -> Iterator[timedelta]:
    day, last = date(year, 1, 1), date(year + _YEARS, 1, 1)
    while day < last:
        offset = datetime(day.year, day.month, day.day, 12, tzinfo=zone).utcoffset()
        assert offset is not None
        yield offset
        day += _LOOK_EVERY
