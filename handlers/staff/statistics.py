"""How the library is used, over days and years."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any, Final

from aiohttp import web

from handlers import keys
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.staff.layout import render, sees_area
from models.kernel.errors import InvalidRequest
from models.kernel.time_range import local_date
from models.statistics.daily import summary, weekday_utilisation

LONGEST: Final = 400
"""Days on one page or in one CSV file."""
_USUAL: Final = 30
_FIRST: Final = date(2000, 1, 1)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Interval:
    """Days, both included."""

    first: date
    last: date


def interval(visit: PageRequest, longest: int = LONGEST) -> Interval:
    """The interval that the address asks for; else the last 30 days. Raises: InvalidRequest."""
    query, yesterday = visit.request.query, local_date(visit.now) - _DAY
    last = _date("to", query.get("to", ""), yesterday)
    if not _FIRST + LONGEST * _DAY <= last <= yesterday + LONGEST * _DAY:
        raise InvalidRequest("to", "a date in our time")
    first = _date("from", query.get("from", ""), last - (_USUAL - 1) * _DAY)
    if not first <= last:
        raise InvalidRequest("to", "to is not before from")
    if (last - first).days >= longest:
        raise InvalidRequest("from", f"at most {longest} days")
    return Interval(first, last)


def _date(name: str, text: str, otherwise: date) -> date:
    try:
        return date.fromisoformat(text) if text else otherwise
    except ValueError as error:
        raise InvalidRequest(name, "a date such as 2026-09-07") from error


async def statistics(visit: PageRequest) -> web.StreamResponse:
    """The daily statistics of an interval."""
    return render(visit, "statistics", **await _figures(visit, interval(visit)))


async def _figures(visit: PageRequest, asked: Interval) -> dict[str, Any]:
    """What the page shows, from what is kept of each day."""
    known = visit[REFERENCE].catalog.areas
    days = [
        day
        for day in await visit[keys.STATISTICS].between(asked.first, asked.last)
        if sees_area(visit, day.area_id)
    ]
    areas = {area.id: summary([d for d in days if d.area_id == area.id]) for area in known.values()}
    weekdays = weekday_utilisation(days)
    hours = [hour for hour in range(24) if any(row[hour] for row in weekdays)]
    return {
        "asked": asked,
        "whole": summary(days),
        "lines": [
            (day, summary(list(of_day))) for day, of_day in groupby(days, key=lambda d: d.day)
        ],
        "weekdays": weekdays,
        "hours": range(min(hours), max(hours) + 1) if hours else range(0),
        "areas": sorted(
            ((known[id], found) for id, found in areas.items() if found.days),
            key=lambda pair: -(pair[1].utilisation or 0),
        ),
    }
