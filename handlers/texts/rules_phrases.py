"""The phrases, in Chinese and in English, that fill the placeholders in the rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Any, Final

from handlers.texts import english, opening
from handlers.texts.labels import days_text, hours_text
from handlers.texts.policy import values_text
from handlers.texts.wording import FILLING, FILLING_EN
from languages.catalogue import LANGUAGES
from models.library.entities import Catalog, CheckInWay
from models.policy.opening import OpeningPlace
from notify.templates.rendering import SCAN_BY

_MIDNIGHT: Final = time(0)
NUMBERS_EN: Final[Mapping[str, str]] = {
    "step_minutes": "times in steps of {} min",
    "min_minutes": "at least {} min at a time",
    "max_minutes": "at most {} min at a time",
    "daily_booking_limit": "bookings a day: {}",
    "check_in_before_minutes": "check-in from {} min before the start",
    "check_in_after_minutes": "check-in until {} min after the start",
    "leave_minutes": "stepping out for up to {} min",
    "meal_leave_minutes": "stepping out at meal times for up to {} min",
    "extend_within_minutes": "extensions in the last {} min",
    "max_extensions": "extensions of a stay: {}",
    "booking_window_days": "days that can be booked ahead: {}",
    "ending_soon_minutes": "reminder {} min before the end",
    "leave_reminder_minutes": "reminder {} min before you have to be back",
    "presence_check_minutes": "confirm within {} min if the seat is reported empty",
    "kiosk_code_seconds": "kiosk codes change every {} s",
    "violations_limit": "violations before a suspension: {}",
    "violations_window_days": "days that violations count for: {}",
    "suspension_days": "days a suspension lasts: {}",
}
SWITCHES_EN: Final[Mapping[str, str]] = {
    "opening_draw": "a draw when the next day opens: {}",
    "away_timeout_is_violation": "not returning in time counts as a violation: {}",
    "accessible_only": "accessible seats for registered readers only: {}",
    "hall_display": "free seats on the hall display: {}",
    "public_occupancy": "free seats on other sites: {}",
    "filter_by_window": "filter by window: {}",
    "filter_by_power": "filter by socket: {}",
}
TIMES_EN: Final[Mapping[str, tuple[str, str]]] = {
    "booking_opens_at": ("the next day opens at {}", "the next day opens at no fixed time"),
    "meal_times": ("meal times {}", "no meal times"),
}
"""English phrases of the rules by policy value: the phrase with a time and the phrase without."""
CHECK_IN_BY_EN: Final[Mapping[CheckInWay, str]] = {
    CheckInWay.KIOSK: "check in with the changing code on a kiosk",
    CheckInWay.KIOSK_OR_LABEL: "check in with a kiosk's code or your seat's label",
    CheckInWay.SEAT_LABEL: "check in with your seat's label",
    CheckInWay.GATE: "come in through the gate, which checks you in",
    CheckInWay.DESK: "check in at the service desk",
}


@dataclass(frozen=True, slots=True)
class Phrases:
    filling: Mapping[str, str]
    weekdays: Callable[[frozenset[int]], str]
    days: Callable[[date | None, date | None], str]
    hours: Callable[[time | None, time | None], str]
    place: Callable[[Catalog, OpeningPlace], str]
    length: Callable[[int], str]
    check_in_by: Mapping[CheckInWay, str]
    values: Callable[[Mapping[str, Any]], list[str]]


def _weekdays(weekdays: frozenset[int]) -> str:
    days = sorted(weekdays)
    if len(days) == 7:
        return "every day"
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"{english.WEEKDAYS[days[0]]}–{english.WEEKDAYS[days[-1]]}"
    return ", ".join(english.WEEKDAYS[day] for day in days)


def _days(first: date | None, last: date | None) -> str:
    if first is None or last is None:
        day = first or last
        return f"{'from' if last is None else 'until'} {english.day(day)}" if day else ""
    if first == last:
        return english.day(first)
    alike = (first.year, first.month) == (last.year, last.month)
    return f"{first.day if alike else english.day(first)}–{english.day(last)}"


def _hours(opens: time | None, closes: time | None) -> str:
    if opens is None or closes is None:
        return "closed"
    if opens == closes == _MIDNIGHT:
        return "around the clock"
    if closes == _MIDNIGHT:
        return f"{opens:%H:%M}–24:00"
    return f"{opens:%H:%M}–{closes:%H:%M}{' next day' if closes <= opens else ''}"


def _place(catalog: Catalog, place: OpeningPlace) -> str:
    return str(LANGUAGES["en"].say(opening.place_name(catalog, place)))


def _values(values: Mapping[str, Any]) -> list[str]:
    return [_value(name, value) for name, value in values.items()]


def _value(name: str, value: Any) -> str:
    if name in NUMBERS_EN:
        return NUMBERS_EN[name].format(value)
    if name in SWITCHES_EN:
        return SWITCHES_EN[name].format("yes" if value else "no")
    some, none = TIMES_EN[name]
    if name == "meal_times":
        value = ", ".join(f"{a:%H:%M}–{b:%H:%M}" for a, b in value)
    return some.format(value if isinstance(value, str) else f"{value:%H:%M}") if value else none


IN_CHINESE: Final = Phrases(
    FILLING,
    days_text,
    opening.days_in_words,
    opening.clock_hours_text,
    opening.place_name,
    hours_text,
    {
        way: f"{FILLING['by_kiosk'] if way is CheckInWay.KIOSK else by}签到"
        for way, by in SCAN_BY.items()
    },
    values_text,
)
IN_ENGLISH: Final = Phrases(
    FILLING_EN,
    _weekdays,
    _days,
    _hours,
    _place,
    lambda minutes: f"{minutes / 60:g} h",
    CHECK_IN_BY_EN,
    _values,
)
