from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Final

from models.forecast import rules
from models.forecast.rules import HourForecast
from models.library.entities import Area, AreaId
from models.reference_data import ReferenceData
from models.statistics.daily import AreaDay
from models.statistics.service import StatisticsService

_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_AHEAD: Final = 2
"""This many days are forecast: today and tomorrow."""
Areas = frozenset[AreaId]


@dataclass(frozen=True, slots=True)
class ExpectedSeats:
    """The forecast for the hour that starts at `begin`: `free` seats, plus or minus `error`."""

    begin: datetime
    free: int
    error: int

    def at_most(self, free: int) -> ExpectedSeats:
        """A copy whose `free` is at most the given number, which counts seats not booked."""
        return ExpectedSeats(self.begin, min(self.free, free), self.error)


class FullnessForecast:
    """Forecasts today's and tomorrow's free seats of areas and floors, kept in each worker."""

    def __init__(self, statistics: StatisticsService, reference: ReferenceData) -> None:
        self._statistics, self._reference = statistics, reference
        self._made_of: tuple[object, ...] = ()
        self._days: frozenset[date] = frozenset()
        self.version = 0
        """Grows whenever the forecasts are computed again."""
        self._made: Mapping[tuple[date, Areas], Mapping[int, ExpectedSeats]] = {}

    async def refresh(self, now: datetime) -> int:
        """Computes the forecasts again if the day, the statistics, plans or the policy have
        changed. Returns 0: the job never needs an immediate second run."""
        today, catalog = self._reference.zone.day(now), self._reference.catalog
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
                await asyncio.sleep(0)  # each takes milliseconds: requests run in between
        self._made, self._made_of = made, made_of
        self._days = frozenset(day for day, _ in made)
        self.version += 1
        return 0

    def hours(self, areas: Sequence[Area], day: date) -> Mapping[int, ExpectedSeats]:
        """The forecast for each hour of the day, for one area or for all areas of a floor. Hours
        in which one of the areas is closed are left out."""
        return self._made.get((day, frozenset(area.id for area in areas)), {})

    def covers(self, day: date) -> bool:
        """True if there are forecasts for any area on that day."""
        return day in self._days

    def at_time(self, areas: Sequence[Area], moment: datetime) -> ExpectedSeats | None:
        """The forecast for the hour that contains ``moment``, for one area or for all areas of a
        floor; None if there is none."""
        clock = self._reference.zone.local(moment)
        return self.hours(areas, clock.date()).get(clock.hour)

    def _expected(
        self, areas: Sequence[Area], day: date, shares: Sequence[HourForecast]
    ) -> Mapping[int, ExpectedSeats]:
        opening = [
            self._reference.opening_hours(self._reference.policy, day, area.id) for area in areas
        ]
        seats = sum(seat.unavailable_reason(day) is None for area in areas for seat in area.seats)
        expected = {}
        for hour, share in enumerate(shares):
            begin = next(iter(self._reference.zone.instants(day, time(hour))), None)
            if (
                begin is not None
                and seats
                and all(hours.covers(begin, begin + _HOUR) for hours in opening)
            ):
                error = min(seats, max(1, round(seats * share.error)))
                expected[hour] = ExpectedSeats(begin, round(seats * (1 - share.used)), error)
        return expected


def _groups(areas: Sequence[Area]) -> list[Areas]:
    """The groups with forecasts: each area, and all areas of each floor of a venue together."""
    floors = groupby(
        sorted(areas, key=lambda a: (a.venue_id, a.floor)), key=lambda a: (a.venue_id, a.floor)
    )
    whole = [frozenset(area.id for area in of_floor) for _, of_floor in floors]
    return list(dict.fromkeys([*(frozenset([area.id]) for area in areas), *whole]))
