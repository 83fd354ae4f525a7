"""How full an area is expected to be at the time that a page is about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from handlers.http.pages import PageRequest
from handlers.keys import FORECAST, SEAT_MAP
from handlers.seat_map.cache import SEAT_MAP_CACHE, SeatMapCache
from handlers.seat_map.search import MapSearch
from models.forecast.service import ExpectedSeats
from models.kernel.errors import DomainError
from models.kernel.time_range import floor_minute, local_date, to_local
from models.library.entities import Area
from models.reservations.joined_occupancy import OccupancyView

_HOUR: Final = timedelta(hours=1)


async def expected_seats(
    visit: PageRequest, areas: Sequence[Area], search: MapSearch
) -> dict[str, ExpectedSeats]:
    """By area: in the hour of the start that is chosen, today else in the next full hour, and on
    another day in its fullest one. None of those of which nothing is known."""
    forecast = visit[FORECAST]
    hour = _hour_of(search, visit.now)
    found = {}
    for area in areas:
        if hour is None:
            expected = forecast.fullest(area, search.day)
        else:
            expected = forecast.at([area], search.day, hour)
        if expected is not None:
            found[str(area.id)] = expected
    if not found:
        return {}
    occupancy = await visit[SEAT_MAP].occupancy.get_day(search.day)
    minute, plans = floor_minute(visit.now), visit[SEAT_MAP_CACHE]
    return {
        str(area.id): not_more_than_unbooked(plans, area, found[area.id], occupancy, minute)
        for area in areas
        if area.id in found
    }


def not_more_than_unbooked(
    plans: SeatMapCache,
    area: Area,
    expected: ExpectedSeats,
    occupancy: OccupancyView,
    minute: datetime,
) -> ExpectedSeats:
    """The forecast knows the past only: what is booked already is not expected to be free."""
    begin = to_local(expected.begin)
    try:
        hour = f"{begin:%H:%M}", f"{begin + _HOUR:%H:%M}"
        asked = plans.window(begin.date(), *hour, minute)
    except DomainError:
        return expected  # an hour that cannot be asked for, such as the last one of the day
    return expected.at_most(plans.plan(area, occupancy, asked, minute).view.count.free)


def _hour_of(search: MapSearch, now: datetime) -> int | None:
    chosen = search.begin or search.start
    if chosen and chosen[0].isdigit():
        return int(chosen[:2])
    if search.day != local_date(now):
        return None
    return to_local(now + _HOUR).hour
