"""Readers and who stands behind a request."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final

from models.kernel.ids import ReaderId
from models.kernel.records import record
from models.reader_groups.entities import Membership

CARD_NUMBER: Final = "[!-~]{4,32}"
"""What can be on a campus card: 4 to 32 letters, digits or signs."""


def normalise_student_no(raw: str) -> str:
    """Trimmed and in capitals: graduates' numbers have letters, typed as people like."""
    return raw.strip().upper()


def is_card_number(text: str) -> bool:
    """Whether that can be on a campus card (``CARD_NUMBER``)."""
    return re.fullmatch(CARD_NUMBER, text) is not None


def mask_student_no(number: str) -> str:
    """The first two and last two characters stay: 20****01."""
    if len(number) <= 4:
        return "*" * len(number)
    return number[:2] + "*" * (len(number) - 4) + number[-2:]


def mask_name(name: str) -> str:
    """The first character stays: 张*."""
    return f"{name[:1]}*"


VISITOR: Final = "visitor"
FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""The end of a suspension that lasts until it is ended: later than whatever it is compared with."""


@dataclass(frozen=True, slots=True)
class PersonalData:
    """What is sealed at rest."""

    student_no: str
    name: str

    def contains(self, part: str) -> bool:
        """Is that a part of the number or of the name, in capitals or not?"""
        sought = part.casefold()
        return sought in self.student_no.casefold() or sought in self.name.casefold()


@dataclass(frozen=True, slots=True)
class Visit:
    """The days of a visitor, both included."""

    first: date
    last: date

    def __str__(self) -> str:
        return f"{self.first}/{self.last}"


@dataclass(frozen=True, slots=True)
class SuspensionReason:
    """Why a reader may not book: so many ``violations`` within so many ``days``, or the ``words``
    that a librarian has written to them."""

    violations: int | None = None
    days: int | None = None
    words: str = field(default="", repr=False)


@record
class Reader:
    """A member of the library. ``kind`` is the CAS attribute: student, graduate, staff, …; or
    visitor, whom the library itself has entered, for a ``stay``.

    Their personal data is opened where it is shown, and nowhere else: nearly every request needs
    to know who asks, and hardly any their name.
    """

    id: ReaderId
    category: str
    suspended_until: datetime | None
    decrypt: Callable[[], PersonalData] = field(repr=False, compare=False)
    stay: Visit | None = None
    suspended_for: SuspensionReason | None = None
    memberships: tuple[Membership, ...] = ()
    granted: bool = False
    """Has the library granted them a role?"""

    @property
    def student_no_masked(self) -> str:
        return mask_student_no(self.decrypt().student_no)

    @property
    def name(self) -> str:
        return self.decrypt().name

    @property
    def name_masked(self) -> str:
        return mask_name(self.name)


def onlooker(session_id: str) -> Reader:
    """Whoever looks around in a session that is nobody's yet: in no group, and granted nothing."""
    return Reader(ReaderId(session_id), "", None, lambda: PersonalData("", ""))
