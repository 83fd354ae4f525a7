"""Sessions, and who is behind one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from models.identity.api_tokens import ApiToken
from models.identity.roles import CONFIGURED, Role, StaffGrant, StaffRights
from models.kernel.ids import ReaderId
from models.kernel.records import record
from models.kernel.time_range import local_date
from models.library.entities import KioskId
from models.readers.entities import Reader


class SessionKind(StrEnum):
    WEB = "web"
    WX = "wx"
    KIOSK = "kiosk"
    API = "api"
    """The requests with one API token: nothing is stored of them."""


@dataclass(frozen=True, slots=True)
class StaffRole:
    """The sign-in of somebody who works for the library: at ``since``, and when it was last used.
    ``name`` is the role that the settings gave at that moment; None where only grants give one.
    ``second_factor``: more than a password was asked for, at the sign-on or here."""

    name: Role | None
    since: datetime
    used_at: datetime
    second_factor: bool = False


@dataclass(frozen=True, slots=True)
class SignOnSession:
    """The session at an OpenID provider that one here was opened by: whose it is there, and when
    the provider has said so."""

    provider: str
    subject: str
    at: datetime


@record
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
    provider: str = ""
    """The OpenID provider by which its reader has signed in; empty for CAS and the campus's app."""

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


@record
class Principal:
    """Who is behind a request: a session, and the reader where one is known; or a program."""

    session: Session
    reader: Reader | None
    grants: tuple[StaffGrant, ...] = ()
    """The roles that the reader was given in the console, whether their time has come or not."""
    program: ApiToken | None = None
    """By what token it asks. It is nobody's session: what is not open to programs is closed."""

    def rights_at(self, now: datetime) -> StaffRights | None:
        """What they may do for the library, by this sign-in; None where nothing."""
        role = self.session.role
        if role is None:
            return None
        grants = self.granted_on(now)
        if role.name is not None:
            grants = (StaffGrant(CONFIGURED, role.name), *grants)
        return StaffRights(grants) if grants else None

    def granted_on(self, now: datetime) -> tuple[StaffGrant, ...]:
        """The grants whose time it is."""
        if not self.grants:
            return ()
        today = local_date(now)
        return tuple(grant for grant in self.grants if grant.is_active_on(today))
