"""A reader's e-mail address: where it comes from, and which messages go there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from models.kernel.ids import ReaderId
from models.messages.entities import KindChoices, Template

LONGEST: Final = 254
"""Of an address (RFC 5321, 4.5.3.1.3)."""
_ADDRESS: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}",
    re.ASCII,
)
"""As browsers check ``<input type="email">``, with a domain that has a dot."""


class AddressSource(StrEnum):
    """Who has named the address. The value is stored."""

    CAMPUS = "campus"
    READER = "reader"


@dataclass(frozen=True, slots=True)
class PendingAddress:
    """An address that the reader has named and not confirmed yet."""

    address: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """Where a reader's mail goes. ``address`` is empty where there is none (any more).

    ``undeliverable``: the mail
    server has said that the address does not exist.
    """

    reader_id: ReaderId
    address: str = ""
    source: AddressSource = AddressSource.READER
    choices: KindChoices = field(default_factory=KindChoices)
    undeliverable: bool = False
    pending: PendingAddress | None = None

    def wants(self, template: Template) -> bool:
        """Whether a message of this kind goes there."""
        return self.reachable and self.choices.wants(template)

    def takes(self, template: Template) -> bool:
        """Whether a message of this kind may go there where the reader's usual way is paused."""
        return self.reachable and not self.choices.refuses(template)

    @property
    def reachable(self) -> bool:
        """Whether there is an address, and the mail server knows it."""
        return bool(self.address) and not self.undeliverable

    @property
    def masked(self) -> str:
        """Enough for its reader to know it again."""
        return mask(self.address)


def is_address(text: str) -> bool:
    """Whether mail can be sent to the text."""
    return len(text) <= LONGEST and _ADDRESS.fullmatch(text) is not None


def mask(address: str) -> str:
    """z***@example.edu.cn"""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}***{at}{domain}" if at else ""
