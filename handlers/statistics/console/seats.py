from __future__ import annotations

from aiohttp import web

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.staff.layout import render
from handlers.staff.tables import Table
from handlers.statistics.console.statistics import LONGEST_SEATS, Interval, interval
from handlers.statistics.console.tables import seats_table
from handlers.texts.statistics import NO_DATA
from models.kernel.errors import NotFound
from models.library.entities import Area, AreaId
from models.statistics.seat_hours import seat_hours
from models.statistics.service import StatisticsService


async def seat_statistics(visit: PageRequest) -> web.StreamResponse:
    """The page on the use of an area's seats by hour of the day, as a heat map and as a table."""
    span, area = interval(visit, LONGEST_SEATS), chosen_area(visit)
    table = await seats_of(visit, span, area)
    return render(
        visit,
        "seat_statistics",
        asked=span,
        area=area,
        areas=_areas(visit),
        table=table,
        no_data=NO_DATA,
        longest=LONGEST_SEATS,
    )


def _areas(visit: PageRequest) -> list[Area]:
    return [a for a in visit[REFERENCE].catalog.bookable_areas if visit.sees(a.venue_id)]


def chosen_area(visit: PageRequest) -> Area:
    """The area that the query names, or the first area. Raises: NotFound if there is none."""
    areas = {area.id: area for area in _areas(visit)}
    if not areas:
        raise NotFound()
    area_id = AreaId(visit.request.query.get("area", ""))
    return areas.get(area_id) or next(iter(areas.values()))


async def seats_of(visit: PageRequest, span: Interval, area: Area) -> Table:
    """A table of how much each seat of the area was used in each hour of the day. It is computed
    from the bookings of the days in ``span`` that have complete statistics."""
    statistics, reference = visit[StatisticsService], visit[REFERENCE]
    area_days = await statistics.between(span.first, span.last)
    days = sorted({d.day for d in area_days if d.area_id == area.id})
    policy = reference.policy
    opened = {day: reference.opening_hours(policy, day, area.id).intervals for day in days}
    rows = []
    for day in days:
        of_day = [row async for row in statistics.bookings_on(day)]
        of_day += await statistics.late_bookings(day)
        rows += [(day, row) for row in of_day if row.area_id == area.id]
    return seats_table(seat_hours(visit.zone, area.seats, opened, rows))
