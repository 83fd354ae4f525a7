"""The HTML templates: the Jinja environment with its filters, and HTML of a template."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from handlers.http import presenting
from handlers.http.static_files import asset_url
from handlers.texts.labels import WEEKDAYS, day_text, hours_text, period_text
from handlers.texts.pages import PROOF_NUMBERS
from models.kernel.time_range import to_local
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


ENVIRONMENT.globals |= {"asset": asset_url}
ENVIRONMENT.filters |= {
    "local_day": lambda instant: f"{to_local(instant):%Y-%m-%d}",
    "weekday": lambda d: WEEKDAYS[d.weekday()],
    "days_later": lambda d, days: d + timedelta(days=days),
    "clock": presenting.clock,
    "clock_from": lambda instant, since: later_clock(since, instant),
    "day": _day,
    "hours": hours_text,
    "proof_number": lambda name: PROOF_NUMBERS.get(name, name),
    "period": period_text,
    "scan_by": SCAN_BY.__getitem__,
    "scan_short": SCAN_SHORT.__getitem__,
}
