"""The HTML templates: the Jinja environment with its filters, and HTML of a template."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from handlers.http import presenting
from handlers.http.static_files import asset_url
from handlers.texts.labels import WEEKDAYS
from models.identity.roles import has_role
from models.kernel.time_range import to_local
from models.policy.entities import Policy

ENVIRONMENT: Final = Environment(
    loader=PackageLoader("handlers", "templates"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render_fragment(template: str, **facts: Any) -> str:
    """Some HTML of a page, which a template puts where it belongs."""
    return ENVIRONMENT.get_template(template).render(**facts)


def _day(when: date | datetime) -> str:
    """The day of an instant is the library's, whatever clock it is kept by."""
    d = to_local(when).date() if isinstance(when, datetime) else when
    return f"{d.month}月{d.day}日 周{WEEKDAYS[d.weekday()]}"


def _rules_summary(policy: Policy, day: date) -> str:
    """The line of rules above every page."""
    named = {*policy.areas, *(rules.area_id for rules in policy.rule_sets)}
    areas = [policy.resolve(area, day).max_minutes for area in named]
    policy = policy.resolve(None, day)
    stays = sorted({policy.max_minutes, *areas})
    longest = "–".join(f"{minutes / 60:g}" for minutes in dict.fromkeys((stays[0], stays[-1])))
    return (
        "有效预约的读者享有座位优先使用权 · "
        f"不同区域最长时间不同，一次最多 {longest} 小时 · "
        f"请在开始前 {policy.check_in_before_minutes} 分钟至开始后 "
        f"{policy.check_in_after_minutes} 分钟内扫码签到，否则记违约一次 · "
        "暂时离开请先暂离，提前离开请结束使用"
    )


ENVIRONMENT.globals |= {"asset": asset_url, "may": has_role}
ENVIRONMENT.filters |= {
    "rules_summary": _rules_summary,
    "local_day": lambda instant: f"{to_local(instant):%Y-%m-%d}",
    "weekday": lambda d: WEEKDAYS[d.weekday()],
    "clock": presenting.clock,
    "day": _day,
    "hours": lambda minutes: f"{minutes / 60:g} 小时",
}
