"""What people may write on one line, and how lines are put in order."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

_DIGITS: Final = frozenset("0123456789")
_ALSO: Final = "\u3000\u00a0\u200d"
"""The full-width space of Chinese texts, the space that does not break, the joiner of emoji."""
BYTE_ORDER_MARK: Final = "\ufeff"
"""Tells spreadsheets that a CSV file is UTF-8."""
UTF_8: Final = "utf-8"
GB18030: Final = "gb18030"
CP1252: Final = "cp1252"
ENCODINGS: Final = (UTF_8, GB18030, CP1252)
"""Those of files that people send; the last one is western Europe's."""
_FOREIGN: Final = re.compile(r"[^\x00-\x7f]+")
_WESTERN: Final = re.compile("[À-ÖØ-öø-ÿŒœŠšŽžŸ‘’“”„–—…«»°§€\u00a0]{1,2}")
"""What stands between ASCII in western European words: Chinese that is taken for them is longer, or
has signs."""
_BESIDE_LETTERS: Final = re.compile(r"(?<=[A-Za-z])[^\x00-\x7f]|[^\x00-\x7f](?=[a-z])")
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


@dataclass(frozen=True, slots=True)
class FileText:
    """The text of a file, and the encoding that it was read in."""

    text: str
    encoding: str


def text_of_file(data: bytes, encoding: str = "") -> FileText | None:
    """The text of a file that people send: in the encoding that they name, else UTF-8, with its
    mark or without, else what spreadsheets write in China or in western Europe. None where it is no
    text, and where it may as well be the one as the other."""
    if b"\0" in data:
        return None
    text = _decoded(data, encoding or UTF_8)
    if encoding or text is not None:
        return FileText(text, encoding or UTF_8) if text is not None else None
    chinese, western = _decoded(data, GB18030), _decoded(data, CP1252)
    if western is not None and all(_WESTERN.fullmatch(run) for run in _FOREIGN.findall(western)):
        # Größe is 鲞 in the one, and A区 is Çø in the other.
        doubtful = chinese is not None and _decoded(data, "gb2312") is not None
        return None if doubtful else FileText(western, CP1252)
    if chinese is None or any(map(_is_rare, _BESIDE_LETTERS.findall(chinese))):
        return None
    return FileText(chinese, GB18030)


def _is_rare(character: str) -> bool:
    """Another encoding's letter with its neighbour is mostly a character that few people write."""
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return True
    return False


def _decoded(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding).removeprefix(BYTE_ORDER_MARK)
    except UnicodeDecodeError:
        return None
