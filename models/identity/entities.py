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
from models.kernel.zone import Zone
from models.library.entities import KioskId
from models.readers.entities import Reader


class SessionKind(StrEnum):
    WEB = "web"
    WX = "wx"
    KIOSK = "kiosk"
    API = "api"
    """All requests with one API token count as one session, which is not stored."""


@dataclass(frozen=True, slots=True)
class StaffRole:
    """A staff sign-in at ``since``, last used at ``used_at``. ``name``: the role from the
    settings at sign-in; None if the staff member has only roles granted in the console.
    ``second_factor``: True if the sign-on or this service required more than a password."""

    name: Role | None
    since: datetime
    used_at: datetime
    second_factor: bool = False


@dataclass(frozen=True, slots=True)
class SignOnSession:
    """The session at an OpenID provider through which a session of this service was opened.
    ``subject``: the user's id at the provider; ``at``: the time of authentication there."""

    provider: str
    subject: str
    at: datetime


@record
class Session:
    """A live session. ``reader_id`` is None for a WeChat session, whose reader is found by the
    current binding. ``kiosk_id``: the kiosk where the reader's card opened the session."""

    id: str
    kind: SessionKind
    reader_id: ReaderId | None
    ticket_hash: str | None
    expires_at: datetime
    opened_at: datetime
    decrypt: Callable[[], str | None] = field(repr=False, compare=False)
    kiosk_id: KioskId | None = None
    role: StaffRole | None = None
    """The staff sign-in; None for sessions on phones and kiosks."""
    device: str = ""
    """A short description of the browser."""
    provider: str = ""
    """The OpenID provider of the sign-in; empty for CAS and for 企业微信 (WeCom)."""

    @property
    def public_id(self) -> str:
        """An id that names the session in lists shown to the reader; it gives no access."""
        return hashlib.sha256(self.id.encode()).hexdigest()[:16]

    @property
    def is_kept(self) -> bool:
        """True if the reader chose at sign-in to stay signed in for more than a day."""
        return self.expires_at - self.opened_at > timedelta(days=1)

    @property
    def openid(self) -> str | None:
        """The WeChat user's openid; None for other sessions."""
        return self.decrypt()


@record
class Principal:
    """The caller of a request: a session with its reader, if known, or a program."""

    session: Session
    reader: Reader | None
    grants: tuple[StaffGrant, ...] = ()
    """The roles granted to the reader in the console, active or not."""
    program: ApiToken | None = None
    """The API token, if the caller is a program. Endpoints not open to programs reject it."""

    def rights_at(self, zone: Zone, now: datetime) -> StaffRights | None:
        """The staff rights of this sign-in at ``now``; None if there are none."""
        role = self.session.role
        if role is None:
            return None
        grants = self.granted_on(zone, now)
        if role.name is not None:
            grants = (StaffGrant(CONFIGURED, role.name), *grants)
        return StaffRights(grants) if grants else None

    def granted_on(self, zone: Zone, now: datetime) -> tuple[StaffGrant, ...]:
        """The grants that are active at ``now``."""
        if not self.grants:
            return ()
        today = zone.day(now)
        return tuple(grant for grant in self.grants if grant.is_active_on(today))
