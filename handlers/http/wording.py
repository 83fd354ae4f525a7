from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from markupsafe import Markup, escape

from handlers.http.language import library_language
from handlers.http.markdown import html_of
from handlers.http.opening_lines import opening_lines
from handlers.http.rules_by_place import PlaceRules
from handlers.texts.rules_phrases import (
    AWAY_TIMEOUT,
    BOOKING_OPENS,
    CHECK_IN_BY,
    COUNTED,
    NAMES,
    OF_VENUES,
    OPENING,
    OPENING_DRAW,
    PARTS,
    hours_span_text,
    meals_text,
)
from handlers.texts.wording import ENDS, PAUSES, PLACEHOLDERS, RUNNING_LINE, default_rules
from languages.catalogue import CHINESE
from languages.text import Language, joined, numeral
from models.library.entities import CheckInWay
from models.profile.rules import PLACEHOLDER
from models.readers.entities import Reader
from models.reference_data import ReferenceData

_EMPTY_ITEM: Final = re.compile(rf"<li>[\s{ENDS}]*</li>\n?")
_EMPTY_SECTION: Final = re.compile(r"<h2>[^<]*</h2>\s*<ul>\s*</ul>\n?")
_MEALS: Final = PLACEHOLDERS["meal_times"][0]
_CLAUSE: Final = rf"[^{PAUSES}{ENDS}\n<>]*"
_MEALS_CLAUSE: Final = re.compile(rf"[{PAUSES}]?{_CLAUSE}\{{{_MEALS}\}}{_CLAUSE}")
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


def running_line_of(reference: ReferenceData, day: date, template: str) -> str:
    """The line at the top of each page, with the placeholders filled in. ``template``: the
    library's wording; empty for the default wording."""
    facts = PlaceRules(reference, day, None)
    if template:
        return _filled(template, facts, library_language(reference.profile).say)
    return RUNNING_LINE.format_map({name: fill(facts) for name, fill in _BY_NAME.items()})


def rules_html(
    reference: ReferenceData,
    day: date,
    template: str,
    reader: Reader | None = None,
    language: Language = CHINESE,
) -> Markup:
    """The rules of use as HTML, with placeholders filled in. ``template``: the library's wording,
    which is in its language; empty for the default. With ``reader``, the limits of the reader's
    groups are added. Rules of single venues and areas stand at the end of a wording that does not
    place them."""
    facts = PlaceRules(reference, day, reader)
    if template:
        language = library_language(reference.profile)
    text = template or language.say(default_rules(facts.usual("booking_window_days")))
    html = _filled(html_of(text), facts, lambda value: str(escape(language.say(value))))
    html = _EMPTY_SECTION.sub("", _EMPTY_ITEM.sub("", html))
    if f"{{{_DIFFERENCES}}}" not in text and (own := facts.differences()):
        html += Markup("<p>{}</p>").format(language.say(own))
    return Markup(html)


def _filled(template: str, facts: PlaceRules, written: Callable[[str], str]) -> str:
    """The template with its placeholders filled in; ``written`` makes the text of each value. An
    unknown placeholder stays as it is; saving a template with such a placeholder is refused."""

    def value(match: re.Match[str]) -> str:
        fill = _BY_NAME.get(match[1])
        return written(fill(facts)) if fill is not None else match[0]

    if not facts.usual("meal_times"):
        template = _MEALS_CLAUSE.sub("", template)
    return PLACEHOLDER.sub(value, template)


# --- values of placeholders -----------------------------------------------------------------------
_Filler = Callable[[PlaceRules], str]


def _number(name: str) -> _Filler:
    return lambda facts: numeral(COUNTED[name](facts.usual(name)))


def _longest(facts: PlaceRules) -> str:
    policy, catalog, day = facts.reference.policy, facts.reference.catalog, facts.day
    named = {*policy.areas, *(r.area_id for r in policy.rule_sets if r.area_id is not None)}
    policies = facts.reference.policies_on(day)
    policies += [policy.resolve(catalog.venue_of(area), area, day) for area in named]
    stays = {one.max_minutes for one in policies}
    hours = "–".join(f"{minutes / 60:g}" for minutes in sorted({min(stays), max(stays)}))
    return hours_span_text(hours)


def _opening(facts: PlaceRules) -> str:
    lines = opening_lines(facts.reference.catalog, facts.reference.policy, facts.day)
    return OPENING.format(lines=joined(lines, PARTS)) if lines else ""


def _booking_opens(facts: PlaceRules) -> str:
    opens_at = facts.usual("booking_opens_at")
    if opens_at is None:
        return ""
    text = BOOKING_OPENS.format(clock=f"{opens_at:%H:%M}")
    return joined([text, OPENING_DRAW]) if facts.usual("opening_draw") else text


def _check_in(facts: PlaceRules) -> str:
    ways: dict[CheckInWay, list[str]] = {}
    for venue in facts.reference.catalog.venues_in_use:
        ways.setdefault(venue.check_in_way, []).append(venue.name)
    if len(ways) == 1:
        return CHECK_IN_BY[next(iter(ways))]
    return joined(
        (
            OF_VENUES.format(venues=joined(venues, NAMES), way=CHECK_IN_BY[way])
            for way, venues in ways.items()
        ),
        PARTS,
    )


def _meals(facts: PlaceRules) -> str:
    return meals_text(facts.usual("meal_times"))


def _away_timeout(facts: PlaceRules) -> str:
    return AWAY_TIMEOUT if facts.usual("away_timeout_is_violation") else ""


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
