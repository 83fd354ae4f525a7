"""Sessions, and who is behind one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from models.kernel.ids import ReaderId
from models.library.entities import KioskId
from models.readers.entities import Reader


class SessionKind(StrEnum):
    WEB = "web"
    WX = "wx"
    KIOSK = "kiosk"


@dataclass(frozen=True, slots=True)
class Session:
    """A live session. ``reader_id`` not for WeChat: a user's binding is looked up. ``kiosk_id``:
    where its reader stands, whose card has opened it."""

    id: str
    kind: SessionKind
    reader_id: ReaderId | None
    ticket_hash: str | None
    expires_at: datetime
    kiosk_id: KioskId | None
    decrypt: Callable[[], str | None] = field(repr=False, compare=False)

    @property
    def openid(self) -> str | None:
        """The WeChat user; None on the web."""
        return self.decrypt()


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is behind a request: a session, and the reader where one is known."""

    session: Session
    reader: Reader | None
