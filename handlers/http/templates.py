from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import lru_cache, partial
from typing import Any, Final

from jinja2 import (
    BaseLoader,
    DictLoader,
    Environment,
    PackageLoader,
    StrictUndefined,
    select_autoescape,
)
from markupsafe import escape

from handlers.http import presenting
from handlers.http.language import Language
from handlers.http.static_files import asset_url, english_asset_url
from handlers.texts import english
from handlers.texts.english import template_in_english, value_in_english
from handlers.texts.labels import WEEKDAYS, day_text, hours_text, period_text
from handlers.texts.opening import hours_of_day_text
from handlers.texts.pages import PROOF_NUMBERS
from models.kernel.zone import Zone
from notify.templates.rendering import SCAN_BY, SCAN_SHORT

_CHINESE_ONLY: Final = ("staff/", "kiosks/", "display/", "http/api_docs.html")
"""Prefixes of Chinese-only templates: pages for staff, kiosks and displays, and the API's docs."""


def has_english(template: str) -> bool:
    """True if the template is for readers' browsers, which may prefer English."""
    return not template.startswith(_CHINESE_ONLY)


def _environment(loader: BaseLoader, finalize: Callable[[Any], Any] | None = None) -> Environment:
    return Environment(
        loader=loader,
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalize,
        # A page has up to a dozen templates; checking a file for changes takes a system call.
        auto_reload=False,
    )


_CHINESE_LOADER: Final = PackageLoader("handlers", "templates")
ENVIRONMENT: Final = _environment(_CHINESE_LOADER)


def _in_english() -> DictLoader:
    """All readers' templates in English. Raises: NoEnglish if a text's translation is missing."""
    names = filter(has_english, ENVIRONMENT.list_templates())
    sources = {name: _CHINESE_LOADER.get_source(ENVIRONMENT, name)[0] for name in names}
    return DictLoader({name: template_in_english(source, name) for name, source in sources.items()})


_ENGLISH: Final = _environment(_in_english(), value_in_english)


@lru_cache(maxsize=8)
def environment_of(language: Language, zone: Zone) -> Environment:
    """The templates in the language, with filters that show the zone's clock."""
    templates = _ENGLISH if language is Language.ENGLISH else ENVIRONMENT
    local = templates.overlay()
    local.filters = templates.filters | {
        "local_day": lambda instant: f"{zone.local(instant):%Y-%m-%d}",
        "clock": partial(presenting.clock, zone),
        "clock_from": lambda instant, since: presenting.later_clock(zone, since, instant),
        "day": partial(_day, zone),
        "hours_of_day": partial(hours_of_day_text, zone),
    }
    return local


def render_fragment(
    template: str, zone: Zone, language: Language = Language.CHINESE, **facts: Any
) -> str:
    return environment_of(language, zone).get_template(template).render(**facts)


def _day(zone: Zone, when: date | datetime) -> str:
    """The day as text. An instant's day is taken in the library's time zone."""
    return day_text(zone.local(when).date() if isinstance(when, datetime) else when)


for _one in (ENVIRONMENT, _ENGLISH):
    _one.globals |= {"asset": asset_url, "lang": "zh-CN", "other": english.ENGLISH_NAME}
    _one.filters |= {
        "weekday": lambda d: WEEKDAYS[d.weekday()],
        "days_later": lambda d, days: d + timedelta(days=days),
        "hours": hours_text,
        "proof_number": lambda name: PROOF_NUMBERS.get(name, name),
        "period": period_text,
        "place": lambda seat: seat.label,
        "area_place": lambda area: area.full_name,
        "scan_by": SCAN_BY.__getitem__,
        "scan_short": SCAN_SHORT.__getitem__,
        "as_written": lambda text: text,
        "as_event": str,
        "as_state": str,
    }
_ENGLISH.globals |= {"asset": english_asset_url, "lang": "en", "other": english.CHINESE_NAME}
_ENGLISH.filters |= {
    "weekday": lambda d: english.WEEKDAYS[d.weekday()],
    "near_day": english.near_day,
    "place": lambda s: escape(english.place(s.venue, s.floor, s.area, s.no) or s.label),
    "area_place": lambda area: escape(english.area_place(area.floor, area.name)),
    "as_written": escape,  # finalize leaves markup alone
    "as_event": partial(value_in_english, context="event"),
    "as_state": partial(value_in_english, context="state"),
}
