from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from models.kernel.ids import ReaderId
from models.messages.entities import KindChoices, Template

LONGEST: Final = 254
"""Characters of an address (RFC 5321, 4.5.3.1.3)."""
_ADDRESS: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}",
    re.ASCII,
)
"""The pattern of browsers for ``<input type="email">``, with a dot required in the domain."""


class AddressSource(StrEnum):
    """The origin of an address. The value is stored."""

    CAMPUS = "campus"
    READER = "reader"


@dataclass(frozen=True, slots=True)
class PendingAddress:
    """An address that the reader has entered and not confirmed yet."""

    address: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """A reader's address for mail; empty if there is none. ``undeliverable``: the mail server
    reported that it does not exist."""

    reader_id: ReaderId
    address: str = ""
    source: AddressSource = AddressSource.READER
    choices: KindChoices = field(default_factory=KindChoices)
    undeliverable: bool = False
    pending: PendingAddress | None = None

    def wants(self, template: Template) -> bool:
        """True if messages of this kind are sent to the address."""
        return self.reachable and self.choices.wants(template)

    def takes(self, template: Template) -> bool:
        """True if these messages may go there while the reader's usual channel is paused."""
        return self.reachable and not self.choices.refuses(template)

    @property
    def reachable(self) -> bool:
        """True if there is an address that the mail server has not rejected."""
        return bool(self.address) and not self.undeliverable

    @property
    def masked(self) -> str:
        """The address in a form that only its reader recognises."""
        return mask(self.address)


def is_address(text: str) -> bool:
    return len(text) <= LONGEST and _ADDRESS.fullmatch(text) is not None


def mask(address: str) -> str:
    """The address with all but its first character and its domain hidden: z***@example.edu.cn."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}***{at}{domain}" if at else ""
