from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

from models.kernel.time_range import (
    TimeRange,
    floor_minute,
)
from models.kernel.zone import Zone
from models.policy.entities import Policy, time_steps
from models.policy.open_hours import OpenHours

MORNING: Final = time(9)
"""The earliest start that is proposed to a reader who has no usual start."""


def start_choices(
    zone: Zone, day: date, policy: Policy, place: OpenHours, now: datetime
) -> list[tuple[str, datetime]]:
    """The starts that can be chosen on the day, each as its value in the form (``now`` or HH:MM)
    and its instant; 现在 (now) comes first. A start without any possible end is left out.
    ``place``: the area's opening hours."""
    current = floor_minute(now)
    choices: list[tuple[str, datetime]] = []
    for hours in place.intervals:
        starts: list[tuple[str, datetime]] = []
        if zone.day(now) == day and hours.contains(current):
            starts.append(("now", current))
        starts += [
            (f"{zone.local(step):%H:%M}", step)
            for step in time_steps(zone, policy, hours)
            if step > current and zone.day(step) == day
        ]
        choices += (
            (value, start) for value, start in starts if end_choices(zone, start, policy, hours)
        )
    return choices


def end_choices(zone: Zone, start: datetime, policy: Policy, hours: TimeRange) -> list[datetime]:
    """The ends that can be chosen for ``start``: the time steps and the closing time, as far as
    the stay is neither too short nor too long. ``hours``: the opening hours around the start."""
    shortest = start + timedelta(minutes=policy.min_minutes)
    latest = min(start + policy.longest, hours.end)
    ends = [step for step in time_steps(zone, policy, hours) if shortest <= step <= latest]
    if shortest <= hours.end <= latest:
        ends.append(hours.end)
    return ends


def proposed_start(
    zone: Zone,
    starts: Sequence[datetime],
    usual: time | None,
    policy: Policy,
    hours: Iterable[TimeRange],
) -> datetime:
    """The one of ``starts`` that is proposed first. It is the start nearest to the reader's
    usual time of day. Without a usual time it is the first start from nine o'clock on whose
    check-in opens when the library is already open (``hours``: its opening hours), or else the
    last start. ``starts`` are on a day other than today."""
    day = zone.day(starts[0])
    if usual is not None:
        target = zone.instant(day, usual)
        target -= (target - zone.midnight(day)) % timedelta(minutes=policy.step_minutes)
        return min(starts, key=lambda start: abs(start - target))
    early, morning = timedelta(minutes=policy.check_in_before_minutes), zone.instant(day, MORNING)
    opened = [TimeRange(one.start + early, one.end) for one in hours if one.length > early]
    return next(
        (s for s in starts if s >= morning and any(one.contains(s) for one in opened)), starts[-1]
    )
