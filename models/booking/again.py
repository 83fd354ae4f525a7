"""再约一次 (once more): the proposal to book the seat of the last stay at the same time of day."""

from __future__ import annotations

from collections.abc import Container
from datetime import date, datetime, timedelta
from typing import Final

from models.kernel.zone import Zone, floor_clock
from models.policy.entities import Policy
from models.reservations.entities import Reservation
from models.reservations.rules import TimeSelection

_SHORTEST: Final = timedelta(minutes=30)


def stay_again(
    zone: Zone, last: Reservation, policy: Policy, bookable: Container[date], now: datetime
) -> TimeSelection | None:
    """The last stay's time of day, proposed for today or, if that time is over, for tomorrow. If
    only its start has passed, the proposal begins now. None if tomorrow is not ``bookable``."""
    # A booking from 16:08 (现在) is proposed from 16:00 on another day.
    begin = floor_clock(zone.local(last.start), policy.step_minutes)
    end, today = zone.local(last.end).time(), zone.day(now)
    start = zone.instant(today, begin)
    if start > now:
        return TimeSelection(today, begin, end)
    if zone.next_instant(start, end) - now >= _SHORTEST:
        return TimeSelection(today, None, end)
    tomorrow = today + timedelta(days=1)
    return TimeSelection(tomorrow, begin, end) if tomorrow in bookable else None
