"""How much each seat of an area is used, by the hour of the day: a heat map and its table."""

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
    """The seats of one area over some days that are counted."""
    asked, area = interval(visit, LONGEST_SEATS), chosen_area(visit)
    table = await seats_of(visit, asked, area)
    return render(
        visit,
        "seat_statistics",
        asked=asked,
        area=area,
        areas=_areas(visit),
        table=table,
        no_data=NO_DATA,
        longest=LONGEST_SEATS,
    )


def _areas(visit: PageRequest) -> list[Area]:
    """Those of the venues that they work for."""
    return [a for a in visit[REFERENCE].catalog.bookable_areas if visit.sees(a.venue_id)]


def chosen_area(visit: PageRequest) -> Area:
    """The area that the address names, else the first one. Raises: NotFound where there is none."""
    areas = {area.id: area for area in _areas(visit)}
    if not areas:
        raise NotFound()
    wanted = AreaId(visit.request.query.get("area", ""))
    return areas.get(wanted) or next(iter(areas.values()))


async def seats_of(visit: PageRequest, asked: Interval, area: Area) -> Table:
    """The table, counted from the bookings of the days that are over and counted."""
    statistics, reference = visit[StatisticsService], visit[REFERENCE]
    kept = await statistics.between(asked.first, asked.last)
    days = sorted({d.day for d in kept if d.area_id == area.id})
    policy = reference.policy
    opened = {day: reference.opening_hours(policy, day, area.id).intervals for day in days}
    rows = []
    for day in days:
        of_day = [row async for row in statistics.bookings_on(day)]
        of_day += await statistics.late_bookings(day)
        rows += [(day, row) for row in of_day if row.area_id == area.id]
    return seats_table(seat_hours(area.seats, opened, rows))
