"""What the address of a map asks for: a day, a time, features, and a seat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from handlers.http import presenting, schemas
from handlers.http.endpoint import ApiRequest
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, redirect
from handlers.http.request_parsing import malformed
from handlers.seat_map.cache import NOW, SEAT_MAP_CACHE
from handlers.seat_map.schemas import DateOut, VenueOut
from handlers.texts.labels import FEATURE_TEXT
from handlers.texts.pages import SEARCH_HINTS, START_NOW
from models.kernel.time_range import (
    TimeRange,
    floor_minute,
    local_date,
    local_instant,
    next_clock_instant,
)
from models.library.entities import FILTERABLE_FEATURES, VenueId
from models.policy.entities import FARTHEST_HORIZON, time_steps
from models.policy.open_hours import open_hours
from models.seat_map.service import TimeFilter
from notify.templates.rendering import later_clock

AnyRequest = PageRequest | ApiRequest
"""A page's request, or an app's for the same."""


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
    minute: str = field(default="", compare=False)
    """The clock time at which it was asked."""
    past_midnight: bool = False
    """The library is open at the end of the day: an end that is not after the start is the next
    day's."""

    @property
    def has_time(self) -> bool:
        """Is a time asked for that counts?"""
        return bool(self.end) and not self.hint

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
        if self.start and self._begin >= self.end and not self.past_midnight:
            return SEARCH_HINTS["end_before_start"]
        return ""

    @property
    def period(self) -> str:
        """The time that is asked for, in words."""
        begin = START_NOW if self.start == NOW else self.start
        return f"{begin}–{later_clock(self.day, self._span.end)}"

    def is_longer_than(self, longest: timedelta) -> bool:
        """Is a time asked for that is longer?"""
        return self.has_time and self._span.length > longest

    @property
    def _begin(self) -> str:
        return self.minute if self.start == NOW else self.start

    @property
    def _span(self) -> TimeRange:
        begin = local_instant(self.day, time.fromisoformat(self._begin))
        return TimeRange(begin, next_clock_instant(begin, time.fromisoformat(self.end)))


class SearchTimes(schemas.Request):
    """The day and time of a search, as an address or a form names them."""

    date: date | None = None
    start: schemas.Start | None = None
    end: schemas.ClockTime | None = None


def search_of(visit: PageRequest) -> MapSearch:
    """The search of the request. Raises: Malformed."""
    query = visit.request.query
    # Other parameters of an address (WeChat adds its own) are ignored.
    given = {name: value.strip() for name, value in query.items() if value.strip()}
    try:
        times = {name: given[name] for name in ("date", "start", "end") if name in given}
        found = msgspec.convert(times, SearchTimes, strict=False)
    except msgspec.ValidationError as error:
        raise malformed(error, "query") from error
    day, start = found.date or local_date(visit.now), found.start or ""
    if start == NOW and (day != local_date(visit.now) or not found.end):
        start = ""  # now is where every look begins that names no end; another day has none
    search = MapSearch(
        day,
        start,
        (found.end or "") if start or not found.start else "",
        venue=given.get("venue", ""),
        seat=given.get("seat", ""),
        begin=given.get("begin", ""),
        until=given.get("until", ""),
        change=given.get("change", ""),
        features=features_in(query, visit, day),
        minute=presenting.clock(visit.now),
        past_midnight=is_open_at_end(visit, day),
    )
    # A search for this morning, opened in the afternoon.
    today = search.day == local_date(visit.now)
    if today and search.start and not search.hint and search._begin < search.minute:
        return replace(search, start="", end="", time_has_passed=True)
    return search


def redirect_to_today(visit: PageRequest, search: MapSearch) -> web.Response | None:
    """To today, where the address is of a day that is over: a bookmark, a page left open."""
    if search.day >= local_date(visit.now):
        return None
    today = replace(search, day=local_date(visit.now), start="", end="")
    return redirect(today.to(visit.request.path))


def features_in(given: Mapping[str, Any], visit: PageRequest, day: date) -> frozenset[str]:
    """The features that are asked for. Those that the library does not let readers filter by are
    ignored."""
    policy = visit[REFERENCE].policy_on(day)
    return frozenset(
        name for name in FILTERABLE_FEATURES if given.get(name) and policy.allows_filter(name)
    )


def time_filter(visit: AnyRequest, search: MapSearch) -> TimeFilter:
    """The search's day, and its time where both ends are chosen.

    Raises: Malformed, InThePast, OutsideHorizon.
    """
    return visit[SEAT_MAP_CACHE].window(
        search.day,
        search.start if search.has_time else None,
        search.end if search.has_time else None,
        floor_minute(visit.now),
        visit.reader,
    )


def date_of(venue: VenueOut, day: date) -> DateOut:
    """The venue's day; its first one where the day cannot be booked."""
    return next((d for d in venue.dates if d.date == day), venue.dates[0])


def is_open_at_end(visit: PageRequest, day: date) -> bool:
    """Is the library open at the end of a day that can be booked?"""
    today = local_date(visit.now)
    near = today <= day <= today + timedelta(days=FARTHEST_HORIZON)
    return near and visit[REFERENCE].joined_days(day)[-1] > day


@dataclass(frozen=True, slots=True)
class TimeChoices:
    """The clock times that a search may name."""

    starts: list[str]
    ends: list[str]


def search_times(visit: PageRequest, venue_id: str, day: date) -> TimeChoices:
    """The steps of the day; for an end, the steps and closings up to those of its night, too."""
    policy = visit[REFERENCE].policy_on(day)
    place = open_hours(policy, day, VenueId(venue_id), None)
    starts, ends = list[datetime](), list[datetime]()
    tomorrow = local_instant(day, time(0)) + timedelta(days=1)
    for hours in place.intervals:
        steps = [step for step in time_steps(policy, hours) if step > visit.now]
        of_day = [step for step in steps if local_date(step) == day]
        starts += of_day
        last = min(hours.end, tomorrow + timedelta(days=1))
        ends += (step for step in [*steps, last] if of_day and of_day[0] < step <= last)
    # A clock time stands for itself: twice in a night it is one choice, by its start's side.
    return TimeChoices(
        [presenting.clock(step) for step in starts],
        list(dict.fromkeys(presenting.clock(end) for end in ends)),
    )


def feature_filters(visit: AnyRequest, day: date) -> list[tuple[str, str]]:
    """(feature, its label) of what seats may be filtered by."""
    policy = visit[REFERENCE].policy_on(day)
    return [
        (name, FEATURE_TEXT[name]) for name in FILTERABLE_FEATURES if policy.allows_filter(name)
    ]
