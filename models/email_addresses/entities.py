from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from models.kernel.ids import ReaderId
from models.messages.entities import KindChoices, Template

LONGEST: Final = 254
"""The largest number of characters in an address (RFC 5321, 4.5.3.1.3)."""
_ADDRESS: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}",
    re.ASCII,
)
"""The browsers' pattern for ``<input type="email">``, but the domain must contain a dot."""


class AddressSource(StrEnum):
    """The stored origin of an address: entered by the reader or named by the campus."""

    CAMPUS = "campus"
    READER = "reader"


@dataclass(frozen=True, slots=True)
class PendingAddress:
    """An address that the reader has entered and not confirmed yet."""

    address: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """A reader's e-mail address, which is empty if there is none. ``undeliverable``: True if the
    mail server has reported that the address does not exist."""

    reader_id: ReaderId
    address: str = ""
    source: AddressSource = AddressSource.READER
    choices: KindChoices = field(default_factory=KindChoices)
    undeliverable: bool = False
    pending: PendingAddress | None = None

    def wants(self, template: Template) -> bool:
        """True if the reader gets messages of this kind by mail."""
        return self.reachable and self.choices.wants(template)

    def takes(self, template: Template) -> bool:
        """True if messages of this kind may go to the address in place of a paused channel: the
        reader has not switched them off."""
        return self.reachable and not self.choices.refuses(template)

    @property
    def reachable(self) -> bool:
        """True if there is an address that the mail server has not rejected."""
        return bool(self.address) and not self.undeliverable

    @property
    def masked(self) -> str:
        """The address with most characters hidden, so that only its reader recognises it."""
        return mask(self.address)


def is_address(text: str) -> bool:
    return len(text) <= LONGEST and _ADDRESS.fullmatch(text) is not None


def mask(address: str) -> str:
    """The address with all but its first character and its domain hidden: z***@example.edu.cn."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}***{at}{domain}" if at else ""
