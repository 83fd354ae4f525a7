"""The forecasts of today and tomorrow, kept in memory by each worker."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Final

from models.forecast import rules
from models.forecast.rules import HourForecast
from models.kernel.time_range import local_date, local_instant, to_local
from models.library.entities import Area, AreaId
from models.reference_data import ReferenceData
from models.statistics.daily import AreaDay
from models.statistics.service import StatisticsService

_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_AHEAD: Final = 2
"""Today and tomorrow."""
Areas = frozenset[AreaId]


@dataclass(frozen=True, slots=True)
class ExpectedSeats:
    """So many seats will be ``free`` during the hour that begins then, give or take ``error``."""

    begin: datetime
    free: int
    error: int

    def at_most(self, free: int) -> ExpectedSeats:
        """The same, where bookings have left no more than that."""
        return ExpectedSeats(self.begin, min(self.free, free), self.error)


class FullnessForecast:
    """How full areas will be; nothing where that cannot be known yet."""

    def __init__(self, statistics: StatisticsService, reference: ReferenceData) -> None:
        self._statistics, self._reference = statistics, reference
        self._made_of: tuple[object, ...] = ()
        self._made: Mapping[tuple[date, Areas], Sequence[HourForecast]] = {}

    async def refresh(self, now: datetime) -> int:
        """Make the forecasts anew, where another day has begun or was counted. Always 0."""
        today, catalog = local_date(now), self._reference.catalog
        made_of = today, await self._statistics.last_counted(), catalog.version
        if made_of == self._made_of:
            return 0
        first = today - timedelta(weeks=rules.WEEKS)
        by_area: dict[AreaId, list[AreaDay]] = {}
        for d in await self._statistics.between(first, today - _DAY):
            by_area.setdefault(d.area_id, []).append(d)
        made = {}
        for group in _groups(list(catalog.bookable_areas)):
            history = rules.together([by_area.get(id, []) for id in group])
            for day in (today + n * _DAY for n in range(_AHEAD)):
                found = rules.forecast(history, day)
                if found is not None:
                    made[day, group] = found
                await asyncio.sleep(0)  # some milliseconds each: others go first
        self._made, self._made_of = made, made_of
        return 0

    def at(self, areas: Sequence[Area], day: date, hour: int) -> ExpectedSeats | None:
        """Of one area, or of all areas of a floor together, in that full hour of the day; None
        where it is not known, or one of them is not open all the time."""
        hours = self._made.get((day, frozenset(area.id for area in areas)))
        if hours is None:
            return None
        begin = local_instant(day, time(hour))
        seats = 0
        for area in areas:
            opening = self._reference.opening_hours(self._reference.policy, day, area.id)
            if not opening.covers(begin, begin + _HOUR):
                return None
            seats += sum(seat.unavailable_reason(day) is None for seat in area.seats)
        found = hours[hour]
        return ExpectedSeats(
            begin, round(seats * (1 - found.used)), max(1, round(seats * found.error))
        )

    def at_time(self, areas: Sequence[Area], moment: datetime) -> ExpectedSeats | None:
        """As ``at``, in the hour of that moment."""
        clock = to_local(moment)
        return self.at(areas, clock.date(), clock.hour)

    def fullest(self, area: Area, day: date) -> ExpectedSeats | None:
        """The hour of that day in which the fewest seats will be free; None as above."""
        found = [self.at([area], day, hour) for hour in range(24)]
        return min((f for f in found if f is not None), key=lambda f: f.free, default=None)


def _groups(areas: Sequence[Area]) -> list[Areas]:
    """Each area, and those of each floor of a venue together."""
    floors = groupby(
        sorted(areas, key=lambda a: (a.venue_id, a.floor)), key=lambda a: (a.venue_id, a.floor)
    )
    whole = [frozenset(area.id for area in of_floor) for _, of_floor in floors]
    return list(dict.fromkeys([*(frozenset([area.id]) for area in areas), *whole]))
