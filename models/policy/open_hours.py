"""When a place is open around one calendar day: by yesterday's, today's and tomorrow's hours.

Hours may end on the day after the one that they begin on. What touches or overlaps is one
interval, so that a library that is open around the clock never closes at midnight.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from models.kernel.time_range import TimeRange, local_instant
from models.library.entities import AreaId, VenueId
from models.policy.entities import DayHours, Policy

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class OpenHours:
    """The open intervals that touch one calendar day, each as a whole, in their order. None where
    the place is closed on that day, for ``reason``."""

    intervals: tuple[TimeRange, ...]
    reason: str

    def containing(self, instant: datetime) -> TimeRange | None:
        """The interval in which the instant lies."""
        return next((hours for hours in self.intervals if hours.contains(instant)), None)

    def upcoming(self, instant: datetime) -> TimeRange | None:
        """The interval in which the instant lies, or else the next one that touches the day."""
        return next((hours for hours in self.intervals if instant < hours.end), None)

    def covers(self, start: datetime, end: datetime) -> bool:
        """Is it open all the time from ``start`` to ``end``?"""
        hours = self.containing(start)
        return hours is not None and end <= hours.end


def open_hours(policy: Policy, day: date, venue_id: VenueId, area_id: AreaId | None) -> OpenHours:
    """When the place is open on that calendar day, by ``policy``."""
    today = policy.day_hours(day, venue_id, area_id)
    beside = (policy.day_hours(day + n * _DAY, venue_id, area_id).hours for n in (-1, 1))
    return join_hours(day, today, beside)


def join_hours(day: date, today: DayHours, beside: Iterable[TimeRange | None] = ()) -> OpenHours:
    """The same, from the hours that begin on the day, and ``beside`` it."""
    midnight = local_instant(day, time(0))
    joined: list[TimeRange] = []
    for hours in sorted(hours for hours in (today.hours, *beside) if hours is not None):
        if joined and hours.start <= joined[-1].end:
            joined[-1] = TimeRange(joined[-1].start, max(joined[-1].end, hours.end))
        else:
            joined.append(hours)
    touching = (hours for hours in joined if hours.start < midnight + _DAY and midnight < hours.end)
    return OpenHours(tuple(touching), today.reason)
