"""Readers in exported bookings: pseudonyms of one file, and the reader groups of the day."""

from __future__ import annotations

import hmac
import secrets
from datetime import date
from typing import Final

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.staff.tables import Row
from handlers.texts.console import BETWEEN
from languages.text import joined
from models.readers.entities import Reader

_PSEUDONYM_BYTES: Final = 8


class Pseudonyms:
    """Names the readers of one file. The key is of this file alone and stored nowhere."""

    def __init__(self, visit: PageRequest) -> None:
        self._visit, self._key = visit, secrets.token_bytes(32)

    def cells(self, reader: Reader | None, day: date) -> Row:
        """The names of the reader's groups on that day, and the pseudonym. Empty after an
        erasure."""
        reference = self._visit[REFERENCE]
        groups = reference.groups_of(reader, day)
        names = (group.name for group in reference.groups.by_id.values() if group.id in groups)
        if reader is None:
            return joined(names, BETWEEN["names"]), ""
        digest = hmac.digest(self._key, reader.id.encode(), "sha256")
        # Without the letter a spreadsheet would read some as numbers, such as 12e45678 in a CSV
        # file.
        return joined(names, BETWEEN["names"]), f"R{digest[:_PSEUDONYM_BYTES].hex()}"
