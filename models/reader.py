"""Readers and who stands behind a request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from models.reservation import ReaderId


def normalise_student_no(raw: str) -> str:
    """Trimmed and in capitals: graduates' numbers have letters, typed as people like."""
    return raw.strip().upper()


def mask_student_no(number: str) -> str:
    """The first two and last two characters stay: 20****01."""
    if len(number) <= 4:
        return "*" * len(number)
    return number[:2] + "*" * (len(number) - 4) + number[-2:]


@dataclass(frozen=True, slots=True)
class Reader:
    """A member of the library. ``kind`` is the CAS attribute: student, graduate, staff, …"""

    id: ReaderId
    student_no_masked: str
    name: str
    kind: str
    suspended_until: datetime | None = None


class SessionKind(StrEnum):
    WEB = "web"
    WX = "wx"


@dataclass(frozen=True, slots=True)
class Session:
    """A live session. ``reader_id`` only for the web: a WeChat user's binding is looked up."""

    id: str
    kind: SessionKind
    reader_id: ReaderId | None
    openid: str | None
    ticket_hash: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is behind a request: a session, and the reader where one is known."""

    session: Session
    reader: Reader | None
