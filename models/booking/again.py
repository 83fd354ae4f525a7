"""再约一次 (once more): the proposal to book the seat of the last stay at the same time of day, and
the time at which a reader usually starts."""

from __future__ import annotations

from collections.abc import Container, Iterable
from datetime import date, datetime, time, timedelta
from typing import Final

from models.kernel.time_range import local_date, local_instant, next_clock_instant, to_local
from models.kernel.zone import floor_clock
from models.policy.entities import Policy
from models.reservations.entities import Reservation
from models.reservations.rules import TimeSelection

_SHORTEST: Final = timedelta(minutes=30)


def stay_again(
    last: Reservation, policy: Policy, bookable: Container[date], now: datetime
) -> TimeSelection | None:
    """The last stay's time of day, proposed for today or, if that time is over, for tomorrow. If
    only its start has passed, the proposal begins now. None if tomorrow is not ``bookable``."""
    # A booking from 16:08 (现在) is proposed from 16:00 on another day.
    begin = floor_clock(to_local(last.start), policy.step_minutes)
    end, today = to_local(last.end).time(), local_date(now)
    start = local_instant(today, begin)
    if start > now:
        return TimeSelection(today, begin, end)
    if next_clock_instant(start, end) - now >= _SHORTEST:
        return TimeSelection(today, None, end)
    tomorrow = today + timedelta(days=1)
    return TimeSelection(tomorrow, begin, end) if tomorrow in bookable else None


def usual_start(bookings: Iterable[Reservation]) -> time | None:
    """The median time of day at which each day's first stay began; None if there was no stay."""
    first = dict[date, datetime]()
    for r in bookings:
        if r.checked_in_at is not None:
            day = local_date(r.start)
            first[day] = min(r.start, first.get(day, r.start))
    times = sorted(to_local(start).time() for start in first.values())
    return times[(len(times) - 1) // 2] if times else None
