from __future__ import annotations

from collections.abc import Callable, MutableMapping
from datetime import date, datetime, timedelta
from functools import lru_cache, partial
from typing import Any, Final

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from handlers.http import presenting
from handlers.http.static_files import asset_url
from handlers.http.translated_templates import Translated
from handlers.texts.labels import WEEKDAYS, day_text, hours_text, period_text
from handlers.texts.opening import hours_of_day_text
from handlers.texts.pages import PROOF_NUMBERS, seat_no_text
from languages.catalogue import CHINESE, LANGUAGES
from languages.text import Language, Text, month_text, short_day_text
from models.kernel.zone import Zone
from models.library.names import Named, name_in
from notify.templates.rendering import SCAN_BY, SCAN_SHORT
from notify.templates.room_reminder import ROOM_SCAN_BY


class _Templates(Environment):
    """Templates without globals of their own. Those of jinja2 search theirs in two dictionaries
    one after the other, in Python, for each template and each import of a page."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return super().make_globals(d) if d else self.globals


def _environment(language: Language, finalize: Callable[[Any], Any] | None = None) -> Environment:
    environment = _Templates(
        loader=PackageLoader("handlers", "templates"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalize,
        # A page has up to a dozen templates; checking a file for changes takes a system call.
        auto_reload=False,
        extensions=[Translated],
    )
    environment.language = language  # type: ignore[attr-defined]
    return environment


_ENVIRONMENTS: Final = {
    language: _environment(language, None if language is CHINESE else language.say)
    for language in LANGUAGES.values()
}


@lru_cache(maxsize=64)  # a new one compiles its templates anew
def environment_of(language: Language, zone: Zone) -> Environment:
    """The templates in the language, with filters that show the zone's clock."""
    templates = _ENVIRONMENTS[language]
    local = templates.overlay()
    local.filters = templates.filters | {
        "local_day": lambda instant: f"{zone.local(instant):%Y-%m-%d}",
        "clock": partial(presenting.clock, zone),
        "clock_from": lambda instant, since: presenting.later_clock(zone, since, instant),
        "day": partial(_day, zone),
        "hours_of_day": partial(hours_of_day_text, zone),
    }
    return local


def render_fragment(template: str, zone: Zone, language: Language = CHINESE, **facts: Any) -> str:
    return environment_of(language, zone).get_template(template).render(**facts)


def _day(zone: Zone, when: date | datetime) -> str:
    """The day as text. An instant's day is taken in the library's time zone."""
    return day_text(zone.local(when).date() if isinstance(when, datetime) else when)


def _json(language: Language, value: Any) -> str:
    """The value as JSON for a page's script, with its texts in the language."""
    return msgspec.json.encode(value, enc_hook=language.say).decode()


def _name(language: Language, place: Named) -> str:
    return name_in(place, language.tag)


def _hyphenated(language: Language, name: Text | str) -> str:
    return presenting.hyphenated(language.say(name))


def _others(language: Language) -> list[Language]:
    return [other for other in LANGUAGES.values() if other is not language]


for _language, _one in _ENVIRONMENTS.items():
    _one.tests["long_worded"] = presenting.is_long_worded
    _one.globals |= {
        "asset": partial(asset_url, language=_language),
        "lang": _language.html,
        "language": _language.tag,
        "locale": str(_language.locale).replace("_", "-"),
        "plural_form": _language.plural_form,
        "other_languages": _others(_language),
    }
    _one.filters |= {
        "weekday": lambda d: WEEKDAYS[d.weekday()],
        "near_day": lambda label: label.facts["near"],
        "days_later": lambda d, days: d + timedelta(days=days),
        "short_day": short_day_text,
        "month": month_text,
        "hours": hours_text,
        "proof_number": lambda name: PROOF_NUMBERS.get(name, name),
        "period": period_text,
        "place": lambda seat: seat.label,
        "name": partial(_name, _language),
        "hyphenated": partial(_hyphenated, _language),
        "area_place": lambda area, catalog: catalog.full_name(area),
        "area_name": lambda area, catalog: catalog.area_name(area),
        "area_of_seat": presenting.area_of_seat,
        "seat_name": lambda area, no, catalog: catalog.seat_name(area, no),
        "seat_no": seat_no_text,
        "scan_by": SCAN_BY.__getitem__,
        "scan_short": SCAN_SHORT.__getitem__,
        "room_scan_by": ROOM_SCAN_BY.__getitem__,
        "json": partial(_json, _language),
    }
