from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
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
from handlers.texts.pages import PROOF_NUMBERS, floor_text, seat_no_text
from models.kernel.time_range import to_local
from models.library.names import floor_label, name_in, number_label, spaced
from notify.templates.rendering import SCAN_BY, SCAN_SHORT, later_clock

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


def environment_of(language: Language) -> Environment:
    return _ENGLISH if language is Language.ENGLISH else ENVIRONMENT


def render_fragment(template: str, language: Language = Language.CHINESE, **facts: Any) -> str:
    return environment_of(language).get_template(template).render(**facts)


def _day(when: date | datetime) -> str:
    """The day as text. An instant's day is taken in the library's time zone."""
    return day_text(to_local(when).date() if isinstance(when, datetime) else when)


for _one in (ENVIRONMENT, _ENGLISH):
    _one.globals |= {"asset": asset_url, "lang": "zh-CN", "other": english.ENGLISH_NAME}
    _one.filters |= {
        "local_day": lambda instant: f"{to_local(instant):%Y-%m-%d}",
        "weekday": lambda d: WEEKDAYS[d.weekday()],
        "days_later": lambda d, days: d + timedelta(days=days),
        "clock": presenting.clock,
        "clock_from": lambda instant, since: later_clock(since, instant),
        "day": _day,
        "hours": hours_text,
        "hours_of_day": hours_of_day_text,
        "proof_number": lambda name: PROOF_NUMBERS.get(name, name),
        "period": period_text,
        "place": lambda seat: seat.label,
        "name": lambda place: name_in(place, Language.CHINESE),
        "floor": floor_text,
        "area_place": lambda area, catalog: catalog.full_name(area),
        "area_name": lambda area, catalog: catalog.area_name(area),
        "seat_no": seat_no_text,
        "seat_place": lambda area, no, catalog: f"{catalog.full_name(area)} {seat_no_text(no)}",
        "floor_label": floor_label,
        "scan_by": SCAN_BY.__getitem__,
        "scan_short": SCAN_SHORT.__getitem__,
        "as_written": lambda text: text,
        "as_event": str,
        "as_state": str,
    }
_EN: Final = Language.ENGLISH
_ENGLISH.globals |= {"asset": english_asset_url, "lang": "en", "other": english.CHINESE_NAME}
_ENGLISH.filters |= {
    "weekday": lambda d: english.WEEKDAYS[d.weekday()],
    "near_day": english.near_day,
    "place": lambda seat: escape(seat.labels.get(_EN, seat.label)),
    "name": lambda place: escape(name_in(place, _EN)),
    "floor": lambda floor: escape(floor_label(floor, _EN)),
    "area_place": lambda area, catalog: escape(catalog.full_name(area, _EN)),
    "area_name": lambda area, catalog: escape(catalog.area_name(area, _EN)),
    "seat_no": lambda no: escape(english.sentence_case(number_label(no, _EN))),
    "seat_place": lambda area, no, catalog: escape(
        spaced([catalog.full_name(area, _EN), number_label(no, _EN)], _EN)
    ),
    "as_written": escape,  # finalize leaves markup alone
    "as_event": partial(value_in_english, context="event"),
    "as_state": partial(value_in_english, context="state"),
}
