"""Sessions, and who is behind one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from models.identity.roles import Role
from models.kernel.ids import ReaderId
from models.library.entities import KioskId
from models.readers.entities import Reader


class SessionKind(StrEnum):
    WEB = "web"
    WX = "wx"
    KIOSK = "kiosk"


@dataclass(frozen=True, slots=True)
class StaffRole:
    """What the reader may here, by a sign-in at ``since``, and when it was last used."""

    name: Role
    since: datetime
    used_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """A live session. ``reader_id`` not for WeChat: a user's binding is looked up. ``kiosk_id``:
    where its reader stands, whose card has opened it."""

    id: str
    kind: SessionKind
    reader_id: ReaderId | None
    ticket_hash: str | None
    expires_at: datetime
    opened_at: datetime
    decrypt: Callable[[], str | None] = field(repr=False, compare=False)
    kiosk_id: KioskId | None = None
    role: StaffRole | None = None
    """What a sign-in of the staff's gives; a phone's and a kiosk's sessions have none."""
    device: str = ""
    """What the browser said of itself, in a few words."""

    @property
    def public_id(self) -> str:
        """What the session is called in lists; nothing can be opened with it."""
        return hashlib.sha256(self.id.encode()).hexdigest()[:16]

    @property
    def is_kept(self) -> bool:
        """Does it last longer than a day, as its reader has asked?"""
        return self.expires_at - self.opened_at > timedelta(days=1)

    @property
    def openid(self) -> str | None:
        """The WeChat user; None on the web."""
        return self.decrypt()


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is behind a request: a session, and the reader where one is known."""

    session: Session
    reader: Reader | None
