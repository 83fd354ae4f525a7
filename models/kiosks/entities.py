from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from models.library.entities import KioskId

CODE_LIFETIME: Final = timedelta(minutes=10)
"""A pairing code is shown this long; once it is confirmed, the result can be fetched this long."""
CODE_DIGITS: Final = 6
CHECK_WORDS: Final = 64


@dataclass(frozen=True, slots=True)
class PairingRequest:
    """A screen's request to be paired with a kiosk.

    `id` is not secret. On confirmation a secret of the screen becomes the kiosk's key. The key is
    never transmitted, and the code alone is useless. `check_word`: index of the word that the
    screen shows beside the code. `kiosk_id`: None until the request is confirmed.
    """

    id: str
    code: str
    check_word: int
    browser: str
    address: str
    requested_at: datetime
    expires_at: datetime
    kiosk_id: KioskId | None = None


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """The screen that has a kiosk's key. `browser`: its kind, "" before it uses the key. `since`:
    when the key was issued; None for keys of earlier versions. `rev` grows with every key."""

    browser: str = ""
    since: datetime | None = None
    rev: int = 0
