from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from handlers.texts.console_labels import WHOLE_LIBRARY
from handlers.texts.opening import (
    CONFLICT_TEXT,
    CUT_TEXT,
    DOT,
    INDEPENDENT,
    NO_SOURCE,
    SOURCE_TEXT,
    UNUSED_WEEK,
    clock_hours_text,
    hours_of_day_text,
    in_brackets,
    place_name,
    short_days_text,
)
from languages.text import joined
from models.kernel.zone import Zone
from models.library.entities import AreaId, Catalog, VenueId
from models.policy.entities import Policy
from models.policy.opening import OpeningKind, OpeningPlace, decide_opening
from models.policy.opening_conflicts import ConflictKind, OpeningConflict
from models.policy.opening_rules import is_library_week_unused, venue_of

_LISTED: Final = 8
_DAY: Final = timedelta(days=1)


# --- places ---------------------------------------------------------------------------------------
def places_of(catalog: Catalog) -> list[tuple[str, list[tuple[str, str]]]]:
    """The place field's options (value, name) by the name of their venue: each venue, then its
    areas. The whole library comes first and belongs to no venue."""
    by_venue = [
        (venue.name, [(f"v:{venue.id}", venue.name), *_areas_of(catalog, venue.id)])
        for venue in catalog.venues_in_use
    ]
    return [("", [("", WHOLE_LIBRARY)]), *by_venue]


def _areas_of(catalog: Catalog, venue_id: VenueId) -> list[tuple[str, str]]:
    areas = (area for area in catalog.areas_in_use if area.venue_id == venue_id)
    return [(f"a:{area.id}", catalog.full_name(area)) for area in areas]


def place_in(catalog: Catalog, value: str) -> OpeningPlace | None:
    """The place (library, venue or area) of the form value; None if it no longer exists."""
    kind, _, id = value.partition(":")
    if not value:
        return OpeningPlace()
    if kind == "v" and id in catalog.venues:
        return OpeningPlace(venue_id=VenueId(id))
    if kind == "a" and id in catalog.areas:
        return OpeningPlace(area_id=AreaId(id))
    return None


def value_of(place: OpeningPlace) -> str:
    """The form value of the place. ``place_in`` reads it back."""
    if place.area_id is not None:
        return f"a:{place.area_id}"
    return f"v:{place.venue_id}" if place.venue_id is not None else ""


# --- the calendar ---------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day's hours in words, with the kind, name and reason of the rule that they come from."""

    day: date
    hours: str
    kind: str
    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class CalendarMonth:
    """A month in a place's calendar. ``previous``, ``following``: neighbouring months, YYYY-MM."""

    first: date
    previous: str
    following: str
    days: list[CalendarDay]


def calendar_month(
    zone: Zone, catalog: Catalog, policy: Policy, place: OpeningPlace, day: date
) -> CalendarMonth:
    first = day.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    days = [first + n * _DAY for n in range((following - first).days)]
    unused = not place.narrowness and is_library_week_unused(policy, catalog)
    return CalendarMonth(
        first,
        f"{first - _DAY:%Y-%m}",
        f"{following:%Y-%m}",
        [_calendar_day(zone, catalog, policy, place, day, unused) for day in days],
    )


def _calendar_day(
    zone: Zone, catalog: Catalog, policy: Policy, place: OpeningPlace, day: date, unused: bool
) -> CalendarDay:
    """The day's opening hours in words. ``unused``: the place's weekly hours hold nowhere, since
    every venue has its own."""
    opening = decide_opening(zone, policy.opening, day, venue_of(catalog, place), place.area_id)
    rule = opening.rule
    if rule is None:
        return CalendarDay(day, hours_of_day_text(zone, None), "none", NO_SOURCE, "")
    if unused and rule.kind is OpeningKind.WEEK:
        return CalendarDay(day, UNUSED_WEEK, "none", UNUSED_WEEK, "")
    words = [SOURCE_TEXT[rule.kind]]
    if rule.place != place:
        words.append(place_name(catalog, rule.place))
    if rule.stands_alone:
        words.append(INDEPENDENT)
    if opening.cut_by is not None:
        by_closure = opening.cut_by.kind is OpeningKind.CLOSURE
        words.append(SOURCE_TEXT[opening.cut_by.kind] if by_closure else CUT_TEXT)
    kind = rule.kind.value if opening.hours is not None else "closure"
    return CalendarDay(
        day, hours_of_day_text(zone, opening.hours), kind, joined(words, DOT), opening.reason
    )


# --- conflicts ------------------------------------------------------------------------------------
def conflicts_text(zone: Zone, catalog: Catalog, conflicts: Sequence[OpeningConflict]) -> list[str]:
    """The conflicts of changed opening hours with other rules, in words. If there are many, only
    the first ones and the number of the others."""
    lines = list(dict.fromkeys(_conflict_text(zone, catalog, c) for c in conflicts))
    if len(lines) > _LISTED:
        more = CONFLICT_TEXT["more"].format(count=len(lines) - _LISTED)
        lines = [*lines[:_LISTED], more]
    return lines


def _conflict_text(zone: Zone, catalog: Catalog, conflict: OpeningConflict) -> str:
    kind: str = conflict.kind
    other, hours = conflict.other, ""
    if conflict.kind is ConflictKind.CUT:
        hours = hours_of_day_text(zone, conflict.hours)
        kind = kind if conflict.hours is not None else "cut_to_nothing"
    elif other is not None:
        hours = clock_hours_text(other.opens, other.closes)
        if conflict.kind is ConflictKind.OVERRULED and other.kind is OpeningKind.CLOSURE:
            kind = "overruled_by_closure"
    return CONFLICT_TEXT[kind].format(
        days=_days(conflict),
        place=place_name(catalog, conflict.place),
        hours=hours,
        reason=in_brackets(other.reason if other is not None else ""),
    )


def _days(conflict: OpeningConflict) -> str:
    if conflict.first is None or conflict.last is None:
        return ""
    return short_days_text(conflict.first, conflict.last)
