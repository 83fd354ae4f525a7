"""Which numbers and days a policy may have. What lies outside is a slip of the fingers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, time, timedelta
from typing import Final

from models.kernel.errors import NotFound
from models.kernel.time_range import SLOT_MINUTES
from models.policy.entities import FARTHEST_HORIZON, Policy, PolicyOverride

NUMBER_BOUNDS: Final[Mapping[str, tuple[int, int]]] = {
    "step_minutes": (30, 240),
    "min_minutes": (1, 1440),
    "max_minutes": (30, 1440),
    "daily_booking_limit": (1, 48),
    "check_in_before_minutes": (0, 240),
    "check_in_after_minutes": (1, 240),
    "leave_minutes": (1, 240),
    "meal_leave_minutes": (1, 240),
    "extend_within_minutes": (1, 1440),
    "max_extensions": (0, 48),
    "booking_window_days": (0, FARTHEST_HORIZON),
    "ending_soon_minutes": (1, 120),
    "leave_reminder_minutes": (1, 120),
    "presence_check_minutes": (5, 120),
    "kiosk_code_seconds": (5, 120),
    "violations_limit": (1, 100),
    "violations_window_days": (1, 366),
    "suspension_days": (1, 366),
}
"""Smallest and largest."""
MAX_MEAL_TIMES: Final = 6
MAX_OVERRIDES: Final = 50
MAX_OVERRIDE_NAME: Final = 20
"""Characters."""
MAX_OPENING_REASON: Final = 50
"""Characters of why the library is closed, or has other hours."""
MAX_AHEAD: Final = timedelta(days=730)
"""How far ahead other hours or numbers can be planned."""


def is_within_bounds(name: str, value: int) -> bool:
    """May the policy's number have that value?"""
    least, most = NUMBER_BOUNDS[name]
    return least <= value <= most


def is_plannable(first: date, last: date, today: date) -> bool:
    """May hours or numbers be planned for these days: in order, not over and not too far?"""
    return today <= last and first <= last <= today + MAX_AHEAD


def is_opening_time(clock: time) -> bool:
    """Can the library open or close at that time? Bookings are claimed by the half hour."""
    return clock.minute % SLOT_MINUTES == 0


def current_overrides(policy: Policy, today: date) -> tuple[PolicyOverride, ...]:
    """The overrides whose days are not over. The others are in older versions of the policy."""
    return tuple(override for override in policy.rule_sets if override.last >= today)


def add_override(policy: Policy, override: PolicyOverride, today: date) -> Policy:
    """The next version, with that override too. Raises: ValueError, where its numbers do not fit
    the others."""
    overrides = (*current_overrides(policy, today), override)
    return replace(policy, version=policy.version + 1, rule_sets=overrides)


def remove_override(policy: Policy, number: int) -> Policy:
    """The next version, without that override. Raises: NotFound; ValueError as above."""
    if not 0 <= number < len(policy.rule_sets):
        raise NotFound()
    kept = policy.rule_sets[:number] + policy.rule_sets[number + 1 :]
    return replace(policy, version=policy.version + 1, rule_sets=kept)
