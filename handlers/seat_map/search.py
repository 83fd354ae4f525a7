"""What the address of a map asks for: a day, a time, features, and a seat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from handlers.http import presenting, schemas
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, redirect
from handlers.http.request_parsing import malformed
from handlers.seat_map.cache import SEAT_MAP_CACHE
from handlers.seat_map.schemas import DateOut, VenueOut
from handlers.texts.labels import FEATURE_TEXT
from handlers.texts.pages import SEARCH_HINTS
from models.kernel.time_range import floor_minute, local_date
from models.library.entities import FILTERABLE_FEATURES, VenueId
from models.policy.entities import time_steps
from models.seat_map.service import TimeFilter


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
    features: frozenset[str] = frozenset()
    """What a seat must have."""
    time_has_passed: bool = False
    """The time that was asked for has begun already, and is ignored."""

    def to(self, path: str, **other: str) -> str:
        """The path with this search, some of it changed."""
        query = {
            "date": self.day.isoformat(),
            "start": self.start,
            "end": self.end,
            "venue": self.venue,
            "change": self.change,
            **dict.fromkeys(sorted(self.features), "1"),
        } | other
        return f"{path}?{urlencode({name: value for name, value in query.items() if value})}"

    @property
    def hint(self) -> str:
        """What is missing for the time to count; empty where nothing is."""
        if self.time_has_passed:
            return SEARCH_HINTS["time_has_passed"]
        if bool(self.start) != bool(self.end):
            return SEARCH_HINTS["one_end_missing"]
        if self.start and self.end <= self.start:
            return SEARCH_HINTS["end_before_start"]
        return ""


class SearchTimes(schemas.Request):
    """The day and time of a search, as an address or a form names them."""

    date: date | None = None
    start: schemas.ClockTime | None = None
    end: schemas.ClockTime | None = None


def search_of(visit: PageRequest) -> MapSearch:
    """The search of the request. Raises: InvalidRequest."""
    query = visit.request.query
    # Other parameters of an address (WeChat adds its own) are ignored.
    given = {name: value.strip() for name, value in query.items() if value.strip()}
    try:
        times = {name: given[name] for name in ("date", "start", "end") if name in given}
        found = msgspec.convert(times, SearchTimes, strict=False)
    except msgspec.ValidationError as error:
        raise malformed(error, "query") from error
    search = MapSearch(
        found.date or local_date(visit.now),
        found.start or "",
        found.end or "",
        venue=given.get("venue", ""),
        seat=given.get("seat", ""),
        begin=given.get("begin", ""),
        until=given.get("until", ""),
        change=given.get("change", ""),
        features=features_in(query, visit),
    )
    # A search for this morning, opened in the afternoon.
    today = search.day == local_date(visit.now)
    if today and search.start and not search.hint and search.start < presenting.clock(visit.now):
        return replace(search, start="", end="", time_has_passed=True)
    return search


def redirect_to_today(visit: PageRequest, search: MapSearch) -> web.Response | None:
    """To today, where the address is of a day that is over: a bookmark, a page left open."""
    if search.day >= local_date(visit.now):
        return None
    today = replace(search, day=local_date(visit.now), start="", end="")
    return redirect(today.to(visit.request.path))


def features_in(given: Mapping[str, Any], visit: PageRequest) -> frozenset[str]:
    """The features that are asked for. Those that the library does not let readers filter by are
    ignored."""
    policy = visit[REFERENCE].policy
    return frozenset(
        name for name in FILTERABLE_FEATURES if given.get(name) and policy.allows_filter(name)
    )


def time_filter(visit: PageRequest, search: MapSearch) -> TimeFilter:
    """The search's day, and its time where both ends are chosen.

    Raises: InvalidRequest, StartInPast, BeyondBookingWindow.
    """
    has_time = bool(search.start) and not search.hint
    return visit[SEAT_MAP_CACHE].window(
        search.day,
        search.start if has_time else None,
        search.end if has_time else None,
        floor_minute(visit.now),
        visit.reader,
    )


def date_of(venue: VenueOut, day: date) -> DateOut:
    """The venue's day; its first one where the day cannot be booked."""
    return next((d for d in venue.dates if d.date == day), venue.dates[0])


def search_times(visit: PageRequest, venue_id: str, day: date) -> list[str]:
    """The clock times that a search may name: the steps of the day and its closing."""
    policy = visit[REFERENCE].policy.resolve(None, day)
    hours = policy.day_hours(day, VenueId(venue_id), None).hours
    if hours is None:
        return []
    steps = [*time_steps(policy, hours), hours.end]
    return [presenting.clock(step) for step in steps if step > visit.now]


def feature_filters(visit: PageRequest) -> list[tuple[str, str]]:
    """(feature, its label) of what seats may be filtered by."""
    policy = visit[REFERENCE].policy
    return [
        (name, FEATURE_TEXT[name]) for name in FILTERABLE_FEATURES if policy.allows_filter(name)
    ]
