"""The forecast on areas' pages: how many seats are expected to be free at the searched time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from aiohttp import web

from handlers.seat_map.search import AnyRequest, MapSearch
from models.forecast.service import ExpectedSeats, FullnessForecast
from models.kernel.zone import Zone
from models.library.entities import Area, AreaId, Catalog
from models.occupancy.joined import OccupancyView
from models.reference_data import ReferenceData
from models.reservations.occupancy_rows import OccupancyRow
from models.seat_map.service import SeatMapService

_HOUR: Final = timedelta(hours=1)
_COUNTED_EVERY_S: Final = 5


@dataclass(slots=True, eq=False)
class Counted:
    """The number of booked seats by area and hour of a day; hours without any are missing.
    ``turn``: when it was last looked whether they have changed."""

    occupancy: OccupancyView
    version: int
    catalog: Catalog
    turn: int
    seats: Mapping[tuple[AreaId, int], int]

    def is_of(self, occupancy: OccupancyView, catalog: Catalog) -> bool:
        same = self.occupancy is occupancy and self.catalog is catalog
        return same and self.version == occupancy.version


class BookedSeats:
    """Booked seats by area and hour of a day, counted at most once in five seconds by a worker."""

    def __init__(self, reference: ReferenceData) -> None:
        self._reference = reference
        self._counted: dict[date, Counted] = {}

    def of(self, day: date, occupancy: OccupancyView, now: datetime) -> Counted:
        """The booked seats of ``day``: the same object as before unless they may have changed."""
        turn = int(now.timestamp()) // _COUNTED_EVERY_S
        counted = self._counted.get(day)
        if counted is None or counted.turn != turn:
            catalog = self._reference.catalog
            if counted is not None and counted.is_of(occupancy, catalog):
                counted.turn = turn
                return counted
            # Past days are dropped.
            today = self._reference.zone.local(now).date()
            self._counted = {d: c for d, c in self._counted.items() if d >= today}
            counted = self._counted[day] = Counted(
                occupancy, occupancy.version, catalog, turn, self._count(day, occupancy)
            )
        return counted

    def _count(self, day: date, occupancy: OccupancyView) -> Mapping[tuple[AreaId, int], int]:
        counts: Counter[tuple[AreaId, int]] = Counter()
        for area in self._reference.catalog.bookable_areas:
            for seat in area.seats:
                rows = occupancy.by_seat.get(seat.id, ())
                if rows and seat.unavailable_reason(day) is None:
                    touched = {
                        hour for row in rows for hour in _hours(self._reference.zone, row, day)
                    }
                    counts.update((area.id, hour) for hour in touched)
        return counts


BOOKED_SEATS: Final = web.AppKey("booked_seats", BookedSeats)


async def expected_seats(
    visit: AnyRequest, areas: Sequence[Area], search: MapSearch
) -> dict[AreaId, ExpectedSeats]:
    """The forecast of each area for the searched time; areas without a forecast are missing. The
    forecast is for the hour of the searched start; without a start, for today's next full hour or
    a later day's fullest hour."""
    if not visit[FullnessForecast].covers(search.day):
        return {}
    occupancy = await visit[SeatMapService].occupancy.get_day(search.day)
    hours = hours_to_come(visit, areas, search.day, counted_seats(visit, search.day, occupancy))
    hour_of_search = hour_of(visit.zone, search, visit.now)
    return {id: one for id in hours if (one := expected_at(hours[id], hour_of_search))}


def counted_seats(visit: AnyRequest, day: date, occupancy: OccupancyView) -> Counted | None:
    """The booked seats of the day by which its forecasts are limited; None without forecasts."""
    if not visit[FullnessForecast].covers(day):
        return None
    return visit[BOOKED_SEATS].of(day, occupancy, visit.now)


def hours_to_come(
    visit: AnyRequest, areas: Sequence[Area], day: date, counted: Counted | None
) -> dict[AreaId, Mapping[int, ExpectedSeats]]:
    """The forecasts of the day by area and hour. No forecast exceeds the number of unbooked seats.
    Areas without a forecast are missing."""
    if counted is None:
        return {}
    expected: dict[AreaId, Mapping[int, ExpectedSeats]] = {}
    for area in areas:
        seats = sum(seat.unavailable_reason(day) is None for seat in area.seats)
        expected[area.id] = {
            hour: one.at_most(seats - counted.seats.get((area.id, hour), 0))
            for hour, one in visit[FullnessForecast].hours([area], day).items()
        }
    return expected


def expected_at(
    hours: Mapping[int, ExpectedSeats], hour_of_search: int | None
) -> ExpectedSeats | None:
    """The forecast for the hour, or for the fullest one (None); None without a forecast."""
    if hour_of_search is not None:
        return hours.get(hour_of_search)
    return min(hours.values(), key=lambda one: one.free, default=None)


def _hours(zone: Zone, row: OccupancyRow, day: date) -> range:
    """The hours of the day in which the booking takes place, at least in part."""
    begin, end = zone.local(row.start), zone.local(row.end)
    first = begin.hour if begin.date() == day else 0
    if end.date() > day:
        return range(first, 24)
    return range(first, end.hour + bool(end.minute or end.second))


def hour_of(zone: Zone, search: MapSearch, now: datetime) -> int | None:
    """The hour of the day that the forecast is for. None: the day's fullest hour. -1: no hour,
    because the next full hour is tomorrow's."""
    with suppress(ValueError):
        return time.fromisoformat(search.begin or search.start).hour
    soon = zone.local(now + _HOUR)
    if search.day != zone.local(now).date():
        return None
    return soon.hour if soon.date() == search.day else -1
