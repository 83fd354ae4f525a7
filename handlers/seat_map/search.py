"""The search in a map's URL: a day, a time, features and a seat."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
from aiohttp import web
from multidict import MultiMapping

from handlers.http import presenting, schemas
from handlers.http.endpoint import ApiRequest
from handlers.http.keys import REFERENCE
from handlers.http.language import language_of
from handlers.http.pages import PageRequest, redirect
from handlers.http.presenting import later_clock
from handlers.http.request_parsing import malformed
from handlers.seat_map.cache import NOW, SEAT_MAP_CACHE
from handlers.seat_map.schemas import DateOut, VenueOut
from handlers.texts.labels import FEATURE_TEXT
from handlers.texts.pages import SEARCH_HINTS, START_NOW
from models.kernel.time_range import (
    TimeRange,
    floor_minute,
)
from models.kernel.zone import Zone
from models.library.entities import FILTERABLE_FEATURES, Seat, VenueId
from models.library.names import name_in
from models.library.seat_features import SeatFeature
from models.policy.entities import FARTHEST_HORIZON, time_steps
from models.policy.open_hours import open_hours
from models.seat_map.service import TimeFilter
from notify.templates.rendering import from_to

AnyRequest = PageRequest | ApiRequest


@dataclass(frozen=True, slots=True)
class MapSearch:
    """A reader's search: a day and perhaps a time (``start``, ``end``). On a floor plan, also a
    seat and the chosen booking time (``begin``, ``until``)."""

    zone: Zone
    day: date
    start: str = ""
    end: str = ""
    venue: str = ""
    seat: str = ""
    begin: str = ""
    until: str = ""
    change: str = ""
    """The id of the reservation that is being changed."""
    features: frozenset[str] = frozenset()
    time_has_passed: bool = False
    """Whether the searched start has passed. The search is then treated as having no time."""
    minute: str = field(default="", compare=False)
    """The time of day at which the request arrived, as HH:MM."""
    past_midnight: bool = False
    """Whether the library is open over midnight: an end before the start is on the next day."""

    @property
    def has_time(self) -> bool:
        """True if the search has a start and an end that make a valid time."""
        return bool(self.end) and not self.hint

    def to(self, path: str, **other: str) -> str:
        """The URL of ``path`` with this search as query. ``other`` replaces or adds parameters."""
        query = {
            "date": self.day.isoformat(),
            "start": self.start,
            "end": self.end,
            "venue": self.venue,
            "change": self.change,
            "features": self.feature_names,
        } | other
        return f"{path}?{urlencode({name: value for name, value in query.items() if value})}"

    @property
    def feature_names(self) -> str:
        return ",".join(sorted(self.features))

    @property
    def hint(self) -> str:
        """A sentence that says what is wrong with the searched time; empty if nothing is."""
        if self.time_has_passed:
            return SEARCH_HINTS["time_has_passed"]
        if bool(self.start) != bool(self.end):
            return SEARCH_HINTS["one_end_missing"]
        if self.start and self._begin >= self.end and not self.past_midnight:
            return SEARCH_HINTS["end_before_start"]
        return ""

    @property
    def period(self) -> str:
        begin = START_NOW if self.start == NOW else self.start
        return from_to(begin, later_clock(self.zone, self.day, self._span.end))

    def is_longer_than(self, longest: timedelta) -> bool:
        return self.has_time and self._span.length > longest

    @property
    def _begin(self) -> str:
        return self.minute if self.start == NOW else self.start

    @property
    def _span(self) -> TimeRange:
        begin = self.zone.instant(self.day, time.fromisoformat(self._begin))
        return TimeRange(begin, self.zone.next_instant(begin, time.fromisoformat(self.end)))


class SearchTimes(schemas.Request):
    date: date | None = None
    start: schemas.Start | None = None
    end: schemas.ClockTime | None = None


def search_of(visit: PageRequest) -> MapSearch:
    """The search in the request's URL. Raises: Malformed."""
    query = visit.request.query
    # Other parameters of an address (WeChat adds its own) are ignored.
    parameters = {name: value.strip() for name, value in query.items() if value.strip()}
    try:
        time_parameters = {
            name: parameters[name] for name in ("date", "start", "end") if name in parameters
        }
        times = msgspec.convert(time_parameters, SearchTimes, strict=False)
    except msgspec.ValidationError as error:
        raise malformed(error, "query") from error
    day, start = times.date or visit.zone.day(visit.now), times.start or ""
    if start == NOW and (day != visit.zone.day(visit.now) or not times.end):
        start = ""  # without an end "now" is the default; another day has no "now"
    search = MapSearch(
        visit.zone,
        day,
        start,
        (times.end or "") if start or not times.start else "",
        venue=parameters.get("venue", ""),
        seat=parameters.get("seat", ""),
        begin=parameters.get("begin", ""),
        until=parameters.get("until", ""),
        change=parameters.get("change", ""),
        features=features_in(query, visit, day),
        minute=presenting.clock(visit.zone, visit.now),
        past_midnight=is_open_at_end(visit, day),
    )
    # A search for this morning, opened in the afternoon.
    today = search.day == visit.zone.day(visit.now)
    if today and search.start and not search.hint and search._begin < search.minute:
        return replace(search, start="", end="", time_has_passed=True)
    return search


def redirect_to_today(visit: PageRequest, search: MapSearch) -> web.Response | None:
    """A redirect to the search for today if the searched day is past (old bookmark); else None."""
    if search.day >= visit.zone.day(visit.now):
        return None
    today = replace(search, day=visit.zone.day(visit.now), start="", end="")
    return redirect(today.to(visit.request.path))


def features_in(parameters: MultiMapping[Any], visit: PageRequest, day: date) -> frozenset[str]:
    """The query's features, without those that the library does not offer as filters. Older
    addresses have usual ones as parameters of their own."""
    named = {name for text in parameters.getall("features", []) for name in str(text).split(",")}
    named.update(name for name in FILTERABLE_FEATURES if parameters.get(name))
    return frozenset(named.intersection(visit[REFERENCE].filters_on(day))) if named else frozenset()


def time_filter(visit: AnyRequest, search: MapSearch, venue_id: str) -> TimeFilter:
    """The search's day in the venue, with its time if valid. Raises: Malformed, InThePast,
    OutsideHorizon."""
    return visit[SEAT_MAP_CACHE].window(
        search.day,
        search.start if search.has_time else None,
        search.end if search.has_time else None,
        floor_minute(visit.now),
        visit.reader,
        VenueId(venue_id),
    )


def date_of(venue: VenueOut, day: date) -> DateOut:
    """The venue's entry for ``day``; the venue's first entry if ``day`` cannot be booked."""
    return next((d for d in venue.dates if d.date == day), venue.dates[0])


def is_open_at_end(visit: PageRequest, day: date) -> bool:
    """True if the library is open past the end of ``day``; False if ``day`` is too far ahead."""
    today = visit.zone.day(visit.now)
    near = today <= day <= today + timedelta(days=FARTHEST_HORIZON)
    return near and visit[REFERENCE].joined_days(day)[-1] > day


@dataclass(frozen=True, slots=True)
class TimeChoices:
    starts: list[str]
    ends: list[str]


def search_times(visit: PageRequest, venue_id: str, day: date) -> TimeChoices:
    """The times to choose from in a search of the day: all starts, and all ends until the venue
    closes, even if this is after midnight."""
    policy = visit[REFERENCE].policy_on(day, VenueId(venue_id))
    place = open_hours(visit.zone, visit[REFERENCE].policy, day, VenueId(venue_id), None)
    starts, ends = list[datetime](), list[datetime]()
    next_day_ends = visit.zone.midnight(day + timedelta(days=2))
    for hours in place.intervals:
        steps = [step for step in time_steps(visit.zone, policy, hours) if step > visit.now]
        of_day = [step for step in steps if visit.zone.day(step) == day]
        starts += of_day
        last = min(hours.end, next_day_ends)
        ends += (step for step in [*steps, last] if of_day and of_day[0] < step <= last)
    # A clock time that occurs twice in a night is one choice; its start decides which is meant.
    return TimeChoices(
        [presenting.clock(visit.zone, step) for step in starts],
        list(dict.fromkeys(presenting.clock(visit.zone, end) for end in ends)),
    )


def feature_filters(visit: PageRequest, day: date) -> list[tuple[str, str]]:
    """The filters that the library offers, as pairs of a feature and its label."""
    texts = all_feature_texts(visit)
    return [(name, texts[name]) for name in visit[REFERENCE].filters_on(day)]


def all_feature_texts(visit: PageRequest) -> dict[str, str]:
    """The names of all features, in the page's language: usual ones, then the library's own."""
    return {**FEATURE_TEXT, **_own_texts(visit, visit[REFERENCE].catalog.features.in_use)}


def feature_texts(visit: PageRequest, seat: Seat) -> dict[str, str]:
    """The names of the seat's features, in the page's language."""
    texts = {name: text for name, text in FEATURE_TEXT.items() if getattr(seat, name)}
    if seat.features:
        texts |= _own_texts(visit, visit[REFERENCE].catalog.features.of(seat.features))
    return texts


def _own_texts(visit: PageRequest, own: Iterable[SeatFeature]) -> dict[str, str]:
    language = language_of(visit.request).tag
    return {feature.id: name_in(feature, language) for feature in own}
