"""The HTML templates: the Jinja environment with its filters, and HTML of a template."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from handlers.http import presenting
from handlers.http.static_files import asset_url
from handlers.texts.labels import WEEKDAYS, day_text, hours_text, period_text
from handlers.texts.pages import PROOF_NUMBERS, RULES_SUMMARY
from models.kernel.time_range import to_local
from models.policy.entities import Policy
from notify.templates.rendering import SCAN_BY, SCAN_SHORT, later_clock

ENVIRONMENT: Final = Environment(
    loader=PackageLoader("handlers", "templates"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    # A page has up to a dozen templates; each look whether its file has changed is a system call.
    auto_reload=False,
)


def render_fragment(template: str, **facts: Any) -> str:
    """Some HTML of a page, which a template puts where it belongs."""
    return ENVIRONMENT.get_template(template).render(**facts)


def _day(when: date | datetime) -> str:
    """The day of an instant is the library's, whatever clock it is kept by."""
    return day_text(to_local(when).date() if isinstance(when, datetime) else when)


class _RulesSummary:
    """The line of rules above every page, kept while policy and day are the same."""

    def __init__(self) -> None:
        self._policy: Policy | None = None
        self._day = date.min
        self._text = ""

    def __call__(self, policy: Policy, day: date) -> str:
        # A policy is replaced, never changed.
        if policy is not self._policy or day != self._day:
            self._policy, self._day, self._text = policy, day, _rules_summary(policy, day)
        return self._text


def _rules_summary(policy: Policy, day: date) -> str:
    named = {*policy.areas, *(rules.area_id for rules in policy.rule_sets)}
    areas = [policy.resolve(area, day).max_minutes for area in named]
    policy = policy.resolve(None, day)
    stays = sorted({policy.max_minutes, *areas})
    longest = "–".join(f"{minutes / 60:g}" for minutes in dict.fromkeys((stays[0], stays[-1])))
    return RULES_SUMMARY.format(
        longest=longest,
        before=policy.check_in_before_minutes,
        after=policy.check_in_after_minutes,
    )


ENVIRONMENT.globals |= {"asset": asset_url}
ENVIRONMENT.filters |= {
    "rules_summary": _RulesSummary(),
    "local_day": lambda instant: f"{to_local(instant):%Y-%m-%d}",
    "weekday": lambda d: WEEKDAYS[d.weekday()],
    "clock": presenting.clock,
    "clock_from": lambda instant, since: later_clock(since, instant),
    "day": _day,
    "hours": hours_text,
    "proof_number": lambda name: PROOF_NUMBERS.get(name, name),
    "period": period_text,
    "scan_by": SCAN_BY.__getitem__,
    "scan_short": SCAN_SHORT.__getitem__,
}
