"""The links that codes stand in: ``<prefix><id>?c=<code>``, each an address of this service."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs, urlsplit

from models.kiosks.errors import QrInvalid

_LONGEST: Final = 256


def id_and_code(text: str, prefix: str) -> tuple[str, str]:
    """The id and the code in the link, the code in ASCII. Raises: QrInvalid."""
    if not text.startswith(prefix) or not text.isascii() or len(text) > _LONGEST:
        raise QrInvalid()
    codes = parse_qs(urlsplit(text).query).get("c", [])
    if len(codes) != 1 or not codes[0].isascii():  # it may have been written in percents
        raise QrInvalid()
    return text.removeprefix(prefix).partition("?")[0], codes[0]
