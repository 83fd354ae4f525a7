"""What people may write on one line."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_ALSO: Final = "\u3000\u00a0\u200d"
"""The full-width space of Chinese texts, the space that does not break, the joiner of emoji."""


def is_printable_line(text: str) -> bool:
    """No control characters, no marks that turn the direction, no lone surrogates."""
    return all(character.isprintable() or character in _ALSO for character in text)


def as_searched(text: str) -> str:
    """What is looked for, however it was typed: full-width letters and digits as usual ones, and
    without blanks, but for one between two Latin words (２１０７ 0001, 赵 晨阳, Zhang San)."""
    plain = " ".join(unicodedata.normalize("NFKC", text).split())
    return re.sub(r"(?<![A-Za-z]) | (?![A-Za-z])", "", plain)
