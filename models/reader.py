"""Readers and who stands behind a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
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


LIBRARIAN: Final = "librarian"
"""The kind of reader who may decide about others."""


@dataclass(frozen=True, slots=True)
class Personal:
    """What is sealed at rest."""

    student_no: str
    name: str


@dataclass(frozen=True, slots=True)
class Reader:
    """A member of the library. ``kind`` is the CAS attribute: student, graduate, staff, …

    Their personal data is opened where it is shown, and nowhere else: nearly every request needs
    to know who asks, and hardly any their name.
    """

    id: ReaderId
    kind: str
    suspended_until: datetime | None
    opened: Callable[[], Personal] = field(repr=False, compare=False)

    @property
    def student_no_masked(self) -> str:
        return mask_student_no(self.opened().student_no)

    @property
    def name(self) -> str:
        return self.opened().name


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
