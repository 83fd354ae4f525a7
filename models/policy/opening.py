"""Decides the opening hours of a place among the entries that apply: closures come before
exceptions, exceptions before the week. Among entries of one kind, the one for the shorter period
wins, then the one for the narrower place, then the later one (docs/booking.md, Opening hours)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from enum import StrEnum
from typing import Final

from models.kernel.days import is_within
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import AreaId, VenueId

_DAY: Final = timedelta(days=1)
_ALWAYS: Final = timedelta(days=999_999)
_MIDNIGHT: Final = time(0)


class OpeningKind(StrEnum):
    """The kinds of entries, weakest first. An entry of a stronger kind wins."""

    WEEK = "week"
    EXCEPTION = "exception"
    CLOSURE = "closure"


@dataclass(frozen=True, slots=True)
class OpeningPlace:
    """The place that an entry is for: the whole library (both None), a venue, or an area."""

    venue_id: VenueId | None = None
    area_id: AreaId | None = None

    @property
    def narrowness(self) -> int:
        return 2 if self.area_id is not None else int(self.venue_id is not None)


@dataclass(frozen=True, slots=True)
class OpeningRule:
    """An entry of opening hours; a closed day if `opens` is None.

    Hours that close at or before their opening end on the next day; 00:00 to 00:00 is the whole
    day. `weekdays`: 0 (Monday) … 6. `first`, `last`: the first and the last day of a dated entry;
    None: no limit. `independent`: the area is open outside its venue's hours too, as an exception
    even during a closure of a wider place.
    """

    opens: time | None
    closes: time | None
    first: date | None = None
    last: date | None = None
    weekdays: frozenset[int] = frozenset(range(7))
    venue_id: VenueId | None = None
    area_id: AreaId | None = None
    reason: str = ""
    independent: bool = False

    @property
    def kind(self) -> OpeningKind:
        """The kind of the entry: without dates weekly, with dates a closure or an exception."""
        if self.first is None and self.last is None:
            return OpeningKind.WEEK
        return OpeningKind.CLOSURE if self.opens is None else OpeningKind.EXCEPTION

    @property
    def place(self) -> OpeningPlace:
        return OpeningPlace(None if self.area_id is not None else self.venue_id, self.area_id)

    @property
    def stands_alone(self) -> bool:
        """True if the entry has hours of an area that does not follow its venue (`independent`)."""
        return self.independent and self.area_id is not None

    @property
    def passes_midnight(self) -> bool:
        """True if the hours reach into the next day."""
        if self.opens is None or self.closes is None:
            return False
        return _MIDNIGHT != self.closes <= self.opens

    @property
    def length(self) -> timedelta:
        if self.first is None or self.last is None:
            return _ALWAYS
        return self.last - self.first

    def applies_to(self, day: date, venue_id: VenueId | None, area_id: AreaId | None) -> bool:
        """True if the entry applies to the place on that day. ``area_id`` None: the venue;
        ``venue_id`` None too: the library as a whole."""
        if self.area_id is not None and self.area_id != area_id:
            return False
        return (
            is_within(day, self.first, self.last)
            and day.weekday() in self.weekdays
            and self.venue_id in (None, venue_id)
        )

    def hours_from(self, zone: Zone, day: date) -> TimeRange | None:
        """The entry's hours that begin on that day; None for a closed day, and for hours that the
        clocks leave out."""
        if self.opens is None or self.closes is None:
            return None
        last = day + _DAY if self.closes <= self.opens else day
        begin, end = zone.instant(day, self.opens), zone.instant(last, self.closes)
        return TimeRange(begin, end) if begin < end else None


@dataclass(frozen=True, slots=True)
class DayHours:
    """The hours of a place that begin on one day; None if it is closed, for `reason`."""

    hours: TimeRange | None
    reason: str


@dataclass(frozen=True, slots=True)
class OpeningDecision:
    """The hours of a place that begin on a day, and why. `hours` None: closed. `rule`: the entry
    that decided, if any. `cut_by`: the venue's entry, or the next day's closure, that shortens
    the hours."""

    hours: TimeRange | None
    rule: OpeningRule | None
    cut_by: OpeningRule | None = None

    @property
    def reason(self) -> str:
        rules = (self.rule, self.cut_by)
        return next((rule.reason for rule in rules if rule is not None and rule.reason), "")


def decide_opening(
    zone: Zone,
    rules: Sequence[OpeningRule],
    day: date,
    venue_id: VenueId | None,
    area_id: AreaId | None,
) -> OpeningDecision:
    """The hours of the place that begin on the day. An area is open only within its venue's
    hours, unless the area's deciding entry is `independent`."""
    own = _uncut(zone, rules, day, venue_id, area_id)
    if own.hours is None or own.rule is None or area_id is None or own.rule.stands_alone:
        return own
    if own.rule.area_id is None and not own.rule.passes_midnight:
        return own  # the venue's own hours
    days = (day - _DAY, day, day + _DAY)
    of_venue = [_uncut(zone, rules, near, venue_id, None) for near in days]
    spans = _merged(decision.hours for decision in of_venue if decision.hours is not None)
    parts = [part for span in spans if (part := _intersection(own.hours, span)) is not None]
    # A day has one opening, so the longest part is used.
    hours = max(parts, key=lambda part: part.length, default=None)
    if hours == own.hours:
        return own
    return OpeningDecision(hours, own.rule, of_venue[1].rule or own.cut_by)


def _uncut(
    zone: Zone,
    rules: Iterable[OpeningRule],
    day: date,
    venue_id: VenueId | None,
    area_id: AreaId | None,
) -> OpeningDecision:
    """The hours of the place by its own entries, not cut to the hours of its venue. If the next
    day is a closure, the hours end at midnight."""
    rule = _deciding(rules, day, venue_id, area_id)
    hours = rule.hours_from(zone, day) if rule is not None else None
    if rule is None or hours is None or not rule.passes_midnight:
        return OpeningDecision(hours, rule)
    following = _deciding(rules, day + _DAY, venue_id, area_id)
    if following is None or following.kind is not OpeningKind.CLOSURE:
        return OpeningDecision(hours, rule)
    midnight = zone.midnight(day + _DAY)
    return OpeningDecision(TimeRange(hours.start, midnight), rule, following)


def _deciding(
    rules: Iterable[OpeningRule], day: date, venue_id: VenueId | None, area_id: AreaId | None
) -> OpeningRule | None:
    fitting = [rule for rule in rules if rule.applies_to(day, venue_id, area_id)]
    if len(fitting) < 2:
        return fitting[0] if fitting else None
    layers: dict[OpeningKind, list[OpeningRule]] = {kind: [] for kind in OpeningKind}
    for rule in fitting:
        layers[rule.kind].append(rule)
    closures, exceptions = layers[OpeningKind.CLOSURE], layers[OpeningKind.EXCEPTION]
    if closures and all(rule.area_id is None for rule in closures):
        alone = [rule for rule in exceptions if rule.stands_alone]
        return strongest(alone or closures)
    return strongest(closures) or strongest(exceptions) or strongest(layers[OpeningKind.WEEK])


def strongest(rules: Sequence[OpeningRule]) -> OpeningRule | None:
    """The entry that wins among entries of one kind that all apply; None if there is none."""
    numbered = enumerate(rules)
    best = max(
        numbered, key=lambda n: (-n[1].length, n[1].place.narrowness, n[0]), default=(0, None)
    )
    return best[1]


def _merged(spans: Iterable[TimeRange]) -> Iterator[TimeRange]:
    open_span: TimeRange | None = None
    for span in sorted(spans):
        if open_span is not None and span.start <= open_span.end:
            open_span = TimeRange(open_span.start, max(open_span.end, span.end))
            continue
        if open_span is not None:
            yield open_span
        open_span = span
    if open_span is not None:
        yield open_span


def _intersection(one: TimeRange, other: TimeRange) -> TimeRange | None:
    start, end = max(one.start, other.start), min(one.end, other.end)
    return TimeRange(start, end) if start < end else None
