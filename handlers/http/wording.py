"""The library's own wording: the running line and the rules, filled with what the policy says."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from markupsafe import Markup, escape

from handlers.http.markdown import html_of
from handlers.http.opening_lines import opening_lines
from handlers.texts.english import words_in_english
from handlers.texts.labels import hours_text
from handlers.texts.policy import values_text
from handlers.texts.wording import (
    FILLING,
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
from notify.templates.rendering import SCAN_BY

_EMPTY_ITEM: Final = re.compile(r"<li>\s*</li>\n?")


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
    return _filled(template or RUNNING_LINE, reference, day, str)


def rules_html(
    reference: ReferenceData, day: date, template: str, reader: Reader | None = None
) -> Markup:
    """The rules as a page shows them, in the library's wording (``template``), or in the usual one
    where that is empty; with the numbers of the reader's groups."""
    html = _filled(
        html_of(template or RULES_TEXT), reference, day, lambda text: str(escape(text)), reader
    )
    return Markup(_EMPTY_ITEM.sub("", html))


def rules_in_english(reference: ReferenceData, day: date, reader: Reader | None = None) -> Markup:
    """The usual rules in English."""

    def written(text: str) -> str:
        return str(escape(words_in_english(text)))

    html = _filled(html_of(RULES_TEXT_EN), reference, day, written, reader)
    return Markup(_EMPTY_ITEM.sub("", html))


def _filled(
    template: str,
    reference: ReferenceData,
    day: date,
    written: Callable[[str], str],
    reader: Reader | None = None,
) -> str:
    """An unknown place stays as it is: nothing is saved with one, and no page breaks for it."""

    def value(found: re.Match[str]) -> str:
        fill = _BY_NAME.get(found[1])
        return written(fill(reference, day, reader)) if fill is not None else found[0]

    return PLACEHOLDER.sub(value, template)


# --- what fills a place ---------------------------------------------------------------------------
_Filler = Callable[[ReferenceData, date, Reader | None], str]


def _number(name: str) -> _Filler:
    def number(reference: ReferenceData, day: date, reader: Reader | None) -> str:
        policy = reference.policy_on(day)
        if reader is not None:
            policy = reference.with_groups(policy, reader, None, day)
        return str(getattr(policy, name))

    return number


def _longest(reference: ReferenceData, day: date, reader: Reader | None) -> str:
    policy = reference.policy
    named = {*policy.areas, *(rules.area_id for rules in policy.rule_sets)}
    stays = {policy.resolve(area, day).max_minutes for area in {None, *named}}
    return "–".join(f"{minutes / 60:g}" for minutes in sorted({min(stays), max(stays)}))


def _opening(reference: ReferenceData, day: date, reader: Reader | None) -> str:
    return FILLING["parts"].join(opening_lines(reference.catalog, reference.policy, day))


def _booking_opens(reference: ReferenceData, day: date, reader: Reader | None) -> str:
    policy = reference.policy_on(day)
    if policy.booking_opens_at is None:
        return ""
    text = FILLING["booking_opens"].format(clock=f"{policy.booking_opens_at:%H:%M}")
    return text + (FILLING["opening_draw"] if policy.opening_draw else "")


def _max_stays(reference: ReferenceData, day: date, reader: Reader | None) -> str:
    stays: dict[int, list[str]] = {}
    for area in reference.catalog.bookable_areas:
        stays.setdefault(reference.policy_for(area.id, day, reader).max_minutes, []).append(
            area.name
        )
    if not stays:
        return hours_text(reference.policy.resolve(None, day).max_minutes)
    return FILLING["parts"].join(
        FILLING["max_stay"].format(areas=FILLING["names"].join(names), length=hours_text(minutes))
        for minutes, names in stays.items()
    )


def _overrides(reference: ReferenceData, day: date, reader: Reader | None) -> str:
    lines = []
    for rules in settled(reference.policy, day).rule_sets:
        area = reference.catalog.areas.get(rules.area_id) if rules.area_id is not None else None
        lines.append(
            FILLING["override" if rules.last is not None else "override_from"].format(
                first=rules.first,
                last=rules.last,
                name=rules.name,
                area=FILLING["override_area"].format(area=area.name) if area is not None else "",
                numbers=FILLING["numbers"].join(values_text(rules.values)),
            )
        )
    return "".join(lines)


def _check_in(reference: ReferenceData, day: date, reader: Reader | None) -> str:
    ways: dict[CheckInWay, list[str]] = {}
    for venue in reference.catalog.venues_in_use:
        ways.setdefault(venue.check_in_way, []).append(venue.name)
    return FILLING["parts"].join(
        FILLING["check_in"].format(
            venues=FILLING["names"].join(names) if len(ways) > 1 else "",
            way=FILLING["by_kiosk"] if way is CheckInWay.KIOSK else SCAN_BY[way],
        )
        for way, names in ways.items()
    )


def _meals(reference: ReferenceData, day: date, reader: Reader | None) -> str:
    meals = reference.policy_on(day).meal_times
    return FILLING["names"].join(f"{a:%H:%M}–{b:%H:%M}" for a, b in meals)


def _away_timeout(reference: ReferenceData, day: date, reader: Reader | None) -> str:
    return FILLING["away_timeout"] if reference.policy_on(day).away_timeout_is_violation else ""


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
