from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Final

from models.kernel.ids import ReaderId
from models.kernel.records import record
from models.reader_groups.entities import Membership

CARD_NUMBER: Final = "[!-~]{4,32}"
"""The pattern of card numbers: 4 to 32 letters, digits or signs."""


def normalise_student_no(raw: str) -> str:
    """Trims a student number and converts it to upper case: graduates' numbers contain letters."""
    return raw.strip().upper()


def is_card_number(text: str) -> bool:
    return re.fullmatch(CARD_NUMBER, text) is not None


def mask_student_no(number: str) -> str:
    """Masks all but the first two and last two characters: 20****01."""
    if len(number) <= 4:
        return "*" * len(number)
    return number[:2] + "*" * (len(number) - 4) + number[-2:]


def mask_name(name: str) -> str:
    """Masks all but the first character: 张*."""
    return f"{name[:1]}*"


VISITOR: Final = "visitor"
FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""The end of a suspension that has no end date: an instant later than all others."""


@dataclass(frozen=True, slots=True)
class PersonalData:
    """A reader's student number and name, which are encrypted at rest."""

    student_no: str
    name: str

    def contains(self, part: str) -> bool:
        """True if ``part`` occurs in the number or the name, in upper or lower case."""
        sought = part.casefold()
        return sought in self.student_no.casefold() or sought in self.name.casefold()


@dataclass(frozen=True, slots=True)
class Visit:
    """The days of a visitor's stay, both included."""

    first: date
    last: date

    def __str__(self) -> str:
        return f"{self.first}/{self.last}"


@dataclass(frozen=True, slots=True)
class SuspensionReason:
    """A suspension's cause: a number of ``violations`` in ``days``, or a librarian's ``words``."""

    violations: int | None = None
    days: int | None = None
    words: str = field(default="", repr=False)


@record
class Reader:
    """A member of the library. ``category``: from CAS (student, staff, …), or ``visitor``, whose
    days are in ``stay``. ``decrypt`` returns number and name, which few requests need."""

    id: ReaderId
    category: str
    suspended_until: datetime | None
    decrypt: Callable[[], PersonalData] = field(repr=False, compare=False)
    stay: Visit | None = None
    suspended_for: SuspensionReason | None = None
    memberships: tuple[Membership, ...] = ()
    granted: bool = False
    """True if the library has granted the reader a staff role."""
    language: str | None = None
    """The tag of the language for messages and mails, chosen or learnt at a sign-in."""
    language_chosen: bool = False
    stay_starts: str = ""
    """The times of day (HH:MM) at which the reader began on their latest days of a stay, separated
    by blanks. One string, since each request loads a reader."""

    @property
    def usual_start(self) -> time | None:
        """The median of ``stay_starts``; None before the first stay."""
        ordered = sorted(self.stay_starts.split())
        return time.fromisoformat(ordered[(len(ordered) - 1) // 2]) if ordered else None

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
    """An anonymous reader for an unbound session: in no group, without grants."""
    return Reader(ReaderId(session_id), "", None, lambda: PersonalData("", ""))
