"""The opening hours as lines of the page of rules."""

from __future__ import annotations

from datetime import date, time

from handlers.texts.labels import days_text
from handlers.texts.opening import (
    OPENING_LINE,
    clock_hours_text,
    days_in_words,
    place_name,
)
from models.library.entities import Catalog
from models.policy.entities import Policy
from models.policy.opening import OpeningKind, OpeningPlace, OpeningRule
from models.policy.opening_rules import own_week, places_with_week


def opening_lines(catalog: Catalog, policy: Policy, today: date) -> list[str]:
    """The week of every place that has one, then exceptions and closures that are not over."""
    lines = []
    for place in places_with_week(policy):
        alike: dict[tuple[time | None, time | None], list[OpeningRule]] = {}
        weekdays: dict[tuple[time | None, time | None], set[int]] = {}
        for weekday, rule in enumerate(own_week(policy, place)):
            if rule is not None:
                hours = rule.opens, rule.closes
                alike.setdefault(hours, []).append(rule)
                weekdays.setdefault(hours, set()).add(weekday)
        for hours, rules in alike.items():
            days = days_text(frozenset(weekdays[hours]))
            lines.append(_line(catalog, rules[0], days))
    dated = [
        r
        for r in policy.opening
        if r.kind is not OpeningKind.WEEK and (r.last is None or r.last >= today)
    ]
    dated.sort(key=lambda r: r.first or today)
    return [*lines, *(_line(catalog, r, days_in_words(r.first, r.last)) for r in dated)]


def _line(catalog: Catalog, rule: OpeningRule, days: str) -> str:
    whole = rule.place == OpeningPlace()
    line = OPENING_LINE["open" if rule.opens is not None else "closed"].format(
        days=days,
        place=" " if whole else f" {place_name(catalog, rule.place)} ",
        hours=clock_hours_text(rule.opens, rule.closes),
    )
    return OPENING_LINE["reason"].format(line=line, reason=rule.reason) if rule.reason else line
