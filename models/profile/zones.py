"""Time zones that a library can have. Their rules are those of the package tzdata, which the lock
pins, never the host's."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from models.kernel.zone import Zone

_FIRST, _LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC)
"""Changes of a zone's offset are known in these years, in which all bookings lie."""
_YEARS: Final = 10
"""A zone's standard offset is the smallest that it has in so many years after it was chosen."""
_WEEK: Final = timedelta(weeks=1)
"""No zone changes its offset twice in a week: the shortest is Morocco's, over Ramadan."""
_LATELY, _AHEAD = timedelta(days=40), timedelta(days=400)
_SECOND: Final = timedelta(seconds=1)
_AREAS: Final = frozenset(
    {
        *("Africa", "America", "Antarctica", "Arctic", "Asia"),
        *("Atlantic", "Australia", "Europe", "Indian", "Pacific"),
    }
)


@lru_cache(maxsize=1)
def zone_names() -> tuple[str, ...]:
    """The names of all time zones that belong to places, not technical ones such as Etc/GMT-8 and
    EST, in order."""
    names = (files("tzdata") / "zones").read_text("ascii").split()
    return tuple(sorted(name for name in names if name.partition("/")[0] in _AREAS))


def standard_minutes(name: str, year: int) -> int:
    """Minutes by which the zone's standard time is ahead of UTC in the years from ``year`` on."""
    zone, begin, end = zone_of(name, 0), date(year, 1, 1), date(year + _YEARS, 1, 1)
    within = [change for change in zone.changes if begin <= change.date() < end]
    instants = (datetime(year, 1, 1, 12, tzinfo=UTC), *within)
    return min(_minutes(zone.local(instant)) for instant in instants)


@lru_cache(maxsize=32)
def zone_of(name: str, slot_minutes: int) -> Zone:
    """The zone with this name, by the rules of tzdata. ``slot_minutes``: minutes by which the
    clock of claims is ahead of UTC. A name that tzdata does not know has always that offset."""
    if name not in zone_names():
        return Zone.fixed(name, slot_minutes)
    rules, changes = rules_of(name), list[datetime]()
    weeks = (_FIRST + n * _WEEK for n in range((_LAST - _FIRST) // _WEEK))
    for before, after in pairwise(weeks):
        if before.astimezone(rules).utcoffset() != after.astimezone(rules).utcoffset():
            changes.append(_change(rules, before, after))
    offsets = (_minutes(instant.astimezone(rules)) for instant in (_FIRST, *changes))
    return Zone(
        name, _clock(slot_minutes, name), tuple(changes), tuple(_clock(n, name) for n in offsets)
    )


def rules_near(zone: Zone, now: datetime) -> tuple[tuple[datetime, timedelta | None], ...]:
    """The zone's offsets in the months around ``now``, each with the instant since when."""
    begin, end = now - _LATELY, now + _AHEAD
    since = (begin, *(change for change in zone.changes if begin < change <= end))
    return tuple((instant, zone.local(instant).utcoffset()) for instant in since)


def rules_of(name: str) -> ZoneInfo:
    """The zone's rules by the package tzdata."""
    with (files("tzdata.zoneinfo") / name).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def _change(rules: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first instant after ``before`` at which the zone has the offset of ``after``."""
    new = after.astimezone(rules).utcoffset()
    while after - before > _SECOND:
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle.astimezone(rules).utcoffset() == new:
            after = middle
        else:
            before = middle
    return after


def _minutes(local: datetime) -> int:
    offset = local.utcoffset()
    assert offset is not None
    return offset // timedelta(minutes=1)


def _clock(minutes: int, name: str) -> timezone:
    return timezone(timedelta(minutes=minutes), name)
