"""TODO docstring."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from handlers.texts.labels import WEEKDAYS
from models.kernel.time_range import to_local

_PAGES: Final = Environment(
    loader=PackageLoader("handlers", "templates"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _day(when: date | datetime) -> str:
    """The day of an instant is the library's, whatever clock it is kept by."""
    d = to_local(when).date() if isinstance(when, datetime) else when
    return f"{d.month}月{d.day}日 周{WEEKDAYS[d.weekday()]}"
