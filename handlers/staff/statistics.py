"""How the library is used, over days and years; and its bookings, nobody's, as files."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any, Final

from aiohttp import web

from handlers.http.pages import PageRequest
from handlers.staff.layout import render
from models.kernel.errors import InvalidRequest
from models.kernel.time_range import local_date
from models.statistics.daily import summary, weekday_utilisation

LONGEST: Final = 400
"""Days in one look or one CSV file."""
_USUAL: Final = 30
_FIRST: Final = date(2000, 1, 1)
_DAY: Final = timedelta(days=1)
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Interval:
    """Days, both included."""

    first: date
    last: date


def interval(visit: PageRequest, longest: int = LONGEST) -> Interval:
    """As it is asked for; the last month that is over where nothing is. Raises: InvalidRequest."""
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


async def usage(visit: PageRequest) -> web.StreamResponse:
    return render(visit, "statistics", **await figures(visit, interval(visit)))


async def figures(visit: PageRequest, asked: Interval) -> dict[str, Any]:
    """What the page shows, from what is kept of each day."""
    desk = visit.services.desk
    days = await desk.days.between(asked.first, asked.last)
    areas = {
        area.id: summary([d for d in days if d.area_id == area.id])
        for area in desk.library.areas.values()
    }
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
            ((desk.library.areas[id], found) for id, found in areas.items() if found.days),
            key=lambda pair: -(pair[1].utilisation or 0),
        ),
    }


async def _began(visit: PageRequest, asked: Interval, ending: str, kind: str) -> web.StreamResponse:
    name = f"bookings-{asked.first}-{asked.last}.{ending}"
    headers = {
        "Content-Type": kind,
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    response = web.StreamResponse(headers=headers)
    await response.prepare(visit.request)
    return response
