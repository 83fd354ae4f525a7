"""Warnings, before staff save opening hours, that these have no effect or more than expected."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import AreaId, VenueId
from models.policy.entities import Policy
from models.policy.opening import (
    OpeningDecision,
    OpeningKind,
    OpeningPlace,
    OpeningRule,
    decide_opening,
    strongest,
)

_DAY: Final = timedelta(days=1)
_EXAMINED_DAYS: Final = 42
"""At most this many days of a long period are examined one by one."""
_OF_WEEK: Final = 14


class ConflictKind(StrEnum):
    """How the new entry relates to an existing one, or affects an area."""

    NO_EFFECT = "no_effect"
    OVERRULED = "overruled"
    OVERRULES = "overrules"
    STAYS_OPEN = "stays_open"
    OWN_WEEK = "own_week"
    CUT = "cut"
    ENDS_AT_MIDNIGHT = "ends_at_midnight"


@dataclass(frozen=True, slots=True)
class OpeningConflict:
    """A warning about the hours of `place` from day `first` to `last` (None: every week).
    `other`: the existing entry concerned. `hours`: the time for which an area remains open."""

    kind: ConflictKind
    place: OpeningPlace
    first: date | None = None
    last: date | None = None
    other: OpeningRule | None = None
    hours: TimeRange | None = None


def find_conflicts(
    zone: Zone, old: Policy, new: Policy, venues: Mapping[AreaId, VenueId], today: date
) -> list[OpeningConflict]:
    """Warnings about entries that ``new`` adds to ``old``. ``venues``: the venue of each area."""
    added = [rule for rule in new.opening if rule not in old.opening]
    if not added:
        return []
    rule = added[0]
    inside = _inside(venues)
    if rule.kind is OpeningKind.WEEK:
        weeks = dict.fromkeys(r.place for r in new.opening if r.kind is OpeningKind.WEEK)
        conflicts = [
            OpeningConflict(ConflictKind.OWN_WEEK, place)
            for place in weeks
            if place != rule.place and inside(place, rule.place)
        ]
    else:
        conflicts = list(_between_dated(new, rule, inside, today))
        if any(c.kind is ConflictKind.OVERRULED for c in conflicts) and not _has_effect(
            zone, new, rule, venues, inside, today
        ):
            conflicts.insert(0, OpeningConflict(ConflictKind.NO_EFFECT, rule.place))
    cuts = _cuts(zone, old, new, added, venues, inside, today)
    return [*conflicts, *cuts, *_nights(zone, old, rule, venues, inside)]


_Inside = Callable[[OpeningPlace, OpeningPlace], bool]


def _inside(venues: Mapping[AreaId, VenueId]) -> _Inside:

    def inside(place: OpeningPlace, wider: OpeningPlace) -> bool:
        if not wider.narrowness or place == wider:
            return True
        return place.area_id is not None and venues.get(place.area_id) == wider.venue_id

    return inside


def _days_of(rule: OpeningRule, other: OpeningRule, today: date) -> tuple[date, date] | None:
    """The first and last day, from today on, on which both entries apply; None if there is none."""
    first = max(today, *(r.first for r in (rule, other) if r.first is not None))
    last = min((r.last for r in (rule, other) if r.last is not None), default=date.max)
    return (first, last) if first <= last else None


def _between_dated(
    new: Policy, rule: OpeningRule, inside: _Inside, today: date
) -> Iterator[OpeningConflict]:
    """Warnings about existing entries that ``rule`` overrules, or that overrule it, on some day."""
    for other in new.opening:
        days = _days_of(rule, other, today)
        if other is rule or days is None:
            continue
        if inside(other.place, rule.place):
            place = other.place
        elif inside(rule.place, other.place):
            place = rule.place
        else:
            continue
        kind = _relation(rule, other)
        if kind is not None:
            yield OpeningConflict(kind, place, *days, other)


def _relation(rule: OpeningRule, other: OpeningRule) -> ConflictKind | None:
    kinds = rule.kind, other.kind
    if kinds == (OpeningKind.CLOSURE, OpeningKind.EXCEPTION):
        alone = other.stands_alone and rule.area_id is None
        return ConflictKind.STAYS_OPEN if alone else ConflictKind.OVERRULES
    if kinds == (OpeningKind.EXCEPTION, OpeningKind.CLOSURE):
        alone = rule.stands_alone and other.area_id is None
        return None if alone else ConflictKind.OVERRULED
    if kinds == (OpeningKind.EXCEPTION, OpeningKind.EXCEPTION):
        # The later entry is the new one.
        decides = strongest([other, rule]) is rule
        return ConflictKind.OVERRULES if decides else ConflictKind.OVERRULED
    # Dated entries always overrule weekly ones; only an independent one deserves a warning.
    of_week = other.kind is OpeningKind.WEEK and other.stands_alone and rule.area_id is None
    return ConflictKind.OVERRULES if of_week else None


def _places(
    rule: OpeningRule, venues: Mapping[AreaId, VenueId], inside: _Inside
) -> list[tuple[VenueId | None, AreaId | None]]:
    """The place of the entry, and the areas in it."""
    place = rule.place
    venue = venues.get(place.area_id) if place.area_id is not None else place.venue_id
    areas = [
        (venue_id, area_id)
        for area_id, venue_id in venues.items()
        if area_id != place.area_id and inside(OpeningPlace(None, area_id), place)
    ]
    return [(venue, place.area_id), *areas]


def _days(rule: OpeningRule, today: date) -> list[date]:
    first = max(today, rule.first or today)
    if rule.kind is OpeningKind.WEEK:
        return [first + n * _DAY for n in range(_OF_WEEK)]
    last = rule.last or first + _EXAMINED_DAYS * _DAY
    return [first + n * _DAY for n in range(min(_EXAMINED_DAYS, (last - first).days + 1))]


def _has_effect(
    zone: Zone,
    new: Policy,
    rule: OpeningRule,
    venues: Mapping[AreaId, VenueId],
    inside: _Inside,
    today: date,
) -> bool:
    return any(
        decide_opening(zone, new.opening, day, *place).rule is rule
        for place in _places(rule, venues, inside)
        for day in _days(rule, today)
    )


def _cuts(
    zone: Zone,
    old: Policy,
    new: Policy,
    added: Sequence[OpeningRule],
    venues: Mapping[AreaId, VenueId],
    inside: _Inside,
    today: date,
) -> Iterator[OpeningConflict]:
    """Warnings about areas with hours of their own that the new hours of their venue shorten.
    Consecutive days with equal hours give one warning."""
    own = {r.area_id for r in new.opening if r.area_id is not None and r.opens is not None}
    wide = added[0].place
    for area_id in sorted(a for a in own if a in venues and inside(OpeningPlace(None, a), wide)):
        place, last = OpeningPlace(None, area_id), None
        for day in _days(added[0], today):
            now = decide_opening(zone, new.opening, day, venues[area_id], area_id)
            if now.rule not in added and now.hours == _hours(zone, old, day, venues, area_id):
                continue
            if not _is_cut_by_venue(now):
                continue
            if last is not None and last.last == day - _DAY and _alike(last.hours, now.hours):
                last = OpeningConflict(last.kind, place, last.first, day, now.cut_by, last.hours)
                continue
            if last is not None:
                yield last
            last = OpeningConflict(ConflictKind.CUT, place, day, day, now.cut_by, now.hours)
        if last is not None:
            yield last


def _hours(
    zone: Zone, policy: Policy, day: date, venues: Mapping[AreaId, VenueId], area_id: AreaId
) -> TimeRange | None:
    return decide_opening(zone, policy.opening, day, venues[area_id], area_id).hours


def _is_cut_by_venue(decision: OpeningDecision) -> bool:
    cut = decision.cut_by
    if decision.rule is None or decision.rule.area_id is None or cut is None:
        return False
    return cut.area_id is None and not (
        decision.hours is not None and cut.kind is OpeningKind.CLOSURE
    )


def _alike(one: TimeRange | None, other: TimeRange | None) -> bool:
    """True if ``other`` has the clock times of ``one`` on a later day, or if both are None."""
    if one is None or other is None:
        return one is other
    gap = other.start - one.start
    return gap.seconds == 0 and other.end - one.end == gap


def _nights(
    zone: Zone, old: Policy, rule: OpeningRule, venues: Mapping[AreaId, VenueId], inside: _Inside
) -> Iterator[OpeningConflict]:
    """Warnings about hours that begin on the day before a new closure and now end at midnight:
    hours of the closure's place and of the areas in that place."""
    if rule.kind is not OpeningKind.CLOSURE or rule.first is None:
        return
    own = {r.area_id for r in old.opening if r.area_id is not None and r.opens is not None}
    for venue_id, area_id in _places(rule, venues, inside):
        place = rule.place if area_id == rule.area_id else OpeningPlace(None, area_id)
        if place != rule.place and area_id not in own:
            continue
        before = decide_opening(zone, old.opening, rule.first - _DAY, venue_id, area_id).hours
        if before is not None and zone.day(before.end - timedelta.resolution) == rule.first:
            yield OpeningConflict(ConflictKind.ENDS_AT_MIDNIGHT, place, rule.first, rule.first)
