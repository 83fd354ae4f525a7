from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.policy.console.policy_form import PolicyChange, change_numbers, meal_times, number
from handlers.staff.forms import clock_of, day_of
from handlers.texts.console import BETWEEN, CHANGE_TEXT, WRONG_TEXT, days_between
from handlers.texts.console_labels import SWITCH_TEXT, WHOLE_LIBRARY
from handlers.texts.labels import NUMBER_TEXT
from handlers.texts.policy import value_name, values_text
from languages.text import joined
from models.kernel.errors import Malformed, NotFound
from models.kernel.text import is_printable_line
from models.library.entities import AreaId
from models.policy import validation
from models.policy.entities import AREA_OVERRIDABLE, PolicyOverride
from models.policy_preview.service import under_override

_SWITCHED: Final = {"yes": True, "no": False}


def read_change(visit: PageRequest, typed: Mapping[str, str]) -> PolicyChange:
    """The change that a form of the policy page describes: new values, or an override that is
    added or removed. Raises: Malformed, NotFound."""
    change = _CHANGES.get(typed.get("operation", ""))
    if change is None:
        raise NotFound()
    try:
        return change(visit, typed)
    except ValueError as error:
        # Each number alone is valid, but they contradict one another.
        wrong = WRONG_TEXT["numbers_disagree"].format(why=_explain(error))
        raise Malformed("max_minutes", wrong) from error


def _explain(error: ValueError) -> str:
    step = str(error).startswith("step_minutes")
    return WRONG_TEXT["step_not_half_hours" if step else "shortest_above_longest"]


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
    area_id = AreaId(typed["area"]) if typed.get("area") else None
    if area_id is not None and area_id not in visit[REFERENCE].catalog.areas:
        raise Malformed("area", WRONG_TEXT["place_missing"])
    values = _values(typed)
    if not values:
        raise Malformed("numbers", WRONG_TEXT["override_empty"])
    if area_id is not None and (whole := [n for n in values if n not in AREA_OVERRIDABLE]):
        words = joined((value_name(name) for name in whole), BETWEEN["names"])
        raise Malformed("area", WRONG_TEXT["whole_library_only"].format(numbers=words))
    return PolicyOverride(name, first, last, values, area_id)


def _values(typed: Mapping[str, str]) -> dict[str, Any]:
    """The values that the override changes, by name; empty fields of the form change nothing.
    Raises: Malformed."""
    values: dict[str, Any] = {
        name: number(name, typed[f"set.{name}"]) for name in NUMBER_TEXT if typed.get(f"set.{name}")
    }
    for name in SWITCH_TEXT:
        if typed.get(f"set.{name}") in _SWITCHED:
            values[name] = _SWITCHED[typed[f"set.{name}"]]
    opens_at, meals = typed.get("set.booking_opens_at", ""), typed.get("set.meal_times", "")
    if typed.get("none.booking_opens_at"):
        values["booking_opens_at"] = None
    elif opens_at:
        values["booking_opens_at"] = clock_of(opens_at, "booking_opens_at")
    if typed.get("none.meal_times"):
        values["meal_times"] = ()
    elif meals:
        values["meal_times"] = meal_times(meals)
    return values


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
    catalog, area_id = visit[REFERENCE].catalog, override.area_id
    area = catalog.areas.get(area_id) if area_id is not None else None
    place = catalog.area_name(area) if area is not None else area_id or WHOLE_LIBRARY
    return CHANGE_TEXT["override"].format(
        days=days_between(override.first, override.last),
        place=place,
        numbers=joined(values_text(override.values), BETWEEN["numbers"]),
    )


_CHANGES: Final[Mapping[str, Callable[[PageRequest, Mapping[str, str]], PolicyChange]]] = {
    "numbers": change_numbers,
    "add": _add,
    "remove": _remove,
}
