"""The form of all policy values, and the policy's next version that results from a sent form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.staff.forms import clock_of
from handlers.texts.console import (
    CHANGE_TEXT,
    MEAL_TIME_DASHES,
    MEAL_TIMES_ENDS,
    WRONG_TEXT,
)
from handlers.texts.console_labels import SWITCH_TEXT
from handlers.texts.labels import NUMBER_TEXT
from handlers.texts.opening import place_name
from handlers.texts.policy import VALUES, meal_times_text, value_name, value_text
from models.kernel.errors import Malformed
from models.library.entities import AreaId, Catalog, Venue
from models.policy import validation
from models.policy.differences import ValueChange, value_changes
from models.policy.entities import AREA_OVERRIDABLE, VENUE_OVERRIDABLE, Policy
from models.policy.opening import OpeningPlace

_SWITCHED: Final = {"yes": True, "no": False}
OWN: Final = [name for name in NUMBER_TEXT if name in AREA_OVERRIDABLE]
"""The names of the numeric policy values that can differ by area, in the order of the page."""


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """A policy change that a form describes. ``policy``: the new policy. ``summary``: the change
    in words. ``comparison``: the policies before and after, to judge last week's bookings by. If
    an override is added or removed, one of these two policies applies it on all days."""

    policy: Policy
    summary: list[str]
    comparison: tuple[Policy, Policy]


def fields_of(policy: Policy) -> dict[str, str]:
    fields = {name: str(getattr(policy, name)) for name in NUMBER_TEXT}
    fields |= {name: "on" if getattr(policy, name) else "" for name in SWITCH_TEXT}
    fields["booking_opens_at"] = (
        f"{policy.booking_opens_at:%H:%M}" if policy.booking_opens_at else ""
    )
    fields["meal_times"] = meal_times_text(policy.meal_times)
    for area, numbers in policy.areas.items():
        fields |= {f"{name}@{area}": str(n) for name, n in numbers.items()}
    for venue, values in policy.venues.items():
        fields |= dict(_own_field(name, value, f"@{venue}") for name, value in values.items())
    return fields


def _own_field(name: str, value: Any, at: str) -> tuple[str, str]:
    """The form field of a value that ``own_values`` reads: its name and its text."""
    if name in SWITCH_TEXT:
        return f"set.{name}{at}", "yes" if value else "no"
    if name in NUMBER_TEXT:
        return f"set.{name}{at}", str(value)
    if not value:
        return f"none.{name}{at}", "on"
    return f"set.{name}{at}", (meal_times_text(value) if name == "meal_times" else f"{value:%H:%M}")


def own_values(typed: Mapping[str, str], at: str = "") -> dict[str, Any]:
    """The values, by name, of an override or a venue; empty fields of the form change nothing.
    ``at``: the ending of the fields' names. Raises: Malformed."""
    sent = {
        name.removesuffix(at): text for name, text in typed.items() if text and name.endswith(at)
    }
    values: dict[str, Any] = {
        name: number(name, sent[f"set.{name}"]) for name in NUMBER_TEXT if f"set.{name}" in sent
    }
    for name in SWITCH_TEXT:
        if sent.get(f"set.{name}") in _SWITCHED:
            values[name] = _SWITCHED[sent[f"set.{name}"]]
    if "none.booking_opens_at" in sent:
        values["booking_opens_at"] = None
    elif "set.booking_opens_at" in sent:
        values["booking_opens_at"] = clock_of(sent["set.booking_opens_at"], "booking_opens_at")
    if "none.meal_times" in sent:
        values["meal_times"] = ()
    elif "set.meal_times" in sent:
        values["meal_times"] = meal_times(sent["set.meal_times"])
    return values


def venues_with_form(policy: Policy, catalog: Catalog) -> list[Venue]:
    """The venues in use that can have rules of their own: all, unless there is only one, which
    has the library's rules."""
    venues = list(catalog.venues_in_use)
    return venues if len(venues) > 1 else [v for v in venues if v.id in policy.venues]


def change_numbers(visit: PageRequest, typed: Mapping[str, str]) -> PolicyChange:
    """The change to all values in the form. Raises: Malformed, InconsistentPolicy."""
    catalog = visit[REFERENCE].catalog
    policy = validation.settled(visit[REFERENCE].policy, visit.zone.day(visit.now))
    new: dict[str, Any] = {name: number(name, typed.get(name, "")) for name in NUMBER_TEXT}
    new |= {name: typed.get(name) == "on" for name in SWITCH_TEXT}
    new["booking_opens_at"] = (
        clock_of(typed["booking_opens_at"], "booking_opens_at")
        if typed.get("booking_opens_at")
        else None
    )
    new["meal_times"] = meal_times(typed.get("meal_times", ""))
    areas: dict[AreaId, Mapping[str, int]] = {}
    venues = dict(policy.venues)
    for venue in venues_with_form(policy, catalog):
        own_of_venue = own_values(typed, f"@{venue.id}")
        venues[venue.id] = {n: v for n, v in own_of_venue.items() if n in VENUE_OVERRIDABLE}
    venues = {venue_id: values for venue_id, values in venues.items() if values}
    for area in catalog.known_areas:
        own = {name: typed.get(f"{name}@{area.id}", "") for name in OWN}
        numbers = {name: number(name, text) for name, text in own.items() if text}
        if numbers:
            areas[area.id] = numbers
    changed = replace(policy, version=policy.version + 1, venues=venues, areas=areas, **new)
    words = [_change_words(catalog, change) for change in value_changes(policy, changed, VALUES)]
    return PolicyChange(changed, words, (policy, changed))


def _change_words(catalog: Catalog, change: ValueChange) -> str:
    name, place = value_name(change.name), OpeningPlace(change.venue_id, change.area_id)
    if place.narrowness:
        name = f"{place_name(catalog, place)} {name}"
    was, now = (value_text(change.name, value) for value in (change.was, change.now))
    return CHANGE_TEXT["value"].format(name=name, was=was, now=now)


def number(name: str, text: str) -> int:
    """The number that was typed for the policy value ``name``. Raises: Malformed."""
    if not re.fullmatch(r"[0-9]{1,4}", text) or not validation.is_within_bounds(name, int(text)):
        (least, most), (words, unit) = validation.NUMBER_BOUNDS[name], NUMBER_TEXT[name]
        wrong = WRONG_TEXT["number_out_of_range"]
        raise Malformed(name, wrong.format(name=words, least=least, most=most, unit=unit))
    return int(text)


def _is_meal(begin: time, end: time) -> bool:
    """True if ``begin`` and ``end`` can be a meal time. A meal time past midnight may last at
    most four hours, so 13:00-11:00 is a mistake."""
    began = datetime.combine(date.min, begin)
    ended = datetime.combine(date.min + timedelta(days=1), end)
    return begin < end or ended - began <= timedelta(hours=4)


def meal_times(text: str) -> tuple[tuple[time, time], ...]:
    """Parses meal times such as 11:00-13:00，17:00-19:00. Raises: Malformed."""
    meals = []
    for span in re.split(MEAL_TIMES_ENDS, text):
        if not span:
            continue
        begin, dash, end = re.sub(MEAL_TIME_DASHES, "-", span).partition("-")
        if not dash or not _is_meal(clock_of(begin, "meal_times"), clock_of(end, "meal_times")):
            raise Malformed("meal_times", WRONG_TEXT["meal_time_format"].format(text=span))
        meals.append((time.fromisoformat(begin), time.fromisoformat(end)))
    if len(meals) > validation.MAX_MEAL_TIMES:
        wrong = WRONG_TEXT["too_many_meal_times"].format(most=validation.MAX_MEAL_TIMES)
        raise Malformed("meal_times", wrong)
    return tuple(meals)
