"""Which filters the policy allows, and how long a leave."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from models.kernel.time_range import (
    TimeRange,
    last_date,
    local_date,
    local_instant,
    next_clock_instant,
)
from models.policy.entities import Policy
from models.policy.errors import FilterDisabled


def may_filter(wanted: Iterable[str], policy: Policy) -> None:
    """Whether seats may be looked for by these marks. Raises: FilterDisabled."""
    for mark in wanted:
        if not policy.allows_filter(mark):
            raise FilterDisabled(filter=mark)


def leave_duration(policy: Policy, left_at: datetime) -> timedelta:
    """How long the reader may stay away: the meal limit when the short leave touches a meal."""
    short = timedelta(minutes=policy.leave_minutes)
    away = TimeRange(left_at, left_at + short)
    first, last = local_date(left_at), last_date(away)
    touches = any(
        away.overlaps(TimeRange(began, next_clock_instant(began, stop)))
        for begin, stop in policy.meal_times
        # One over midnight may have begun on the day before.
        for day in {first - timedelta(days=stop <= begin), first, last}
        for began in (local_instant(day, begin),)
    )
    return timedelta(minutes=policy.meal_leave_minutes) if touches else short
