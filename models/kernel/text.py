"""What people may write on one line, and how lines are put in order."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_DIGITS: Final = frozenset("0123456789")
_ALSO: Final = "\u3000\u00a0\u200d"
"""The full-width space of Chinese texts, the space that does not break, the joiner of emoji."""
BYTE_ORDER_MARK: Final = "\ufeff"
"""Tells spreadsheets that a CSV file is UTF-8."""
FORMULA_SIGNS: Final = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet calculates a cell that begins with one of them."""


def is_printable_line(text: str) -> bool:
    """No control characters, no marks that turn the direction, no lone surrogates."""
    return all(character.isprintable() or character in _ALSO for character in text)


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts as people count: A-2 before A-12, and a-2 beside A-2."""
    parts = re.findall(r"[0-9]+|[^0-9]+", text)
    counted = ((0, int(p), "") if p[0] in _DIGITS else (1, 0, p.casefold()) for p in parts)
    # Two that count alike (1, 01) have an order, too.
    return (*counted, (-1, len(text), text))


def as_searched(text: str) -> str:
    """What is looked for, however it was typed: full-width letters and digits as usual ones, and
    without blanks, but for one between two Latin words (２１０７ 0001, 赵 晨阳, Zhang San)."""
    plain = " ".join(unicodedata.normalize("NFKC", text).split())
    return re.sub(r"(?<![A-Za-z]) | (?![A-Za-z])", "", plain)


def text_of_file(data: bytes) -> str | None:
    """The text of a file that people send: UTF-8, with its mark or without, else what spreadsheets
    in China write. None where it is no text."""
    if b"\0" in data:
        return None
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding).removeprefix(BYTE_ORDER_MARK)
        except UnicodeDecodeError:
            continue
    return None
