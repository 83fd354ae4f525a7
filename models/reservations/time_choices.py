"""Start and end times that can be offered."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from models.kernel.time_range import TimeRange, floor_minute, local_date, to_local
from models.policy.entities import DayHours, Policy, time_steps


def start_choices(
    day: date, policy: Policy, place: DayHours, now: datetime
) -> list[tuple[str, datetime]]:
    """(value, instant) of the starts that the rules allow: 现在 first, then the full steps ahead.

    A start is offered only where at least one end fits.
    """
    if place.hours is None:
        return []
    starts: list[tuple[str, datetime]] = []
    current = floor_minute(now)
    if local_date(now) == day and place.hours.contains(current):
        starts.append(("now", current))
    starts += [
        (f"{to_local(step):%H:%M}", step)
        for step in time_steps(policy, place.hours)
        if step > current
    ]
    return [(value, start) for value, start in starts if end_choices(start, policy, place.hours)]


def end_choices(start: datetime, policy: Policy, hours: TimeRange) -> list[datetime]:
    """The full steps after ``start`` and the closing time, between shortest and longest stay."""
    shortest = start + timedelta(minutes=policy.min_minutes)
    latest = min(start + policy.longest, hours.end)
    ends = [step for step in time_steps(policy, hours) if shortest <= step <= latest]
    if shortest <= hours.end <= latest:
        ends.append(hours.end)
    return ends
