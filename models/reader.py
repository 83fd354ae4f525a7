"""Readers and who stands behind a request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from models.reservation import ReaderId


def normalise_student_no(raw: str) -> str:
    """Trimmed and in capitals: graduates' numbers have letters, typed as people like."""
    return raw.strip().upper()


def mask_student_no(number: str) -> str:
    """The first two and last two characters stay: 20****01."""
    if len(number) <= 4:
        return "*" * len(number)
    return number[:2] + "*" * (len(number) - 4) + number[-2:]


def mask_name(name: str) -> str:
    """The first character stays: 张*."""
    return f"{name[:1]}*"


VISITOR: Final = "visitor"

VIEWER: Final = "viewer"
LIBRARIAN: Final = "librarian"
ADMINISTRATOR: Final = "administrator"
ROLES: Final = (VIEWER, LIBRARIAN, ADMINISTRATOR)
"""Kinds of readers who work for the library: who may look, who may decide about readers, and who
may also change the rules. Each may what those before it may."""


def may(kind: str, role: str) -> bool:
    """Is a reader of this kind at least that?"""
    return kind in ROLES and ROLES.index(kind) >= ROLES.index(role)


@dataclass(frozen=True, slots=True)
class Staff:
    """Who works for the library: by account number, and by the campus's groups."""

    numbers: Mapping[str, str]
    groups: Mapping[str, str]

    def kind_of(self, number: str, groups: Iterable[str], kind: str) -> str:
        """The highest role that they have, or the ``kind`` that they are otherwise; a kind of the
        campus's that is called like a role is none."""
        found = [self.groups[group] for group in groups if group in self.groups]
        if number in self.numbers:
            found.append(self.numbers[number])
        return max(found, key=ROLES.index, default="staff" if kind in ROLES else kind)


@dataclass(frozen=True, slots=True)
class Personal:
    """What is sealed at rest."""

    student_no: str
    name: str


@dataclass(frozen=True, slots=True)
class Stay:
    """The days of a visitor, both included."""

    first: date
    last: date

    def __str__(self) -> str:
        return f"{self.first}/{self.last}"


@dataclass(frozen=True, slots=True)
class Reader:
    """A member of the library. ``kind`` is the CAS attribute: student, graduate, staff, …; or
    visitor, whom the library itself has entered, for a ``stay``.

    Their personal data is opened where it is shown, and nowhere else: nearly every request needs
    to know who asks, and hardly any their name.
    """

    id: ReaderId
    kind: str
    suspended_until: datetime | None
    opened: Callable[[], Personal] = field(repr=False, compare=False)
    stay: Stay | None = None

    @property
    def student_no_masked(self) -> str:
        return mask_student_no(self.opened().student_no)

    @property
    def name(self) -> str:
        return self.opened().name

    @property
    def name_masked(self) -> str:
        return mask_name(self.name)


class SessionKind(StrEnum):
    WEB = "web"
    WX = "wx"
    KIOSK = "kiosk"


@dataclass(frozen=True, slots=True)
class Session:
    """A live session. ``reader_id`` not for WeChat: a user's binding is looked up."""

    id: str
    kind: SessionKind
    reader_id: ReaderId | None
    ticket_hash: str | None
    expires_at: datetime
    opened: Callable[[], str | None] = field(repr=False, compare=False)

    @property
    def openid(self) -> str | None:
        """The WeChat user; None on the web."""
        return self.opened()


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is behind a request: a session, and the reader where one is known."""

    session: Session
    reader: Reader | None
