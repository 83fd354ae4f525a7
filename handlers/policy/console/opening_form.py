"""Forms of opening hours, and the policy's next version that results from a sent form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Final

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.policy.console.opening_words import place_in
from handlers.staff.forms import clock_of, day_of
from handlers.texts.console import BETWEEN, CHANGE_TEXT, WRONG_TEXT, days_between
from handlers.texts.labels import WEEKDAYS
from handlers.texts.opening import WEEK_TEXT, place_name, rule_hours_text, weekly_text
from languages.text import joined
from models.kernel.errors import Malformed, NotFound
from models.kernel.text import is_printable_line
from models.library.entities import Catalog
from models.policy import opening_rules
from models.policy.entities import Policy
from models.policy.opening import OpeningPlace, OpeningRule
from models.policy.opening_rules import DayPlan
from models.policy.validation import MAX_OPENING_REASON, is_opening_time, is_plannable

_WHOLE_DAY: Final = (time(0), time(0))
DATED: Final = ("kind", "first", "last", "place", "opens", "closes", "whole", "reason")
WEEKLY: Final = tuple(f"{name}{n}" for n in range(7) for name in ("day", "opens", "closes"))
FIELDS: Final = ("operation", "number", "at", "independent", *DATED, *WEEKLY)


@dataclass(frozen=True, slots=True)
class OpeningChange:
    """A change of opening hours that a form describes: the resulting policy, the change in
    words, the place (library, venue or area), and a day in the month that the calendar shows."""

    policy: Policy
    summary: str
    place: OpeningPlace
    day: date


def read_change(visit: PageRequest, typed: Mapping[str, str]) -> OpeningChange:
    """The change that the opening-hours form describes. Raises: Malformed, NotFound."""
    change = _CHANGES.get(typed["operation"])
    if change is None:
        raise NotFound()
    return change(visit, typed)


# --- exceptions and closures ----------------------------------------------------------------------
def rule_words(catalog: Catalog, rule: OpeningRule) -> str:
    first, last = rule.first or rule.last, rule.last or rule.first
    assert first is not None and last is not None
    return CHANGE_TEXT["opening_with_reason" if rule.reason else "opening"].format(
        days=days_between(first, last),
        place=place_name(catalog, rule.place),
        hours=rule_hours_text(rule),
        reason=rule.reason,
    )


def _add(visit: PageRequest, typed: Mapping[str, str]) -> OpeningChange:
    reference, rule = visit[REFERENCE], _rule(visit, typed)
    new = opening_rules.add_opening_rule(reference.policy, rule)
    day = max(rule.first or visit.zone.day(visit.now), visit.zone.day(visit.now))
    return OpeningChange(new, rule_words(reference.catalog, rule), rule.place, day)


def _remove(visit: PageRequest, typed: Mapping[str, str]) -> OpeningChange:
    reference, number = visit[REFERENCE], typed["number"]
    if not (number.isascii() and number.isdecimal() and len(number) < 5):
        raise NotFound()
    new = opening_rules.remove_opening_rule(reference.policy, int(number))
    rule = reference.policy.opening[int(number)]
    words = CHANGE_TEXT["opening_removed"].format(opening=rule_words(reference.catalog, rule))
    day = max(rule.first or visit.zone.day(visit.now), visit.zone.day(visit.now))
    return OpeningChange(new, words, rule.place, day)


def _rule(visit: PageRequest, typed: Mapping[str, str]) -> OpeningRule:
    first, last = day_of(typed["first"], "first"), day_of(typed["last"] or typed["first"], "last")
    if not is_plannable(first, last, visit.zone.day(visit.now)):
        raise Malformed("last", WRONG_TEXT["not_plannable"])
    opens = closes = None
    if typed["kind"] == "open":
        if typed["whole"]:
            opens, closes = _WHOLE_DAY
        else:
            opens, closes = _time(typed["opens"], "opens"), _time(typed["closes"], "closes")
    elif typed["kind"] != "closed":
        raise Malformed("kind", WRONG_TEXT["opening_kind_missing"])
    reason = typed["reason"]
    if len(reason) > MAX_OPENING_REASON or not is_printable_line(reason):
        wrong = WRONG_TEXT["opening_reason_length"].format(most=MAX_OPENING_REASON)
        raise Malformed("reason", wrong)
    if opens is None and not reason:
        raise Malformed("reason", WRONG_TEXT["closure_reason_missing"])
    place = _place(visit, typed["place"])
    alone = bool(typed["independent"]) and opens is not None
    return OpeningRule(
        opens,
        closes,
        first,
        last,
        venue_id=place.venue_id,
        area_id=place.area_id,
        reason=reason,
        independent=_independent(place, alone),
    )


# --- the week -------------------------------------------------------------------------------------
def week_fields(visit: PageRequest, place: OpeningPlace) -> dict[str, str]:
    """Weekly hours of the place as form fields. A day without own hours shows inherited ones."""
    policy = visit[REFERENCE].policy
    venue_id = opening_rules.venue_of(visit[REFERENCE].catalog, place)
    fields: dict[str, str] = {}
    for n, rule in enumerate(opening_rules.effective_week(policy, place, venue_id)):
        fields |= _day_fields(n, rule)
    own = opening_rules.own_week(policy, place)
    if any(rule is not None and rule.independent for rule in own):
        fields["independent"] = "on"
    return fields


def _day_fields(n: int, rule: OpeningRule | None) -> dict[str, str]:
    plan = opening_rules.plan_of(rule) if rule is not None else None
    if plan is None:
        return {f"day{n}": "closed"}
    if plan == _WHOLE_DAY:
        return {f"day{n}": "whole"}
    clocks = {f"opens{n}": f"{plan[0]:%H:%M}", f"closes{n}": f"{plan[1]:%H:%M}"}
    return {f"day{n}": "open"} | clocks


def week_of(fields: Mapping[str, str]) -> list[DayPlan]:
    """The hours of the seven weekdays in the form, Monday first. Raises: Malformed."""
    return [_day_plan(fields, n) for n in range(7)]


def _day_plan(fields: Mapping[str, str], n: int) -> DayPlan:
    kind = fields.get(f"day{n}")
    if kind == "closed":
        return None
    if kind == "whole":
        return _WHOLE_DAY
    if kind != "open":
        raise Malformed(f"day{n}", WRONG_TEXT["opening_kind_missing"])
    try:
        return (
            _time(fields.get(f"opens{n}", ""), f"opens{n}"),
            _time(fields.get(f"closes{n}", ""), f"closes{n}"),
        )
    except Malformed as error:
        wrong = WRONG_TEXT["of_weekday"]
        words = wrong.format(weekday=WEEKDAYS[n], wrong=error.details["reason"])
        raise Malformed(f"opens{n}", words) from error


def week_words(catalog: Catalog, place: OpeningPlace, days: list[DayPlan], alone: bool) -> str:
    lines = (joined((names, " ", hours)) for names, hours in weekly_text(days))
    week: str = joined(lines, BETWEEN["changes"])
    if alone:
        week = WEEK_TEXT["independent"].format(week=week)
    return WEEK_TEXT["own"].format(place=place_name(catalog, place), week=week)


def _set_week(visit: PageRequest, typed: Mapping[str, str]) -> OpeningChange:
    reference, place = visit[REFERENCE], _place(visit, typed["at"])
    days, alone = week_of(typed), _independent(place, bool(typed["independent"]))
    if opening_rules.has_week(reference.policy, place, days, alone):
        raise Malformed("base", WRONG_TEXT["nothing_changed"])
    new = opening_rules.set_week(reference.policy, place, days, alone)
    words = week_words(reference.catalog, place, days, alone)
    return OpeningChange(new, words, place, visit.zone.day(visit.now))


def _remove_week(visit: PageRequest, typed: Mapping[str, str]) -> OpeningChange:
    reference, place = visit[REFERENCE], _place(visit, typed["at"])
    new = opening_rules.remove_week(reference.policy, place)
    words = WEEK_TEXT["removed"].format(place=place_name(reference.catalog, place))
    return OpeningChange(new, words, place, visit.zone.day(visit.now))


# --- fields ---------------------------------------------------------------------------------------
def _place(visit: PageRequest, value: str) -> OpeningPlace:
    place = place_in(visit[REFERENCE].catalog, value)
    if place is None:
        raise Malformed("place", WRONG_TEXT["place_missing"])
    return place


def _independent(place: OpeningPlace, is_independent: bool) -> bool:
    if is_independent and place.area_id is None:
        raise Malformed("independent", WRONG_TEXT["independent_area_only"])
    return is_independent


def _time(text: str, field: str) -> time:
    clock = clock_of(text, field)
    if not is_opening_time(clock):
        raise Malformed(field, WRONG_TEXT["not_half_hours"])
    return clock


_CHANGES: Final[Mapping[str, Callable[[PageRequest, Mapping[str, str]], OpeningChange]]] = {
    "add": _add,
    "remove": _remove,
    "week": _set_week,
    "remove_week": _remove_week,
}
