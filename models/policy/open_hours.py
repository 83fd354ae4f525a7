"""The opening hours that touch one calendar day; they may begin on the day before. Hours that
touch or overlap are joined, so a library that is always open does not close at midnight."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import AreaId, VenueId
from models.policy.entities import DayHours, Policy

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class OpenHours:
    """The periods, touching one calendar day, in which a place is open. The periods are not cut
    at midnight. `reason`: why the place is closed, if there are none."""

    intervals: tuple[TimeRange, ...]
    reason: str

    def containing(self, instant: datetime) -> TimeRange | None:
        return next((hours for hours in self.intervals if hours.contains(instant)), None)

    def upcoming(self, instant: datetime) -> TimeRange | None:
        """The opening period that contains the instant; without one, the next period that
        touches the day. None if there is neither."""
        return next((hours for hours in self.intervals if instant < hours.end), None)

    def covers(self, start: datetime, end: datetime) -> bool:
        hours = self.containing(start)
        return hours is not None and end <= hours.end


def open_hours(
    zone: Zone, policy: Policy, day: date, venue_id: VenueId, area_id: AreaId | None
) -> OpenHours:
    today = policy.day_hours(zone, day, venue_id, area_id)
    beside = (policy.day_hours(zone, day + n * _DAY, venue_id, area_id).hours for n in (-1, 1))
    return join_hours(zone, day, today, beside)


def join_hours(
    zone: Zone, day: date, today: DayHours, beside: Iterable[TimeRange | None] = ()
) -> OpenHours:
    """The joined opening periods that touch ``day``. ``today``: the hours that begin on this
    day. ``beside``: the hours that begin on the day before and on the day after."""
    begin, end = (zone.midnight(day + n * _DAY) for n in (0, 1))
    joined: list[TimeRange] = []
    for hours in sorted(hours for hours in (today.hours, *beside) if hours is not None):
        if joined and hours.start <= joined[-1].end:
            joined[-1] = TimeRange(joined[-1].start, max(joined[-1].end, hours.end))
        else:
            joined.append(hours)
    touching = (hours for hours in joined if hours.start < end and begin < hours.end)
    return OpenHours(tuple(touching), today.reason)
