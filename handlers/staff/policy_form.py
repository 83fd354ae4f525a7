"""The policy's form: from what was typed to the next version, and in words what is new in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import time, timedelta
from typing import Any, Final

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.staff.forms import clock_of, day_of
from handlers.texts.console import (
    BETWEEN,
    CHANGE_TEXT,
    MEAL_TIME_DASHES,
    MEAL_TIMES_ENDS,
    WRONG_TEXT,
    days_between,
)
from handlers.texts.console_labels import (
    AS_WHOLE_LIBRARY,
    POLICY_TIME_TEXT,
    SWITCH_TEXT,
    UNLIMITED,
    WHOLE_LIBRARY,
    YES_NO,
)
from handlers.texts.labels import NUMBER_TEXT, numbers_text
from models.kernel.errors import InvalidRequest, NotFound
from models.kernel.text import is_printable_line
from models.kernel.time_range import local_date
from models.library.entities import AreaId
from models.policy import validation
from models.policy.entities import AREA_OVERRIDABLE, DATE_OVERRIDABLE, Policy, PolicyOverride
from models.policy_preview.service import DAYS

OWN: Final = [name for name in NUMBER_TEXT if name in AREA_OVERRIDABLE]
"""The numbers that an area can have of its own, in the order of the page."""
OF_DAYS: Final = [name for name in NUMBER_TEXT if name in DATE_OVERRIDABLE]
"""The numbers that some days can have of their own."""


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """The next version of the policy, and in words what is new in it. ``comparison`` are the two
    policies that the last week is judged by: an override of other days counts for these."""

    policy: Policy
    summary: list[str]
    comparison: tuple[Policy, Policy]


def read_change(visit: PageRequest, typed: Mapping[str, str]) -> PolicyChange:
    """The change that the form asks for. Raises: InvalidRequest, NotFound."""
    change = _CHANGES.get(typed.get("operation", ""))
    if change is None:
        raise NotFound()
    try:
        return change(visit, typed)
    except ValueError as error:
        # Each number alone is sound; together they are not, somewhere.
        wrong = WRONG_TEXT["numbers_disagree"].format(why=_explain(error))
        raise InvalidRequest("max_minutes", wrong) from error


def _explain(error: ValueError) -> str:
    step = "half hour" in str(error)
    return WRONG_TEXT["step_not_half_hours" if step else "shortest_above_longest"]


# --- all numbers ----------------------------------------------------------------------------------
def fields_of(policy: Policy) -> dict[str, str]:
    """The policy as the form's fields show it."""
    fields = {name: str(getattr(policy, name)) for name in NUMBER_TEXT}
    fields |= {name: "on" if getattr(policy, name) else "" for name in SWITCH_TEXT}
    fields["booking_opens_at"] = (
        f"{policy.booking_opens_at:%H:%M}" if policy.booking_opens_at else ""
    )
    spans = (f"{a:%H:%M}-{b:%H:%M}" for a, b in policy.meal_times)
    fields["meal_times"] = BETWEEN["numbers"].join(spans)
    for area, numbers in policy.areas.items():
        fields |= {f"{name}@{area}": str(n) for name, n in numbers.items()}
    return fields


def _change_numbers(visit: PageRequest, typed: Mapping[str, str]) -> PolicyChange:
    """All of the form's fields, instead of the current ones."""
    policy = visit[REFERENCE].policy
    new: dict[str, Any] = {name: _number(name, typed.get(name, "")) for name in NUMBER_TEXT}
    new |= {name: typed.get(name) == "on" for name in SWITCH_TEXT}
    new["booking_opens_at"] = (
        clock_of(typed["booking_opens_at"], "booking_opens_at")
        if typed.get("booking_opens_at")
        else None
    )
    new["meal_times"] = _meal_times(typed.get("meal_times", ""))
    areas: dict[AreaId, Mapping[str, int]] = {}
    for area in visit[REFERENCE].catalog.known_areas:
        own = {name: typed.get(f"{name}@{area.id}", "") for name in OWN}
        numbers = {name: _number(name, text) for name, text in own.items() if text}
        if numbers:
            areas[area.id] = numbers
    changed = replace(policy, version=policy.version + 1, areas=areas, **new)
    return PolicyChange(changed, _differences(visit, policy, changed), (policy, changed))


def _differences(visit: PageRequest, old: Policy, new: Policy) -> list[str]:
    before, after = fields_of(old), fields_of(new)
    found = []
    for name in dict.fromkeys((*after, *before)):
        was, now = before.get(name, ""), after.get(name, "")
        if was != now:
            found.append(
                CHANGE_TEXT["value"].format(
                    name=_field_name(visit, name),
                    was=_field_value(name, was),
                    now=_field_value(name, now),
                )
            )
    return found


def _field_name(visit: PageRequest, field: str) -> str:
    name, _, area_id = field.partition("@")
    words = {**POLICY_TIME_TEXT, **SWITCH_TEXT}
    words |= {number: text for number, (text, _) in NUMBER_TEXT.items()}
    if not area_id:
        return words[name]
    area = visit[REFERENCE].catalog.areas.get(AreaId(area_id))
    return f"{area.name if area is not None else area_id} {words[name]}"


def _field_value(field: str, text: str) -> str:
    name = field.partition("@")[0]
    if name in SWITCH_TEXT:
        return YES_NO[bool(text)]
    unit = NUMBER_TEXT[name][1] if name in NUMBER_TEXT else ""
    usual = AS_WHOLE_LIBRARY if "@" in field else UNLIMITED
    return f"{text} {unit}".strip() if text else usual


def _number(name: str, text: str) -> int:
    """Raises: InvalidRequest."""
    if not re.fullmatch(r"[0-9]{1,4}", text) or not validation.is_within_bounds(name, int(text)):
        (least, most), (words, unit) = validation.NUMBER_BOUNDS[name], NUMBER_TEXT[name]
        wrong = WRONG_TEXT["number_out_of_range"]
        raise InvalidRequest(name, wrong.format(name=words, least=least, most=most, unit=unit))
    return int(text)


def _meal_times(text: str) -> tuple[tuple[time, time], ...]:
    """From a text such as 11:00-13:00，17:00-19:00. Raises: InvalidRequest."""
    found = []
    for span in re.split(MEAL_TIMES_ENDS, text):
        if not span:
            continue
        begin, dash, end = re.sub(MEAL_TIME_DASHES, "-", span).partition("-")
        if not dash or clock_of(begin, "meal_times") >= clock_of(end, "meal_times"):
            raise InvalidRequest("meal_times", WRONG_TEXT["meal_time_format"].format(text=span))
        found.append((time.fromisoformat(begin), time.fromisoformat(end)))
    if len(found) > validation.MAX_MEAL_TIMES:
        wrong = WRONG_TEXT["too_many_meal_times"].format(most=validation.MAX_MEAL_TIMES)
        raise InvalidRequest("meal_times", wrong)
    return tuple(found)


# --- numbers of some days -------------------------------------------------------------------------
def _add_override(visit: PageRequest, typed: Mapping[str, str]) -> PolicyChange:
    policy, today = visit[REFERENCE].policy, local_date(visit.now)
    current = validation.current_overrides(policy, today)
    if len(current) >= validation.MAX_OVERRIDES:
        most = validation.MAX_OVERRIDES
        raise InvalidRequest("name", WRONG_TEXT["too_many_overrides"].format(most=most))
    override = _override(visit, typed)
    new = validation.add_override(policy, override, today)
    then = replace(new, rule_sets=(*current, _shift_to_preview_days(visit, override)))
    words = CHANGE_TEXT["override_added"].format(
        name=override.name, override=override_words(visit, override)
    )
    return PolicyChange(new, [words], (policy, then))


def _override(visit: PageRequest, typed: Mapping[str, str]) -> PolicyOverride:
    """Raises: InvalidRequest."""
    name, longest = typed.get("name", ""), validation.MAX_OVERRIDE_NAME
    if not 0 < len(name) <= longest or not is_printable_line(name):
        raise InvalidRequest("name", WRONG_TEXT["override_name_length"].format(most=longest))
    first, last = (day_of(typed.get(day, ""), day) for day in ("first", "last"))
    if not validation.is_plannable(first, last, local_date(visit.now)):
        raise InvalidRequest("last", WRONG_TEXT["not_plannable"])
    area_id = AreaId(typed["area"]) if typed.get("area") else None
    if area_id is not None and area_id not in visit[REFERENCE].catalog.areas:
        raise InvalidRequest("area", WRONG_TEXT["place_missing"])
    numbers = {
        name: _number(name, typed[f"set.{name}"]) for name in OF_DAYS if typed.get(f"set.{name}")
    }
    if not numbers:
        raise InvalidRequest("numbers", WRONG_TEXT["override_empty"])
    if area_id is not None and (whole := set(numbers) - AREA_OVERRIDABLE):
        words = BETWEEN["names"].join(NUMBER_TEXT[n][0] for n in OF_DAYS if n in whole)
        raise InvalidRequest("area", WRONG_TEXT["whole_library_only"].format(numbers=words))
    return PolicyOverride(name, first, last, numbers, area_id)


def _remove_override(visit: PageRequest, typed: Mapping[str, str]) -> PolicyChange:
    policy, number = visit[REFERENCE].policy, typed.get("number", "")
    if not re.fullmatch(r"[0-9]{1,4}", number):
        raise NotFound()
    new = validation.remove_override(policy, int(number))
    removed = policy.rule_sets[int(number)]
    shifted = (*new.rule_sets, _shift_to_preview_days(visit, removed))
    words = CHANGE_TEXT["override_removed"].format(
        name=removed.name, override=override_words(visit, removed)
    )
    return PolicyChange(new, [words], (replace(policy, rule_sets=shifted), new))


def _shift_to_preview_days(visit: PageRequest, override: PolicyOverride) -> PolicyOverride:
    """The same numbers for the days that are compared."""
    today = local_date(visit.now)
    return replace(override, first=today - timedelta(days=DAYS), last=today)


def override_words(visit: PageRequest, override: PolicyOverride) -> str:
    """The override's days, place and numbers in words."""
    areas, area_id = visit[REFERENCE].catalog.areas, override.area_id
    area = areas.get(area_id) if area_id is not None else None
    place = area.full_name if area is not None else area_id or WHOLE_LIBRARY
    return CHANGE_TEXT["override"].format(
        days=days_between(override.first, override.last),
        place=place,
        numbers=BETWEEN["numbers"].join(numbers_text(override.values)),
    )


_CHANGES: Final[Mapping[str, Callable[[PageRequest, Mapping[str, str]], PolicyChange]]] = {
    "numbers": _change_numbers,
    "add": _add_override,
    "remove": _remove_override,
}
