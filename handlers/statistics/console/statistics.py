from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby
from typing import Final

from aiohttp import web

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.staff.layout import render, sees_area, staff_context
from handlers.staff.tables import Row, Table
from handlers.statistics.console import charts
from handlers.statistics.console import tables as statistics_tables
from handlers.statistics.console.charts import RATE_TICKS, Chart, Point
from handlers.statistics.console.rooms import room_tables
from handlers.statistics.console.tables import PLACE
from handlers.texts.console import WRONG_TEXT
from handlers.texts.statistics import COLUMN_TEXT, NO_DATA
from models.kernel.errors import Malformed
from models.library.entities import Area, Catalog
from models.staff.audit import AuditAction
from models.staff.audit_log import AuditLog
from models.statistics.daily import AreaDay, summary
from models.statistics.service import StatisticsService

LONGEST: Final = 400
"""The most days of statistics on a page or in a CSV file."""
LONGEST_SEATS: Final = 31
"""The most days in the table of seats, which is slowly computed from single bookings."""
_USUAL: Final = 30
_FIRST: Final = date(2000, 1, 1)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Interval:
    first: date
    last: date

    @property
    def days(self) -> list[date]:
        return [self.first + n * _DAY for n in range((self.last - self.first).days + 1)]


def interval(visit: PageRequest, longest: int = LONGEST) -> Interval:
    """The query's days; by default the last 30 complete days. Raises: Malformed, also for more
    than ``longest`` days."""
    query, yesterday = visit.request.query, visit.zone.day(visit.now) - _DAY
    last = _date("to", query.get("to", ""), yesterday)
    if not _FIRST + LONGEST * _DAY <= last <= yesterday + LONGEST * _DAY:
        raise Malformed("to", WRONG_TEXT["not_our_time"])
    first = _date("from", query.get("from", ""), last - (_USUAL - 1) * _DAY)
    if not first <= last:
        raise Malformed("to", WRONG_TEXT["dates_reversed"])
    if (last - first).days >= longest:
        raise Malformed("from", WRONG_TEXT["too_many_days"].format(most=longest))
    return Interval(first, last)


async def record_export(visit: PageRequest, span: Interval, ending: str, target: str) -> None:
    """Records in the audit log that ``target`` is exported. ``ending``: the file's format."""
    facts = {"format": ending, "first": f"{span.first}", "last": f"{span.last}"}
    await visit[AuditLog].record_look(
        staff_context(visit), AuditAction.EXPORTED, target=target, facts=facts
    )


def _date(name: str, text: str, otherwise: date) -> date:
    try:
        return date.fromisoformat(text) if text else otherwise
    except ValueError as error:
        raise Malformed(name, WRONG_TEXT["date_format"]) from error


async def statistics(visit: PageRequest) -> web.StreamResponse:
    span = interval(visit)
    tables = await tables_of(visit, span)
    days = await _days_of(visit, span)
    tables_by_key = {table.key: table for table in tables}
    return render(
        visit,
        "statistics",
        asked=span,
        whole=summary(days),
        shown=[
            (
                tables_by_key["days"],
                [("", columns_of(tables_by_key["days"], "day", "utilisation"))],
            ),
            (
                tables_by_key["days"],
                [("", columns_of(tables_by_key["days"], "day", "booked", rates=False))],
            ),
            (tables_by_key["areas"], _areas_by_venue(visit, tables_by_key["areas"])),
            (
                tables_by_key["hours"],
                [("", columns_of(tables_by_key["hours"], "hour", "utilisation"))],
            ),
        ],
        weekdays=tables_by_key["weekdays"],
        rooms=_rooms(visit, tables_by_key.get("rooms")),
        room_tables=[table for table in tables if table.key in ("rooms", "room_months")],
        no_data=NO_DATA,
        longest_seats=LONGEST_SEATS,
    )


def _areas_by_venue(visit: PageRequest, table: Table) -> list[tuple[str, Chart]]:
    """A chart of each venue's areas under the venue's name, or one without a name if the library
    has a single venue."""
    catalog = visit[REFERENCE].catalog
    names = {place_of(catalog, area): catalog.full_name(area) for area in catalog.areas.values()}
    several, n = catalog.has_several_venues, len(PLACE)
    # A bar's name says the floor, too.
    named = [(*row[: n - 1], names[row[:n]], *row[n:]) for row in table.rows]
    by_venue = groupby(named, key=lambda row: str(row[0]) if several else "")
    return [
        (venue, rows_of(replace(table, rows=list(rows)), "area", "utilisation"))
        for venue, rows in by_venue
    ]


def _rooms(visit: PageRequest, table: Table | None) -> Chart | None:
    """A chart of how much of their opening time the rooms were booked. A bar's name says the venue,
    too, if there are several."""
    if table is None:
        return None
    several = visit[REFERENCE].catalog.has_several_venues
    named = [
        (*row[:2], f"{row[0]} {row[2]}" if several else row[2], *row[3:]) for row in table.rows
    ]
    return rows_of(replace(table, rows=named), "room", "booked_rate")


async def tables_of(visit: PageRequest, span: Interval) -> list[Table]:
    catalog = visit[REFERENCE].catalog
    days = await _days_of(visit, span)
    places = [
        [(a.id, place_of(catalog, a)) for a in catalog.areas.values() if a.venue_id == id]
        for id in catalog.venues
        if visit.sees(id)
    ]
    return [
        *statistics_tables.tables(days, span.days, places),
        *await room_tables(visit, span.first, span.last),
    ]


def place_of(catalog: Catalog, area: Area) -> Row:
    """The cells ``PLACE`` of an area: first names; a floor without a name is its number."""
    venue = catalog.venues[area.venue_id]
    return venue.name, venue.floor(area.floor).name or str(area.floor), area.name


async def _days_of(visit: PageRequest, span: Interval) -> list[AreaDay]:
    days = await visit[StatisticsService].between(span.first, span.last)
    return [day for day in days if sees_area(visit, day.area_id)]


def columns_of(table: Table, names: str, values: str, *, rates: bool = True) -> Chart:
    """A chart of the table's column ``values`` with vertical bars, labelled with the column
    ``names``. ``rates``: the values are rates from 0 to 1."""
    points = _points(table, names, values)
    largest = max((p.value for p in points if p.value is not None), default=0.0)
    return charts.columns(points, RATE_TICKS if rates else charts.count_ticks(largest), rates)


def rows_of(table: Table, names: str, values: str) -> Chart:
    """The table's column ``values`` (rates) as horizontal bars, labelled by column ``names``."""
    return charts.rows(_points(table, names, values), RATE_TICKS, rates=True)


def _points(table: Table, names: str, values: str) -> list[Point]:
    column = next(c for c in table.columns if c.name == COLUMN_TEXT[values])
    points = []
    for name, value in zip(
        table.column(COLUMN_TEXT[names]), table.column(column.name), strict=True
    ):
        label = name if isinstance(name, str) else f"{name:%m-%d}"
        number = float(value) if isinstance(value, int | float) else None
        points.append(
            Point(label, number, column.formatted(value) if number is not None else NO_DATA)
        )
    return points
