"""Links in QR codes: ``<prefix><id>?c=<code>``, each a URL of this service."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs, urlsplit

from models.kiosks.errors import QrInvalid

_LONGEST: Final = 256


def id_and_code(text: str, prefix: str) -> tuple[str, str]:
    """Splits a scanned link into its id and its code, both ASCII. Raises: QrInvalid if the text
    is no link with this prefix and exactly one code."""
    if not text.startswith(prefix) or not text.isascii() or len(text) > _LONGEST:
        raise QrInvalid()
    codes = parse_qs(urlsplit(text).query).get("c", [])
    if len(codes) != 1 or not codes[0].isascii():  # percent-encoding may hide non-ASCII characters
        raise QrInvalid()
    return text.removeprefix(prefix).partition("?")[0], codes[0]
