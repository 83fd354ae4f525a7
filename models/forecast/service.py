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
        self._made: Mapping[tuple[date, Areas], Mapping[int, ExpectedSeats]] = {}

    async def refresh(self, now: datetime) -> int:
        """Make the forecasts anew, where another day has begun or was counted, or the plans or the
        opening hours are others. Always 0."""
        today, catalog = local_date(now), self._reference.catalog
        counted = await self._statistics.last_counted()
        made_of = today, counted, catalog.version, self._reference.policy.version
        if made_of == self._made_of:
            return 0
        first = today - timedelta(weeks=rules.WEEKS)
        by_area: dict[AreaId, list[AreaDay]] = {}
        for d in await self._statistics.between(first, today - _DAY):
            by_area.setdefault(d.area_id, []).append(d)
        made = {}
        for group in _groups(list(catalog.bookable_areas)):
            history = rules.together([by_area.get(id, []) for id in group])
            areas = [catalog.areas[id] for id in group]
            for day in (today + n * _DAY for n in range(_AHEAD)):
                shares = rules.forecast(history, day)
                if shares is not None:
                    made[day, group] = self._expected(areas, day, shares)
                await asyncio.sleep(0)  # some milliseconds each: others go first
        self._made, self._made_of = made, made_of
        return 0

    def hours(self, areas: Sequence[Area], day: date) -> Mapping[int, ExpectedSeats]:
        """Of one area, or of all areas of a floor together: each hour of the day that is known and
        in which all of them are open from its beginning to its end."""
        return self._made.get((day, frozenset(area.id for area in areas)), {})

    def at_time(self, areas: Sequence[Area], moment: datetime) -> ExpectedSeats | None:
        """The same, for the hour of that moment."""
        clock = to_local(moment)
        return self.hours(areas, clock.date()).get(clock.hour)

    def _expected(
        self, areas: Sequence[Area], day: date, shares: Sequence[HourForecast]
    ) -> Mapping[int, ExpectedSeats]:
        opening = [
            self._reference.opening_hours(self._reference.policy, day, area.id) for area in areas
        ]
        seats = sum(seat.unavailable_reason(day) is None for area in areas for seat in area.seats)
        found = {}
        for hour, share in enumerate(shares):
            begin = local_instant(day, time(hour))
            if seats and all(hours.covers(begin, begin + _HOUR) for hours in opening):
                error = min(seats, max(1, round(seats * share.error)))
                found[hour] = ExpectedSeats(begin, round(seats * (1 - share.used)), error)
        return found


def _groups(areas: Sequence[Area]) -> list[Areas]:
    """Each area, and those of each floor of a venue together."""
    floors = groupby(
        sorted(areas, key=lambda a: (a.venue_id, a.floor)), key=lambda a: (a.venue_id, a.floor)
    )
    whole = [frozenset(area.id for area in of_floor) for _, of_floor in floors]
    return list(dict.fromkeys([*(frozenset([area.id]) for area in areas), *whole]))
