"""The pairing of a screen with a kiosk, and who holds a kiosk's key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from models.library.entities import KioskId

CODE_LIFETIME: Final = timedelta(minutes=10)
"""How long a screen shows one pairing code, and how long it may fetch the answer."""
CODE_DIGITS: Final = 6
CHECK_WORDS: Final = 64
"""How many check words there are: two screens seldom show the same one."""


@dataclass(frozen=True, slots=True)
class PairingRequest:
    """A screen that asks to become a kiosk's. ``id`` names the request and is no secret.

    The screen has a secret of its own, which becomes the kiosk's key when an administrator
    confirms: the key never travels, and the code alone gives nothing. ``check_word`` is the number
    of the word that the screen shows beside the code. ``kiosk_id`` is None while nobody has
    confirmed.
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
    """The screen that has a kiosk's key: its browser (empty where none has shown the key yet) and
    since when the key is valid. ``rev`` grows with every key."""

    browser: str = ""
    since: datetime | None = None
    rev: int = 0
