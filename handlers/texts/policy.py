from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Any, Final

from handlers.texts.console_labels import (
    AS_WHOLE_LIBRARY,
    POLICY_TIME_TEXT,
    SWITCH_TEXT,
    UNLIMITED,
    YES_NO,
)
from handlers.texts.labels import NUMBER_TEXT
from languages.text import _, joined
from models.policy.differences import FOLLOWS

VALUES: Final = (*NUMBER_TEXT, *SWITCH_TEXT, *POLICY_TIME_TEXT)
"""The names of all values of the policy, in the order of the page."""
_NO_MEAL_TIMES: Final = _("无")


def values_text(values: Mapping[str, Any]) -> list[str]:
    """The values of a policy override, one line each: 单次最长时长 120 分钟."""
    return [
        (_("{name}：{value}") if name in SWITCH_TEXT else _("{name} {value}")).format(
            name=value_name(name), value=value_text(name, value)
        )
        for name, value in values.items()
    ]


def value_name(name: str) -> str:
    if name in NUMBER_TEXT:
        return NUMBER_TEXT[name][0]
    return SWITCH_TEXT[name] if name in SWITCH_TEXT else POLICY_TIME_TEXT[name]


def value_text(name: str, value: Any) -> str:
    """A value of the policy with its unit: 120 分钟, 是, 07:00, or 同全馆 for ``FOLLOWS``."""
    if value == FOLLOWS:
        return AS_WHOLE_LIBRARY
    if name in NUMBER_TEXT:
        return _("{number} {unit}", number=value, unit=NUMBER_TEXT[name][1])
    if name in SWITCH_TEXT:
        return YES_NO[value]
    if name == "meal_times":
        return meal_times_text(value) or _NO_MEAL_TIMES
    return f"{value:%H:%M}" if value else UNLIMITED


def meal_times_text(spans: tuple[tuple[time, time], ...]) -> str:
    """Meal times in the format of the form: 11:00-13:00，17:00-19:00."""
    return joined((f"{a:%H:%M}-{b:%H:%M}" for a, b in spans), "，")
