"""TODO docstring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from handlers.http import presenting, schemas
from handlers.http.pages import PageRequest, redirect
from handlers.http.request_parsing import malformed
from handlers.seat_map import schemas as seat_map_schemas
from handlers.seat_map.pages import MARK_TEXT
from models.kernel.time_range import floor_minute, local_date
from models.library.entities import FILTERABLE_FEATURES, VenueId
from models.policy.entities import time_steps
from models.seat_map.service import TimeFilter

_FLOORS: Final = "零一二三四五六七八九"


@dataclass(frozen=True, slots=True)
class MapSearch:
    """What the address asks for: a day, perhaps a time, and on a plan a seat and its start."""

    day: date
    start: str = ""
    end: str = ""
    venue: str = ""
    seat: str = ""
    begin: str = ""
    until: str = ""
    change: str = ""
    """The reservation that shall get another seat or time."""
    marks: frozenset[str] = frozenset()
    """What a seat must have."""
    over: bool = False
    """The time that was asked for has begun already, and counts no more."""

    def to(self, path: str, **other: str) -> str:
        """The path with this search, some of it changed."""
        query = {
            "date": self.day.isoformat(),
            "start": self.start,
            "end": self.end,
            "venue": self.venue,
            "change": self.change,
            **dict.fromkeys(sorted(self.marks), "1"),
        } | other
        return f"{path}?{urlencode({name: value for name, value in query.items() if value})}"

    @property
    def hint(self) -> str:
        """What is missing for the time to count; empty where nothing is."""
        if self.over:
            return "这个时间已过，请重新选择"
        if bool(self.start) != bool(self.end):
            return "请同时选择开始和结束时间"
        return "结束时间要晚于开始时间" if self.start and self.end <= self.start else ""


class _Search(schemas.Request):
    date: date | None = None
    start: schemas.ClockTime | None = None
    end: schemas.ClockTime | None = None


def _asked(visit: PageRequest) -> MapSearch:
    """Raises: InvalidRequest."""
    query = visit.request.query
    # What else an address carries (WeChat adds its own) is nothing to us.
    given = {name: value.strip() for name, value in query.items() if value.strip()}
    try:
        search = {name: given[name] for name in ("date", "start", "end") if name in given}
        found = msgspec.convert(search, _Search, strict=False)
    except msgspec.ValidationError as error:
        raise malformed(error, "query") from error
    asked = MapSearch(
        found.date or local_date(visit.now),
        found.start or "",
        found.end or "",
        venue=given.get("venue", ""),
        seat=given.get("seat", ""),
        begin=given.get("begin", ""),
        until=given.get("until", ""),
        change=given.get("change", ""),
        marks=_marks_in(query, visit),
    )
    # A search for tomorrow morning, looked at today in the afternoon.
    today = asked.day == local_date(visit.now)
    if today and asked.start and not asked.hint and asked.start < presenting.clock(visit.now):
        return replace(asked, start="", end="", over=True)
    return asked


def _of_today(visit: PageRequest, asked: MapSearch) -> web.Response | None:
    """To today, where the address is of a day that is over: a bookmark, a page left open."""
    if asked.day >= local_date(visit.now):
        return None
    today = replace(asked, day=local_date(visit.now), start="", end="")
    return redirect(today.to(visit.request.path))


def _marks_in(given: Mapping[str, Any], visit: PageRequest) -> frozenset[str]:
    """The wished marks; what the library does not let readers filter by counts as not wished."""
    policy = visit.services.desk.policy
    return frozenset(m for m in FILTERABLE_FEATURES if given.get(m) and policy.allows_filter(m))


def _window(visit: PageRequest, asked: MapSearch) -> TimeFilter:
    """The time counts where both ends are chosen. Raises: InvalidRequest, StartInPast, BeyondBookingWindow."""
    whole = bool(asked.start) and not asked.hint
    return visit.services.plans.window(
        visit.services.desk,
        asked.day,
        asked.start if whole else None,
        asked.end if whole else None,
        floor_minute(visit.now),
    )


def _day_of(venue: seat_map_schemas.VenueOut, day: date) -> seat_map_schemas.DateOut:
    return next((d for d in venue.dates if d.date == day), venue.dates[0])


def _times(visit: PageRequest, venue_id: str, day: date) -> list[str]:
    """The clock times that a search may name: the steps of the day and its closing."""
    policy = visit.services.desk.policy.resolve(None, day)
    hours = policy.day_hours(day, VenueId(venue_id), None).hours
    if hours is None:
        return []
    steps = [*time_steps(policy, hours), hours.end]
    return [presenting.clock(step) for step in steps if step > visit.now]


def _wishes(visit: PageRequest) -> list[tuple[str, str]]:
    """(mark, its name) of what seats may be filtered by."""
    policy = visit.services.desk.policy
    return [(mark, MARK_TEXT[mark]) for mark in FILTERABLE_FEATURES if policy.allows_filter(mark)]
