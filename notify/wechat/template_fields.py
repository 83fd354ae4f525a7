"""Writes values of subscribe templates in the forms of WeChat's field types (parameter table of
``message/subscribe/send``). WeChat refuses a whole message (47003) if one value breaks its type's
rule.

A template's keys, such as ``thing1``, are a field type and a number. They come from WeChat's
console: they are configuration, never code. In length limits every code point of an emoji counts,
since WeChat documents no rule.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from models.kernel.time_range import TimeRange
from models.readers.entities import FOREVER

_NOTHING: Final = "无"
_NO_END: Final = "长期"
"""The text for ``FOREVER``. A ``time`` field cannot hold a text and shows the year 9999."""
_HAN: Final = re.compile(r"[\u4e00-\u9fff]")
_NOT_HAN: Final = re.compile(r"[^\u4e00-\u9fff]")
# A clock time, a day, or both, alone or as a range.
_CLOCK: Final = r"([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?"
_DAY: Final = r"[0-9]{4}(年[0-9]{1,2}月[0-9]{1,2}日|[-/.][0-9]{1,2}[-/.][0-9]{1,2})"
_TIME: Final = re.compile(rf"({_DAY} )?{_CLOCK}(~({_DAY} )?{_CLOCK})?")
_DATE: Final = re.compile(rf"{_DAY}( {_CLOCK})?(~{_DAY}( {_CLOCK})?)?")
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_AMOUNT: Final = re.compile(r"[¥￥$€£]?[0-9]{1,10}(\.[0-9]{1,2})?元?")


def format_value(kind: str, value: object) -> str:
    """Returns ``value`` in the form of WeChat's field type ``kind`` (``thing``, ``time`` …).
    Text is cleaned and cut; an empty one becomes 无 (or what the type allows instead). Datetimes
    and ``TimeRange``s must be local times; durations are as hours and minutes. Raises:
    ValueError for an unknown type, a naive datetime, or a fact of the wrong kind."""
    write = FIELD_KINDS.get(kind)
    if write is None:
        raise ValueError(f"unknown field type {kind!r}")
    return write(value)


def _clean(text: str) -> str:
    """The text in Unicode NFC on one line, with single spaces and without invisible characters."""
    # C*: control, format, surrogate, private, unassigned; Z*: spaces and line separators.
    visible = "".join(
        " " if char.isspace() else char
        for char in text
        if char.isspace() or unicodedata.category(char)[0] != "C"
    )
    return unicodedata.normalize("NFC", " ".join(visible.split()))


def _text(value: object) -> str:
    if isinstance(value, TimeRange):
        start, end = _shown(value.start), _shown(value.end)
        if start.date() == end.date():
            return f"{start.month}月{start.day}日 {start:%H:%M}~{end:%H:%M}"
        return f"{start.month}月{start.day}日 {start:%H:%M}~{end.month}月{end.day}日 {end:%H:%M}"
    if isinstance(value, datetime):
        return _NO_END if value == FOREVER else _instant(value)
    if isinstance(value, timedelta):
        hours, minutes = _hours(value)
        return f"{hours}小时{minutes}分钟" if hours else f"{minutes}分钟"
    return _clean("" if value is None else str(value))


def _instant(value: datetime) -> str:
    there = _shown(value)
    return f"{there.year:04}年{there.month}月{there.day}日 {there:%H:%M}"


def _shown(value: datetime) -> datetime:
    """The local time. Raises: ValueError for UTC, which nobody has converted, and a naive one."""
    if value.tzinfo is None or value.tzinfo is UTC:
        raise ValueError("a template needs the library's local time")
    return value


def _hours(value: timedelta) -> tuple[int, int]:
    return divmod(max(0, int(value.total_seconds())) // 60, 60)


def _thing(value: object) -> str:
    text = _text(value)
    if len(text) > 20:
        text = text[:19].rstrip() + "…"
    return text or _NOTHING


def _ascii(value: object) -> str:
    """The digits, letters and symbols of the value, without spaces and Chinese characters."""
    if isinstance(value, TimeRange):
        start, end = _shown(value.start), _shown(value.end)
        return f"{start:%m-%d/%H:%M}~{end:%m-%d/%H:%M}"
    if isinstance(value, datetime):
        return _shown(value).strftime("%Y-%m-%d/%H:%M")
    if isinstance(value, timedelta):
        hours, minutes = _hours(value)
        return f"{hours}h{minutes:02}m"
    return re.sub(r"[^!-~]", "", _text(value))


def _character_string(value: object) -> str:
    return _ascii(value)[:32] or "-"


def _letter(value: object) -> str:
    return re.sub(r"[^A-Za-z]", "", _ascii(value))[:32] or "N"


def _symbol(value: object) -> str:
    return re.sub(r"[0-9A-Za-z]", "", _ascii(value))[:5] or "-"


def _phone_number(value: object) -> str:
    return re.sub(r"[^0-9+() -]", "", _ascii(value))[:17] or "0"


def _phrase(value: object) -> str:
    return _NOT_HAN.sub("", _text(value))[:5] or _NOTHING


def _name(value: object) -> str:
    """The value's letters and symbols, cut to 20 characters; to 10 if any of them is Chinese."""
    text = "".join(char for char in _text(value) if not char.isnumeric())
    text = "".join(char for char in text if char.isascii() or _HAN.match(char) or char in "·（）")
    return " ".join(text.split())[: 20 if text.isascii() else 10].strip() or _NOTHING


def _car_number(value: object) -> str:
    """The letters and digits of the value; its first and last character may be Chinese."""
    chars = re.sub(r"[^0-9A-Za-z\u4e00-\u9fff]", "", _text(value))[:8]
    last = len(chars) - 1
    allowed = (char for at, char in enumerate(chars) if char.isascii() or at in (0, last))
    return "".join(allowed) or _NOTHING


def _enum(value: object) -> str:
    return _text(value) or _NOTHING


def _matching(pattern: re.Pattern[str], kind: str, longest: int) -> Callable[[object], str]:
    def write(value: object) -> str:
        text = _clean(str(value))
        if pattern.fullmatch(text) is None or len(text) > longest:
            raise ValueError(f"not a value for a {kind} field: {text[:40]!r}")
        return text

    return write


def _moments(pattern: re.Pattern[str], kind: str) -> Callable[[object], str]:
    check = _matching(pattern, kind, 64)

    def write(value: object) -> str:
        if isinstance(value, TimeRange):
            return f"{_instant(value.start)}~{_instant(value.end)}"
        return _instant(value) if isinstance(value, datetime) else check(value)

    return write


FIELD_KINDS: Final[Mapping[str, Callable[[object], str]]] = {
    "thing": _thing,
    "number": _matching(_NUMBER, "number", 32),
    "letter": _letter,
    "symbol": _symbol,
    "character_string": _character_string,
    "time": _moments(_TIME, "time"),
    "date": _moments(_DATE, "date"),
    "amount": _matching(_AMOUNT, "amount", 13),
    "phone_number": _phone_number,
    "car_number": _car_number,
    "name": _name,
    "phrase": _phrase,
    "enum": _enum,
}
