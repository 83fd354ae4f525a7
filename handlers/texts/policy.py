"""Values of the policy in words: numbers with their units, switches and times."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Any, Final

from handlers.texts.console_labels import POLICY_TIME_TEXT, SWITCH_TEXT, UNLIMITED, YES_NO
from handlers.texts.labels import NUMBER_TEXT

_NO_MEAL_TIMES: Final = "无"


def values_text(values: Mapping[str, Any]) -> list[str]:
    """What a policy override says, one line for each value: 单次最长时长 120 分钟."""
    return [_value_text(name, value) for name, value in values.items()]


def _value_text(name: str, value: Any) -> str:
    if name in NUMBER_TEXT:
        words, unit = NUMBER_TEXT[name]
        return f"{words} {value} {unit}"
    if name in SWITCH_TEXT:
        return f"{SWITCH_TEXT[name]}：{YES_NO[value]}"
    if name == "meal_times":
        return f"{POLICY_TIME_TEXT[name]} {meal_times_text(value) or _NO_MEAL_TIMES}"
    return f"{POLICY_TIME_TEXT[name]} {f'{value:%H:%M}' if value else UNLIMITED}"


def meal_times_text(spans: tuple[tuple[time, time], ...]) -> str:
    """Meal times as they are typed: 11:00-13:00，17:00-19:00."""
    return "，".join(f"{a:%H:%M}-{b:%H:%M}" for a, b in spans)
