"""Start and end times that can be offered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

from models.kernel.time_range import (
    TimeRange,
    floor_minute,
    local_date,
    local_instant,
    to_local,
)
from models.policy.entities import Policy, time_steps
from models.policy.open_hours import OpenHours

_MORNING: Final = time(9)
"""When somebody begins of whom nothing is known."""


def start_choices(
    day: date, policy: Policy, place: OpenHours, now: datetime
) -> list[tuple[str, datetime]]:
    """(value, instant) of the starts that the rules allow: 现在 first, then the full steps ahead.

    A start is offered only where at least one end fits.
    """
    current = floor_minute(now)
    found: list[tuple[str, datetime]] = []
    for hours in place.intervals:
        starts: list[tuple[str, datetime]] = []
        if local_date(now) == day and hours.contains(current):
            starts.append(("now", current))
        starts += [
            (f"{to_local(step):%H:%M}", step)
            for step in time_steps(policy, hours)
            if step > current and local_date(step) == day
        ]
        found += ((value, start) for value, start in starts if end_choices(start, policy, hours))
    return found


def end_choices(start: datetime, policy: Policy, hours: TimeRange) -> list[datetime]:
    """The full steps after ``start`` and the closing time, between shortest and longest stay."""
    shortest = start + timedelta(minutes=policy.min_minutes)
    latest = min(start + policy.longest, hours.end)
    ends = [step for step in time_steps(policy, hours) if shortest <= step <= latest]
    if shortest <= hours.end <= latest:
        ends.append(hours.end)
    return ends


def proposed_start(
    starts: Sequence[datetime], usual: time | None, policy: Policy, hours: Iterable[TimeRange]
) -> datetime:
    """The one of another day's ``starts`` that is proposed: the nearest to the time of day at which
    the reader usually begins. Of whom that is not known, one in the morning, and none whose
    check-in begins before the doors open (``hours``), where there is another one."""
    day = local_date(starts[0])
    if usual is not None:
        wanted = local_instant(day, usual)
        wanted -= (wanted - local_instant(day, time(0))) % timedelta(minutes=policy.step_minutes)
        return min(starts, key=lambda start: abs(start - wanted))
    early, morning = timedelta(minutes=policy.check_in_before_minutes), local_instant(day, _MORNING)
    opened = [TimeRange(one.start + early, one.end) for one in hours if one.length > early]
    return next(
        (s for s in starts if s >= morning and any(one.contains(s) for one in opened)), starts[-1]
    )
