"""Rules for one-line texts, for sorting and search, and for encodings of uploaded text files."""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

_DIGITS: Final = frozenset("0123456789")
_ALSO: Final = "\u3000\u00a0\u200d"
"""Allowed in a one-line text though unprintable: full-width and no-break space, emoji joiner."""
BYTE_ORDER_MARK: Final = "\ufeff"
"""The character at the start of a CSV file by which spreadsheets recognise UTF-8."""
UTF_8: Final = "utf-8"
GB18030: Final = "gb18030"
CP1252: Final = "cp1252"
UTF_16: Final = "utf-16"
ENCODINGS: Final = (UTF_8, GB18030, CP1252, UTF_16)
"""Encodings accepted in uploads. CP1252 is the western European one, which includes Latin-1; Excel
writes UTF_16 as "Unicode Text"."""
_FOREIGN: Final = re.compile(r"[^\x00-\x7f]+")
_WESTERN: Final = re.compile("[À-ÖØ-öø-ÿŒœŠšŽžŸ‘’“”„–—…«»°§€\u00a0]{1,2}")
"""A text is taken for CP1252 only if each run of non-ASCII characters matches: one or two, as in
western European words. Chinese misread as CP1252 has longer runs or other characters."""
_BESIDE_LETTERS: Final = re.compile(r"(?<=[A-Za-z])[^\x00-\x7f]|[^\x00-\x7f](?=[a-z])")
FORMULA_SIGNS: Final = ("=", "+", "-", "@", "\t", "\r")
"""First characters that make a spreadsheet evaluate a cell as a formula."""


def is_printable_line(text: str) -> bool:
    """True if the text has no control characters, direction marks or lone surrogates."""
    return all(character.isprintable() or character in _ALSO for character in text)


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key that orders numbers by value: A-2 before A-12, and a-2 next to A-2."""
    parts = re.findall(r"[0-9]+|[^0-9]+", text)
    counted = ((0, int(p), "") if p[0] in _DIGITS else (1, 0, p.casefold()) for p in parts)
    # A tie (1, 01) is broken by length and text.
    return (*counted, (-1, len(text), text))


def as_searched(text: str) -> str:
    """The text normalised for search: full-width characters become ASCII, and blanks are removed
    except between Latin words (２１０７ 0001, 赵 晨阳, Zhang San)."""
    plain = " ".join(unicodedata.normalize("NFKC", text).split())
    return re.sub(r"(?<![A-Za-z]) | (?![A-Za-z])", "", plain)


@dataclass(frozen=True, slots=True)
class FileText:
    text: str
    encoding: str


def text_of_file(data: bytes, encoding: str = "") -> FileText | None:
    """Decodes an uploaded text file. Without ``encoding``, tries UTF-16 by its mark, UTF-8, then
    GB18030 and CP1252, which spreadsheets write in China and western Europe. None if the file is
    not text or the encoding is ambiguous."""
    if not encoding and data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = UTF_16
    text = _decoded(data, encoding or UTF_8)
    if encoding or text is not None:
        return FileText(text, encoding or UTF_8) if text is not None else None
    chinese, western = _decoded(data, GB18030), _decoded(data, CP1252)
    if western is not None and all(_WESTERN.fullmatch(run) for run in _FOREIGN.findall(western)):
        # The bytes of Größe are 鲞 in GB18030, and those of A区 are Çø in CP1252.
        doubtful = chinese is not None and _decoded(data, "gb2312") is not None
        return None if doubtful else FileText(western, CP1252)
    if chinese is None or any(map(_is_rare, _BESIDE_LETTERS.findall(chinese))):
        return None
    return FileText(chinese, GB18030)


def _is_rare(character: str) -> bool:
    """True for characters outside GB2312: western letters misread as GB18030 mostly become such."""
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return True
    return False


def _decoded(data: bytes, encoding: str) -> str | None:
    try:
        text = data.decode(encoding).removeprefix(BYTE_ORDER_MARK)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
