"""TODO docstring."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import time, timedelta
from typing import Any, Final

from handlers.http.pages import PageRequest
from handlers.staff.form_fields import clock_of, day_of
from handlers.staff.policy import _differences, _explain, _set_words
from handlers.texts.labels import NUMBER_TEXT
from models.kernel.errors import InvalidRequest, NotFound
from models.kernel.text import is_printable_line
from models.kernel.time_range import local_date
from models.library.entities import AreaId
from models.policy.entities import (
    AREA_OVERRIDABLE,
    DATE_OVERRIDABLE,
    FARTHEST_HORIZON,
    Policy,
    PolicyOverride,
)
from models.policy_preview import service as policy_preview_service

LONGEST_NAME: Final = 20
_FARTHEST: Final = timedelta(days=730)
MOST_SETS: Final = 50
BOUNDS: Final[Mapping[str, tuple[int, int]]] = {
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
"""Smallest and largest. What lies outside is a slip of the fingers, not a rule."""
SWITCHES: Final = {
    "away_timeout_is_violation": "暂离超时记违约",
    "accessible_only": "无障碍座位只供登记的读者",
    "filter_by_window": "读者可按靠窗筛选",
    "filter_by_power": "读者可按电源筛选",
}
REFUSALS: Final = {
    "closed": "未开放",
    "outside_horizon": "预约过早",
    "not_open_yet": "未到放号时间",
    "in_the_past": "已过时间",
    "off_grid": "不在整点或步长上",
    "too_short": "时间太短",
    "too_long": "时间太长",
    "daily_limit": "超过每天次数",
}
OWN: Final = [name for name in NUMBER_TEXT if name in AREA_OVERRIDABLE]
"""The numbers that an area can have of its own, in the order of the page."""
OF_DAYS: Final = [name for name in NUMBER_TEXT if name in DATE_OVERRIDABLE]


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """The next version of the rules, and in words what is new in it. ``compared`` are the rules
    that the last week is judged by: what is for other days is thought to be for these."""

    policy: Policy
    said: list[str]
    compared: tuple[Policy, Policy]


def _next(visit: PageRequest, typed: Mapping[str, str]) -> PolicyChange:
    """Raises: InvalidRequest, NotFound."""
    deed = _DEEDS.get(typed.get("deed", ""))
    if deed is None:
        raise NotFound()
    try:
        return deed(visit, typed)
    except ValueError as error:
        # Each number alone is sound; together they are not, somewhere.
        raise InvalidRequest("max_minutes", f"这些数字不能同时成立：{_explain(error)}") from error


# --- all numbers ----------------------------------------------------------------------------------
def _typed_of(policy: Policy) -> dict[str, str]:
    """The policy as the form's fields show it."""
    fields = {name: str(getattr(policy, name)) for name in NUMBER_TEXT}
    fields |= {name: "on" if getattr(policy, name) else "" for name in SWITCHES}
    fields["booking_opens_at"] = (
        f"{policy.booking_opens_at:%H:%M}" if policy.booking_opens_at else ""
    )
    fields["meal_times"] = "，".join(f"{a:%H:%M}-{b:%H:%M}" for a, b in policy.meal_times)
    for area, numbers in policy.areas.items():
        fields |= {f"{name}@{area}": str(n) for name, n in numbers.items()}
    return fields


def _numbers(visit: PageRequest, typed: Mapping[str, str]) -> PolicyChange:
    """All of the form's fields, in the place of what stands."""
    policy = visit.services.desk.policy
    new: dict[str, Any] = {name: _number(name, typed.get(name, "")) for name in NUMBER_TEXT}
    new |= {name: typed.get(name) == "on" for name in SWITCHES}
    new["booking_opens_at"] = (
        clock_of(typed["booking_opens_at"], "booking_opens_at")
        if typed.get("booking_opens_at")
        else None
    )
    new["meal_times"] = _meals(typed.get("meal_times", ""))
    areas: dict[AreaId, Mapping[str, int]] = {}
    for area in visit.services.desk.library.areas.values():
        own = {name: typed.get(f"{name}@{area.id}", "") for name in OWN}
        numbers = {name: _number(name, text) for name, text in own.items() if text}
        if numbers:
            areas[area.id] = numbers
    found = replace(policy, version=policy.version + 1, areas=areas, **new)
    return PolicyChange(found, _differences(visit, policy, found), (policy, found))


def _name_of(visit: PageRequest, field: str) -> str:
    name, _, area_id = field.partition("@")
    words = {"booking_opens_at": "放号时间", "meal_times": "用餐时间", **SWITCHES}
    words |= {number: text for number, (text, _) in NUMBER_TEXT.items()}
    if not area_id:
        return words[name]
    area = visit.services.desk.library.areas.get(AreaId(area_id))
    return f"{area.name if area is not None else area_id} {words[name]}"


def _spoken(field: str, text: str) -> str:
    name = field.partition("@")[0]
    if name in SWITCHES:
        return "是" if text else "否"
    unit = NUMBER_TEXT[name][1] if name in NUMBER_TEXT else ""
    usual = "同全馆" if "@" in field else "不限"
    return f"{text} {unit}".strip() if text else usual


def _number(name: str, text: str) -> int:
    least, most = BOUNDS[name]
    words, unit = NUMBER_TEXT[name]
    if not re.fullmatch(r"[0-9]{1,4}", text) or not least <= int(text) <= most:
        raise InvalidRequest(name, f"{words}应为 {least}–{most} {unit}")
    return int(text)


def _meals(text: str) -> tuple[tuple[time, time], ...]:
    """11:00-13:00，17:00-19:00"""
    found = []
    for span in re.split(r"[,，、;；\s]+", text):
        if not span:
            continue
        begin, dash, end = re.sub(r"[–—至~～]", "-", span).partition("-")
        if not dash or clock_of(begin, "meal_times") >= clock_of(end, "meal_times"):
            raise InvalidRequest("meal_times", f"“{span}”不是一段时间，例如 11:00-13:00")
        found.append((time.fromisoformat(begin), time.fromisoformat(end)))
    if len(found) > 6:
        raise InvalidRequest("meal_times", "用餐时间最多 6 段")
    return tuple(found)


def _add_set(visit: PageRequest, typed: Mapping[str, str]) -> PolicyChange:
    policy, library = visit.services.desk.policy, visit.services.desk.library
    # Those that are over have fallen back: older versions know them.
    standing = tuple(r for r in policy.rule_sets if r.last >= local_date(visit.now))
    if len(standing) >= MOST_SETS:
        raise InvalidRequest("name", f"最多 {MOST_SETS} 段时间的规则，请先删除不需要的")
    name = typed.get("name", "")
    if not 0 < len(name) <= LONGEST_NAME or not is_printable_line(name):
        raise InvalidRequest("name", f"名称为 1–{LONGEST_NAME} 字，读者可见")
    first, last = (day_of(typed.get(name, ""), name) for name in ("first", "last"))
    today = local_date(visit.now)
    if not today <= last or not first <= last <= today + _FARTHEST:
        raise InvalidRequest("last", "请填写从今天起两年以内的日期，结束不早于开始")
    area_id = AreaId(typed["area"]) if typed.get("area") else None
    if area_id is not None and area_id not in library.areas:
        raise InvalidRequest("area", "请选择范围")
    numbers = {
        name: _number(name, typed[f"set.{name}"]) for name in OF_DAYS if typed.get(f"set.{name}")
    }
    if not numbers:
        raise InvalidRequest("numbers", "请至少填写一个数字")
    if area_id is not None and (whole := set(numbers) - AREA_OVERRIDABLE):
        words = "、".join(NUMBER_TEXT[n][0] for n in OF_DAYS if n in whole)
        raise InvalidRequest("area", f"{words}只能对全馆规定")
    rules = PolicyOverride(name, first, last, numbers, area_id)
    new = replace(policy, version=policy.version + 1, rule_sets=(*standing, rules))
    then = replace(new, rule_sets=(*standing, _shift_to_preview_days(visit, rules)))
    return PolicyChange(new, [f"新增“{name}”：{_set_words(visit, rules)}"], (policy, then))


def _shift_to_preview_days(visit: PageRequest, rules: PolicyOverride) -> PolicyOverride:
    """The same numbers for the days that are compared."""
    today = local_date(visit.now)
    return replace(rules, first=today - timedelta(days=policy_preview_service.DAYS), last=today)


def _remove_set(visit: PageRequest, typed: Mapping[str, str]) -> PolicyChange:
    policy, number = visit.services.desk.policy, typed.get("number", "")
    if not re.fullmatch(r"[0-9]{1,4}", number) or int(number) >= len(policy.rule_sets):
        raise NotFound()
    gone = policy.rule_sets[int(number)]
    kept = tuple(r for n, r in enumerate(policy.rule_sets) if n != int(number))
    new = replace(policy, version=policy.version + 1, rule_sets=kept)
    today = replace(policy, rule_sets=(*kept, _shift_to_preview_days(visit, gone)))
    return PolicyChange(new, [f"删除“{gone.name}”：{_set_words(visit, gone)}"], (today, new))


_DEEDS: Final[Mapping[str, Callable[[PageRequest, Mapping[str, str]], PolicyChange]]] = {
    "numbers": _numbers,
    "add": _add_set,
    "remove": _remove_set,
}
