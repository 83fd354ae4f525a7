from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from markupsafe import Markup, escape

from handlers.http.markdown import html_of
from handlers.http.opening_lines import opening_lines
from handlers.http.rules_by_place import PlaceRules
from handlers.texts.rules_phrases import IN_CHINESE, IN_ENGLISH
from handlers.texts.wording import (
    ENDS,
    PAUSES,
    PLACEHOLDERS,
    RULES_TEXT,
    RULES_TEXT_EN,
    RUNNING_LINE,
    TOMORROW,
)
from models.library.entities import CheckInWay
from models.profile.rules import PLACEHOLDER
from models.readers.entities import Reader
from models.reference_data import ReferenceData

_EMPTY_ITEM: Final = re.compile(rf"<li>[\s{ENDS}]*</li>\n?")
_EMPTY_SECTION: Final = re.compile(r"<h2>[^<]*</h2>\s*<ul>\s*</ul>\n?")
_MEALS: Final = PLACEHOLDERS["meal_times"][0]
_CLAUSE: Final = rf"[^{PAUSES}{ENDS}\n<>]*"
_MEALS_CLAUSE: Final = re.compile(rf"[{PAUSES}]?{_CLAUSE}\{{{_MEALS}\}}{_CLAUSE}")
_COUNTED: Final = re.compile(r"(\{([^{}\n]*)\}) (minute|day|booking|time|violation)s\b")
_WINDOW: Final = PLACEHOLDERS["booking_window"][0]
_DIFFERENCES: Final = PLACEHOLDERS["differences"][0]


class RunningLine:
    """The text of the line at the top of each page. It is cached until the catalogue, the
    profile, the policy or the day changes."""

    def __init__(self) -> None:
        self._of: tuple[object, object, object] = (None, None, None)
        self._day, self._text = date.min, ""

    def __call__(self, reference: ReferenceData, day: date) -> str:
        # A change replaces the object, so comparing identities is enough.
        of = (reference.catalog, reference.profile, reference.policy)
        if day != self._day or any(a is not b for a, b in zip(of, self._of, strict=True)):
            self._of, self._day = of, day
            self._text = running_line_of(reference, day, reference.profile.running_line)
        return self._text


running_line: Final = RunningLine()


def running_line_of(reference: ReferenceData, day: date, template: str) -> str:
    """The line at the top of each page, with the placeholders filled in. ``template``: the
    library's wording; empty for the default wording."""
    return _filled(template or RUNNING_LINE, PlaceRules(reference, day, None, IN_CHINESE), str)


def rules_html(
    reference: ReferenceData, day: date, template: str, reader: Reader | None = None
) -> Markup:
    """The Chinese rules of use as HTML, with placeholders filled in. ``template``: the library's
    wording; empty for the default. With ``reader``, the limits of the reader's groups are added.
    Rules of single venues and areas stand at the end of a wording that has no place for them."""
    facts = PlaceRules(reference, day, reader, IN_CHINESE)
    html = _with_rules_filled_in(template or RULES_TEXT, facts)
    if f"{{{_DIFFERENCES}}}" not in (template or RULES_TEXT) and (own := facts.differences()):
        html += Markup("<p>{}</p>").format(own)
    return html


def rules_in_english(reference: ReferenceData, day: date, reader: Reader | None = None) -> Markup:
    return _with_rules_filled_in(RULES_TEXT_EN, PlaceRules(reference, day, reader, IN_ENGLISH))


def _with_rules_filled_in(template: str, facts: PlaceRules) -> Markup:
    html = _EMPTY_ITEM.sub("", _filled(html_of(template), facts, _escaped))
    return Markup(_EMPTY_SECTION.sub("", html))


def _escaped(text: str) -> str:
    return str(escape(text))


def _one_of_each(template: str, facts: PlaceRules) -> str:
    """Replaces plurals after the number 1 in an English template: "1 day" instead of "1 days"."""

    def unit(match: re.Match[str]) -> str:
        return f"{match[1]} {match[3]}" if _BY_NAME[match[2]](facts) == "1" else match[0]

    return _COUNTED.sub(unit, template)


def _filled(template: str, facts: PlaceRules, written: Callable[[str], str]) -> str:
    """The template with its placeholders filled in; ``written`` escapes each value. An unknown
    placeholder stays as it is; saving a template with such a placeholder is refused."""

    def value(match: re.Match[str]) -> str:
        fill = _BY_NAME.get(match[1])
        return written(fill(facts)) if fill is not None else match[0]

    if not _meals(facts):
        template = _MEALS_CLAUSE.sub("", template)
    if _BY_NAME[_WINDOW](facts) == "1":
        for longer, tomorrow in TOMORROW.items():
            template = template.replace(longer, tomorrow)
    return PLACEHOLDER.sub(value, _one_of_each(template, facts))


# --- values of placeholders -----------------------------------------------------------------------
_Filler = Callable[[PlaceRules], str]


def _number(name: str) -> _Filler:
    return lambda facts: str(facts.usual(name))


def _longest(facts: PlaceRules) -> str:
    policy, catalog, day = facts.reference.policy, facts.reference.catalog, facts.day
    named = {*policy.areas, *(r.area_id for r in policy.rule_sets if r.area_id is not None)}
    policies = facts.reference.policies_on(day)
    policies += [policy.resolve(catalog.venue_of(area), area, day) for area in named]
    stays = {one.max_minutes for one in policies}
    return "–".join(f"{minutes / 60:g}" for minutes in sorted({min(stays), max(stays)}))


def _opening(facts: PlaceRules) -> str:
    reference, say = facts.reference, facts.say
    lines = opening_lines(reference.catalog, reference.policy, facts.day, say)
    return say.filling["opening"].format(lines=say.filling["parts"].join(lines)) if lines else ""


def _booking_opens(facts: PlaceRules) -> str:
    opens_at, filling = facts.usual("booking_opens_at"), facts.say.filling
    if opens_at is None:
        return ""
    text = filling["booking_opens"].format(clock=f"{opens_at:%H:%M}")
    return text + (filling["opening_draw"] if facts.usual("opening_draw") else "")


def _check_in(facts: PlaceRules) -> str:
    say = facts.say
    ways: dict[CheckInWay, list[str]] = {}
    for venue in facts.reference.catalog.venues_in_use:
        ways.setdefault(venue.check_in_way, []).append(venue.name)
    of_venues, names = say.filling["of_venues"], say.filling["names"]
    return say.filling["parts"].join(
        say.filling["check_in"].format(
            venues=of_venues.format(venues=names.join(venues)) if len(ways) > 1 else "",
            way=say.check_in_by[way],
        )
        for way, venues in ways.items()
    )


def _meals(facts: PlaceRules) -> str:
    meals = facts.usual("meal_times")
    return facts.say.filling["names"].join(f"{a:%H:%M}–{b:%H:%M}" for a, b in meals)


def _away_timeout(facts: PlaceRules) -> str:
    return facts.say.filling["away_timeout"] if facts.usual("away_timeout_is_violation") else ""


_FILLERS: Final[Mapping[str, _Filler]] = {
    "longest_hours": _longest,
    "check_in_before": _number("check_in_before_minutes"),
    "check_in_after": _number("check_in_after_minutes"),
    "opening": _opening,
    "booking_window": _number("booking_window_days"),
    "booking_opens": _booking_opens,
    "shortest": _number("min_minutes"),
    "longest_by_area": PlaceRules.longest_stays,
    "daily_limit": _number("daily_booking_limit"),
    "overrides": PlaceRules.overrides,
    "differences": PlaceRules.differences,
    "check_in_ways": _check_in,
    "leave": _number("leave_minutes"),
    "meal_times": _meals,
    "meal_leave": _number("meal_leave_minutes"),
    "extend_within": _number("extend_within_minutes"),
    "max_extensions": _number("max_extensions"),
    "away_timeout": _away_timeout,
    "violations_window": _number("violations_window_days"),
    "violations_limit": _number("violations_limit"),
    "suspension": _number("suspension_days"),
}
_BY_NAME: Final = {PLACEHOLDERS[code][0]: fill for code, fill in _FILLERS.items()}
