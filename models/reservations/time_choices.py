"""Start and end times that can be offered."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from models.kernel.time_range import TimeRange, floor_minute, local_date, to_local
from models.policy.entities import Policy, time_steps
from models.policy.open_hours import OpenHours


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
