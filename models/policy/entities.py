"""The rules' numbers: data with versions, each field with its unit.

A booking keeps the version that it was made under. An area can override the fields that make
sense for a place; opening hours carry venue and area themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final

from models.kernel.time_range import SLOT_MINUTES, TimeRange, local_date, local_instant
from models.library.entities import AreaId, VenueId

AREA_OVERRIDABLE: Final = frozenset(
    {"step_minutes", "min_minutes", "max_minutes", "leave_minutes", "meal_leave_minutes"}
)


@dataclass(frozen=True, slots=True)
class OpeningRule:
    """Opening hours, or a closure where ``opens`` is None.

    Of the rules that fit a day and a place, the highest ``priority`` decides, then the later one in
    the list. ``weekdays`` are 0 (Monday) … 6; empty ``first``/``last`` mean no bound.
    """

    opens: time | None
    closes: time | None
    first: date | None = None
    last: date | None = None
    weekdays: frozenset[int] = frozenset(range(7))
    venue_id: VenueId | None = None
    area_id: AreaId | None = None
    reason: str = ""
    priority: int = 0

    def applies_to(self, day: date, venue_id: VenueId, area_id: AreaId | None) -> bool:
        if self.area_id is not None and self.area_id != area_id:
            return False
        return (
            (self.first is None or self.first <= day)
            and (self.last is None or day <= self.last)
            and day.weekday() in self.weekdays
            and self.venue_id in (None, venue_id)
        )


@dataclass(frozen=True, slots=True)
class DayHours:
    """One place on one day: ``hours`` is None when it is closed, for ``reason``."""

    hours: TimeRange | None
    reason: str

    def covers(self, start: datetime, end: datetime) -> bool:
        """Is it open all the time from ``start`` to ``end``?"""
        hours = self.hours
        return hours is not None and hours.start <= start and end <= hours.end


_DAY: Final = timedelta(days=1)
FARTHEST_HORIZON: Final = 14
"""Days ahead, at most, that any policy lets book."""
DATE_OVERRIDABLE: Final = AREA_OVERRIDABLE | {
    "daily_booking_limit",
    "check_in_before_minutes",
    "check_in_after_minutes",
    "extend_within_minutes",
    "max_extensions",
}
"""What a rule set may say for some days: the numbers of a booking, by the day that it is for."""


@dataclass(frozen=True, slots=True)
class PolicyOverride:
    """Other numbers on the days from ``first`` until ``last``, both included; afterwards the usual
    ones stand again by themselves. For one area, or for all (then above what areas have of their
    own). Of two that fit, the later one in the list decides."""

    name: str
    first: date
    last: date
    values: Mapping[str, int]
    area_id: AreaId | None = None

    def applies_to(self, day: date, area_id: AreaId | None) -> bool:
        return self.first <= day <= self.last and self.area_id in (None, area_id)


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the rules. The defaults are the library's (docs/booking.md has the table)."""

    version: int = 1
    opening: tuple[OpeningRule, ...] = (OpeningRule(time(7, 0), time(22, 30)),)
    booking_window_days: int = 1
    booking_opens_at: time | None = None
    opening_draw: bool = False
    step_minutes: int = 60
    min_minutes: int = 10
    max_minutes: int = 240
    daily_booking_limit: int = 5
    check_in_before_minutes: int = 30
    check_in_after_minutes: int = 30
    leave_minutes: int = 30
    meal_leave_minutes: int = 60
    meal_times: tuple[tuple[time, time], ...] = ((time(11), time(13)), (time(17), time(19)))
    extend_within_minutes: int = 60
    max_extensions: int = 2
    ending_soon_minutes: int = 20
    leave_reminder_minutes: int = 10
    presence_check_minutes: int = 20
    kiosk_code_seconds: int = 15
    away_timeout_is_violation: bool = False
    violations_limit: int = 3
    violations_window_days: int = 30
    suspension_days: int = 7
    filter_by_window: bool = False
    filter_by_power: bool = False
    accessible_only: bool = False
    hall_display: bool = False
    areas: Mapping[AreaId, Mapping[str, int]] = field(default_factory=dict)
    rule_sets: tuple[PolicyOverride, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.booking_window_days <= FARTHEST_HORIZON:
            raise ValueError(f"0 <= booking_window_days <= {FARTHEST_HORIZON}")
        for area_id, fields in self.areas.items():
            if unknown := set(fields) - AREA_OVERRIDABLE:
                raise ValueError(f"area {area_id} cannot override {sorted(unknown)}")
        for rules in self.rule_sets:
            allowed = DATE_OVERRIDABLE if rules.area_id is None else AREA_OVERRIDABLE
            if unknown := set(rules.values) - allowed:
                raise ValueError(f"a rule set cannot change {sorted(unknown)}")
        # Between these days nothing begins or falls back.
        days = {r.first for r in self.rule_sets} | {r.last + _DAY for r in self.rule_sets}
        own = {r.area_id for r in self.rule_sets}
        for area in {None, *self.areas, *own}:
            for day in (None, *days):
                _validate(self, self._numbers(area, day))

    def _numbers(self, area_id: AreaId | None, day: date | None) -> dict[str, Any]:
        numbers: dict[str, Any] = dict(self.areas.get(area_id, {})) if area_id is not None else {}
        if day is not None:
            for rules in self.rule_sets:
                if rules.applies_to(day, area_id):
                    numbers |= rules.values
        return numbers

    def resolve(self, area_id: AreaId | None, day: date | None = None) -> Policy:
        """This policy with the area's own numbers in place, and those of the day's rule sets."""
        return replace(self, areas={}, rule_sets=(), **self._numbers(area_id, day))

    def day_hours(self, day: date, venue_id: VenueId, area_id: AreaId | None) -> DayHours:
        """When the place is open on that day."""
        best: OpeningRule | None = None
        for rule in self.opening:
            if rule.applies_to(day, venue_id, area_id) and (
                best is None or rule.priority >= best.priority
            ):
                best = rule
        if best is None or best.opens is None or best.closes is None:
            return DayHours(None, best.reason if best else "")
        return DayHours(
            TimeRange(local_instant(day, best.opens), local_instant(day, best.closes)), best.reason
        )

    def opens_at_instant(self, day: date) -> datetime | None:
        """When booking for ``day`` opens; None when it is open already by rule."""
        if self.booking_opens_at is None:
            return None
        return local_instant(day - timedelta(days=self.booking_window_days), self.booking_opens_at)

    def draw_opens_at(self, day: date, now: datetime) -> datetime | None:
        """When booking for ``day`` opens, where requests of that moment are drawn; else None."""
        if not self.opening_draw or day <= local_date(now):
            return None
        return self.opens_at_instant(day)

    def bookable_dates(self, now: datetime) -> list[date]:
        """Today and the days of the horizon, whether they have opened yet or not."""
        today = local_date(now)
        return [today + timedelta(days=ahead) for ahead in range(self.booking_window_days + 1)]

    def allows_filter(self, mark: str) -> bool:
        """The library may switch filters off, to prevent quarrels. ``mark`` is one of WISHES."""
        return {"window": self.filter_by_window, "power": self.filter_by_power}[mark]

    @property
    def longest(self) -> timedelta:
        return timedelta(minutes=self.max_minutes)


def _validate(policy: Policy, numbers: Mapping[str, int]) -> None:
    """Can these numbers stand in the place of the policy's? Raises: ValueError."""
    step = numbers.get("step_minutes", policy.step_minutes)
    if step < SLOT_MINUTES or step % SLOT_MINUTES:
        # Two bookings in one half hour would want the same claim.
        raise ValueError("step_minutes must be a multiple of the half hour")
    shortest = numbers.get("min_minutes", policy.min_minutes)
    if not 0 < shortest <= numbers.get("max_minutes", policy.max_minutes):
        raise ValueError("0 < min_minutes <= max_minutes")


@lru_cache(maxsize=256)
def _times(step_minutes: int, opens: datetime, closes: datetime) -> tuple[datetime, ...]:
    step = timedelta(minutes=step_minutes)
    midnight = local_instant(local_date(opens), time(0))
    first = midnight + -((midnight - opens) // step) * step
    count = max(0, -((first - closes) // step))
    return tuple(first + step * k for k in range(count))


def time_steps(policy: Policy, hours: TimeRange) -> tuple[datetime, ...]:
    """The full steps in ``hours``, counted from midnight, the closing time left out."""
    return _times(policy.step_minutes, hours.start, hours.end)
