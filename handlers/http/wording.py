"""The library's own wording: the running line and the rules, filled with what the policy says."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from markupsafe import Markup, escape

from handlers.http.markdown import html_of
from handlers.http.opening_lines import opening_lines
from handlers.texts.rules_phrases import IN_CHINESE, IN_ENGLISH, Phrases
from handlers.texts.wording import (
    ENDS,
    PAUSES,
    PLACEHOLDERS,
    RULES_TEXT,
    RULES_TEXT_EN,
    RUNNING_LINE,
)
from models.library.entities import CheckInWay
from models.policy.validation import settled
from models.profile.rules import PLACEHOLDER
from models.readers.entities import Reader
from models.reference_data import ReferenceData

_EMPTY_ITEM: Final = re.compile(rf"<li>[\s{ENDS}]*</li>\n?")
_MEALS: Final = PLACEHOLDERS["meal_times"][0]
_CLAUSE: Final = rf"[^{PAUSES}{ENDS}\n<>]*"
_MEALS_CLAUSE: Final = re.compile(rf"[{PAUSES}]?{_CLAUSE}\{{{_MEALS}\}}{_CLAUSE}")
_COUNTED: Final = re.compile(r"(\{([^{}\n]*)\}) (minute|day|booking|time)s\b")


class RunningLine:
    """The line above every page, kept while library, profile, policy and day are the same."""

    def __init__(self) -> None:
        self._of: tuple[object, object, object] = (None, None, None)
        self._day, self._text = date.min, ""

    def __call__(self, reference: ReferenceData, day: date) -> str:
        # All of these are replaced, never changed.
        of = (reference.catalog, reference.profile, reference.policy)
        if day != self._day or any(a is not b for a, b in zip(of, self._of, strict=True)):
            self._of, self._day = of, day
            self._text = running_line_of(reference, day, reference.profile.running_line)
        return self._text


running_line: Final = RunningLine()


def running_line_of(reference: ReferenceData, day: date, template: str) -> str:
    """The line in the library's wording (``template``), or in the usual one where that is empty."""
    return _filled(template or RUNNING_LINE, _Known(reference, day, None, IN_CHINESE), str)


def rules_html(
    reference: ReferenceData, day: date, template: str, reader: Reader | None = None
) -> Markup:
    """The rules as a page shows them, in the library's wording (``template``), or in the usual one
    where that is empty; with the numbers of the reader's groups."""
    known = _Known(reference, day, reader, IN_CHINESE)
    html = _filled(html_of(template or RULES_TEXT), known, _escaped)
    return Markup(_EMPTY_ITEM.sub("", html))


def rules_in_english(reference: ReferenceData, day: date, reader: Reader | None = None) -> Markup:
    """The usual rules in English."""
    html = html_of(RULES_TEXT_EN)
    known = _Known(reference, day, reader, IN_ENGLISH)
    return Markup(_EMPTY_ITEM.sub("", _filled(_one_of_each(html, known), known, _escaped)))


def _escaped(text: str) -> str:
    return str(escape(text))


def _one_of_each(template: str, known: _Known) -> str:
    """The template with 1 day in the place of 1 days."""

    def unit(found: re.Match[str]) -> str:
        return f"{found[1]} {found[3]}" if _BY_NAME[found[2]](known) == "1" else found[0]

    return _COUNTED.sub(unit, template)


def _filled(template: str, known: _Known, written: Callable[[str], str]) -> str:
    """An unknown place stays as it is: nothing is saved with one, and no page breaks for it."""

    def value(found: re.Match[str]) -> str:
        fill = _BY_NAME.get(found[1])
        return written(fill(known)) if fill is not None else found[0]

    if not _meals(known):
        template = _MEALS_CLAUSE.sub("", template)
    return PLACEHOLDER.sub(value, template)


# --- what fills a place ---------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Known:
    """What the places are filled from, and in which language."""

    reference: ReferenceData
    day: date
    reader: Reader | None
    say: Phrases


_Filler = Callable[[_Known], str]


def _number(name: str) -> _Filler:
    def number(known: _Known) -> str:
        policy = known.reference.policy_on(known.day)
        if known.reader is not None:
            policy = known.reference.with_groups(policy, known.reader, None, known.day)
        return str(getattr(policy, name))

    return number


def _longest(known: _Known) -> str:
    policy, day = known.reference.policy, known.day
    named = {*policy.areas, *(rules.area_id for rules in policy.rule_sets)}
    stays = {policy.resolve(area, day).max_minutes for area in {None, *named}}
    return "–".join(f"{minutes / 60:g}" for minutes in sorted({min(stays), max(stays)}))


def _opening(known: _Known) -> str:
    reference, say = known.reference, known.say
    lines = opening_lines(reference.catalog, reference.policy, known.day, say)
    return say.filling["parts"].join(lines)


def _booking_opens(known: _Known) -> str:
    policy, filling = known.reference.policy_on(known.day), known.say.filling
    if policy.booking_opens_at is None:
        return ""
    text = filling["booking_opens"].format(clock=f"{policy.booking_opens_at:%H:%M}")
    return text + (filling["opening_draw"] if policy.opening_draw else "")


def _max_stays(known: _Known) -> str:
    reference, day, say = known.reference, known.day, known.say
    stays: dict[int, list[str]] = {}
    for area in reference.catalog.bookable_areas:
        stay = reference.policy_for(area.id, day, known.reader).max_minutes
        stays.setdefault(stay, []).append(area.name)
    if not stays:
        return say.length(reference.policy.resolve(None, day).max_minutes)
    return say.filling["parts"].join(
        say.filling["max_stay"].format(
            areas=say.filling["names"].join(names), length=say.length(minutes)
        )
        for minutes, names in stays.items()
    )


def _overrides(known: _Known) -> str:
    reference, say = known.reference, known.say
    lines = []
    for rules in settled(reference.policy, known.day).rule_sets:
        area = reference.catalog.areas.get(rules.area_id) if rules.area_id is not None else None
        of_area = say.filling["override_area"].format(area=area.name) if area is not None else ""
        lines.append(
            say.filling["override" if rules.last is not None else "override_from"].format(
                first=rules.first,
                last=rules.last,
                name=rules.name,
                area=of_area,
                numbers=say.filling["numbers"].join(say.values(rules.values)),
            )
        )
    return "".join(lines)


def _check_in(known: _Known) -> str:
    say = known.say
    ways: dict[CheckInWay, list[str]] = {}
    for venue in known.reference.catalog.venues_in_use:
        ways.setdefault(venue.check_in_way, []).append(venue.name)
    of_venues, names = say.filling["of_venues"], say.filling["names"]
    return say.filling["parts"].join(
        say.filling["check_in"].format(
            venues=of_venues.format(venues=names.join(venues)) if len(ways) > 1 else "",
            way=say.check_in_by[way],
        )
        for way, venues in ways.items()
    )


def _meals(known: _Known) -> str:
    meals = known.reference.policy_on(known.day).meal_times
    return known.say.filling["names"].join(f"{a:%H:%M}–{b:%H:%M}" for a, b in meals)


def _away_timeout(known: _Known) -> str:
    counts = known.reference.policy_on(known.day).away_timeout_is_violation
    return known.say.filling["away_timeout"] if counts else ""


_FILLERS: Final[Mapping[str, _Filler]] = {
    "longest_hours": _longest,
    "check_in_before": _number("check_in_before_minutes"),
    "check_in_after": _number("check_in_after_minutes"),
    "opening": _opening,
    "booking_window": _number("booking_window_days"),
    "booking_opens": _booking_opens,
    "shortest": _number("min_minutes"),
    "longest_by_area": _max_stays,
    "daily_limit": _number("daily_booking_limit"),
    "overrides": _overrides,
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
