"""Pairing requests, and the screen that holds a kiosk's key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from models.library.entities import KioskId

CODE_LIFETIME: Final = timedelta(minutes=10)
"""How long a screen shows one pairing code; after the confirmation, how long it may fetch the
result."""
CODE_DIGITS: Final = 6
CHECK_WORDS: Final = 64
"""The number of check words. Two screens seldom show the same one."""


@dataclass(frozen=True, slots=True)
class PairingRequest:
    """A screen's request to be paired with a kiosk. ``id`` is not secret.

    The screen has a secret that becomes the kiosk's key when an administrator confirms. So the key
    is never transmitted, and the code alone is useless.
    ``check_word``: the index of the word shown beside the code.
    ``kiosk_id``: None until the request is confirmed.
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
    """The screen that has a kiosk's key. ``browser`` is empty until it has used the key; ``since``
    is when the key was issued; ``rev`` grows with every key."""

    browser: str = ""
    since: datetime | None = None
    rev: int = 0
