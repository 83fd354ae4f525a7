from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.policy.console.opening_words import place_in
from handlers.policy.console.policy_form import PolicyChange, change_numbers, own_values
from handlers.staff.forms import day_of
from handlers.texts.console import BETWEEN, CHANGE_TEXT, WRONG_TEXT, days_between
from handlers.texts.opening import place_name
from handlers.texts.policy import value_name, values_text
from languages.text import joined
from models.kernel.errors import Malformed, NotFound
from models.kernel.text import is_printable_line
from models.policy import validation
from models.policy.entities import VENUE_OVERRIDABLE, PolicyOverride
from models.policy.errors import InconsistentPolicy
from models.policy.opening import OpeningPlace
from models.policy_preview.service import under_override

_CONTRADICTIONS: Final[Mapping[str, str]] = {
    "step_minutes": WRONG_TEXT["step_not_half_hours"],
    "min_minutes": WRONG_TEXT["shortest_above_longest"],
}


def read_change(visit: PageRequest, typed: Mapping[str, str]) -> PolicyChange:
    """The change that a form of the policy page describes: new values, or an override that is
    added or removed. Raises: Malformed, NotFound."""
    change = _CHANGES.get(typed.get("operation", ""))
    if change is None:
        raise NotFound()
    try:
        changed = change(visit, typed)
        changed.policy.check(
            (area.venue_id, area.id) for area in visit[REFERENCE].catalog.areas_in_use
        )
    except InconsistentPolicy as error:
        # Each number alone is valid, but they contradict one another.
        wrong = WRONG_TEXT["numbers_disagree"].format(why=_CONTRADICTIONS[error.field])
        raise Malformed(error.field, wrong) from error
    return changed


def _add(visit: PageRequest, typed: Mapping[str, str]) -> PolicyChange:
    policy, today = visit[REFERENCE].policy, visit.zone.day(visit.now)
    current = validation.settled(policy, today)
    if len(current.rule_sets) >= validation.MAX_OVERRIDES:
        most = validation.MAX_OVERRIDES
        raise Malformed("name", WRONG_TEXT["too_many_overrides"].format(most=most))
    override = _override(visit, typed)
    new = validation.add_override(policy, override, today)
    words = CHANGE_TEXT["override_added"].format(
        name=override.name, override=override_words(visit, override)
    )
    return PolicyChange(new, [words], (current, under_override(current, override, today)))


def _override(visit: PageRequest, typed: Mapping[str, str]) -> PolicyOverride:
    """The override that the form describes. Raises: Malformed."""
    name, longest = typed.get("name", ""), validation.MAX_OVERRIDE_NAME
    if not 0 < len(name) <= longest or not is_printable_line(name):
        raise Malformed("name", WRONG_TEXT["override_name_length"].format(most=longest))
    first = day_of(typed.get("first", ""), "first")
    last = day_of(typed["last"], "last") if typed.get("last") else None
    if not validation.is_plannable(first, last, visit.zone.day(visit.now)):
        raise Malformed("last", WRONG_TEXT["not_plannable"])
    place = place_in(visit[REFERENCE].catalog, typed.get("place", ""))
    if place is None:
        raise Malformed("place", WRONG_TEXT["place_missing"])
    values = own_values(typed)
    if not values:
        raise Malformed("numbers", WRONG_TEXT["override_empty"])
    override = PolicyOverride(name, first, last, {}, place.area_id, place.venue_id)
    if wrong := [name for name in values if name not in override.overridable]:
        wider = any(name not in VENUE_OVERRIDABLE for name in wrong)
        numbers = joined((value_name(name) for name in wrong), BETWEEN["names"])
        text = WRONG_TEXT["whole_library_only" if wider else "venue_only"]
        raise Malformed("place", text.format(numbers=numbers))
    return replace(override, values=values)


def _remove(visit: PageRequest, typed: Mapping[str, str]) -> PolicyChange:
    policy, today, place = (
        visit[REFERENCE].policy,
        visit.zone.day(visit.now),
        typed.get("number", ""),
    )
    if not re.fullmatch(r"[0-9]{1,4}", place):
        raise NotFound()
    new = validation.remove_override(policy, int(place), today)
    removed = policy.rule_sets[int(place)]
    words = CHANGE_TEXT["override_removed"].format(
        name=removed.name, override=override_words(visit, removed)
    )
    return PolicyChange(new, [words], (under_override(new, removed, today), new))


def override_words(visit: PageRequest, override: PolicyOverride) -> str:
    place = OpeningPlace(override.venue_id, override.area_id)
    return CHANGE_TEXT["override"].format(
        days=days_between(override.first, override.last),
        place=place_name(visit[REFERENCE].catalog, place),
        numbers=joined(values_text(override.values), BETWEEN["numbers"]),
    )


_CHANGES: Final[Mapping[str, Callable[[PageRequest, Mapping[str, str]], PolicyChange]]] = {
    "numbers": change_numbers,
    "add": _add,
    "remove": _remove,
}
