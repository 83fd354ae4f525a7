"""Sessions of readers, kiosks and API tokens. Each worker caches a session that it has looked
up, or the fact that the session is over, for at most five seconds. Ending a session deletes it
in MongoDB first and then removes it from the caches of all workers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

from models.identity.api_token_repository import ApiTokenRepository, is_program, session_id_of
from models.identity.api_tokens import TOKEN_PREFIX, ApiToken
from models.identity.entities import Principal, Session, SignOnSession, StaffRole
from models.identity.roles import Role
from models.identity.session_repository import SessionRepository
from models.kernel.errors import Unauthenticated
from models.kernel.ids import ReaderId
from models.library.entities import KioskId
from models.storage.encryption import FieldCipher, token_hash

CACHE_SECONDS: Final = 5.0
_CACHE_SIZE: Final = 50_000
WEB_LIFETIME: Final = timedelta(hours=12)
KEPT_LIFETIME: Final = timedelta(days=30)
"""Lifetime of a web session after its reader has chosen to stay signed in on this device."""
ROLE_LIFETIME: Final = timedelta(hours=12)
ROLE_IDLE: Final = timedelta(minutes=30)
_USE_WRITTEN_AFTER: Final = timedelta(minutes=1)
WX_LIFETIME: Final = timedelta(days=30)
KIOSK_LIFETIME: Final = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token, given to its client once; the service stores only its hash."""

    token: str
    expires_at: datetime


class SessionService:
    def __init__(
        self,
        sessions: SessionRepository,
        tokens: ApiTokenRepository,
        sealer: FieldCipher,
        announce: Callable[[list[str]], Awaitable[None]],
    ) -> None:
        """``sealer`` adds a checksum to tokens, which proves that this service issued them.
        ``announce`` tells other workers to drop keys of sessions or readers from their caches."""
        self._sessions, self._tokens = sessions, tokens
        self._sealer = sealer
        self._announce = announce
        self._forgotten = 0
        # The hash of a token never changes, and computing it for each request adds up. Only issued
        # tokens are cached, so a stranger cannot push others out.
        self._ids: dict[str, str] = {}
        self._listeners: list[Callable[[str], None]] = []
        self._roles_used: dict[str, datetime] = {}
        self._tokens_used: dict[str, datetime] = {}
        self._cache: OrderedDict[str, tuple[float, Principal | None]] = OrderedDict()

    async def open_web(
        self,
        reader_id: ReaderId,
        ticket: str,
        now: datetime,
        role: Role | None = None,
        device: str = "",
        granted: bool = False,
        sign_on: SignOnSession | None = None,
        second_factor: bool = False,
    ) -> IssuedToken:
        """Opens a web session after a sign-in with this ticket. ``role``: granted by the
        settings. ``granted``: whether the reader has a role granted in the console. Raises:
        Unauthenticated if single logout has already ended the ticket."""
        issued = IssuedToken(self._sealer.new_token(), now + WEB_LIFETIME)
        if not await self._sessions.open_web(
            issued.token,
            reader_id,
            ticket,
            now,
            issued.expires_at,
            role=_staff_role(role, granted, second_factor, now),
            device=device,
            sign_on=sign_on,
        ):
            raise Unauthenticated()
        return issued

    async def use_role(self, session: Session, now: datetime) -> bool:
        """True if the session's staff role may be used; the use is recorded, at most once a
        minute. A role ends ``ROLE_LIFETIME`` after sign-in, or after ``ROLE_IDLE`` without use."""
        role = session.role
        if role is None or now - role.since >= ROLE_LIFETIME:
            return False
        used_at = max(role.used_at, self._roles_used.get(session.id, role.since))
        if now - used_at < _USE_WRITTEN_AFTER:
            return True
        if not await self._sessions.use_role(session.id, now, now - ROLE_IDLE):
            return False
        if len(self._roles_used) >= _CACHE_SIZE:
            self._roles_used.clear()
        self._roles_used[session.id] = now
        return True

    def new_api_token(self) -> str:
        """A new secret for an API token. It is not stored here: the caller stores the token."""
        return TOKEN_PREFIX + self._sealer.new_token()

    async def use_api_token(self, token: ApiToken, now: datetime) -> None:
        """Records that the API token was used; each worker writes this at most once a minute."""
        written = self._tokens_used.get(token.id)
        if written is None or now - written >= _USE_WRITTEN_AFTER:
            self._tokens_used[token.id] = now
            await self._tokens.use(token.id, now)

    async def end_api_token(self, id: str) -> None:
        """Drops an ended API token from all workers' caches. ``id``: the token's session id."""
        await self._revoke([id])

    async def pass_second_factor(self, session: Session) -> None:
        await self._sessions.pass_second_factor(session.id)
        await self._revoke([session.id])

    async def renew_role(
        self,
        session: Session,
        ticket: str,
        role: Role | None,
        now: datetime,
        granted: bool = False,
        sign_on: SignOnSession | None = None,
        second_factor: bool = False,
    ) -> datetime | None:
        """Replaces the session's staff role after a new sign-in. ``role``: granted by the
        settings. ``granted``: whether the reader has a role granted in the console. Returns the
        session's new end; None if the session is over."""
        until = now + WEB_LIFETIME
        # A session that has passed the second factor keeps it: only the password is asked for.
        has_factor = second_factor or (session.role is not None and session.role.second_factor)
        renewed = await self._sessions.renew_role(
            session, ticket, _staff_role(role, granted, has_factor, now), until, sign_on
        )
        self._roles_used.pop(session.id, None)
        await self._revoke([session.id])
        return renewed

    async def live_of(self, reader_id: ReaderId, now: datetime) -> list[Session]:
        """The reader's live sessions, the latest first."""
        return await self._sessions.of_reader(reader_id, now)

    async def keep(self, session: Session) -> datetime:
        """Extends the session to ``KEPT_LIFETIME`` for a reader who stays signed in on this
        device. The session's staff role is not extended. Returns the session's new end."""
        until = session.opened_at + KEPT_LIFETIME
        await self._sessions.prolong(session.id, until)
        await self._revoke([session.id])
        return until

    async def open_kiosk(
        self, reader_id: ReaderId, kiosk_id: KioskId, now: datetime
    ) -> IssuedToken:
        """Opens a short session for a reader who has shown their card at a kiosk."""
        issued = IssuedToken(self._sealer.new_token(), now + KIOSK_LIFETIME)
        await self._sessions.open_kiosk(issued.token, reader_id, kiosk_id, now, issued.expires_at)
        return issued

    async def open_wx(self, openid: str, unionid: str | None, now: datetime) -> IssuedToken:
        issued = IssuedToken(self._sealer.new_token(), now + WX_LIFETIME)
        await self._sessions.open_wx(issued.token, openid, now, issued.expires_at, unionid)
        return issued

    def id_of(self, token: str) -> str:
        """The id of the token's session, without a look-up: the session may have ended. Raises:
        Unauthenticated if this service never issued the token."""
        id = self._ids.get(token)
        if id is None:
            program = token.startswith(TOKEN_PREFIX)
            if not self._sealer.has_issued(token.removeprefix(TOKEN_PREFIX)):
                raise Unauthenticated()
            if len(self._ids) >= _CACHE_SIZE:
                self._ids.clear()
            id = self._ids[token] = session_id_of(token) if program else token_hash(token)
        return id

    def cached(self, id: str, now: datetime) -> Principal | None:
        """The session's principal if it is in this worker's cache and the session is not over."""
        entry = self._cache.get(id)
        if entry is None or entry[1] is None or monotonic() - entry[0] > CACHE_SECONDS:
            return None
        return entry[1] if now < entry[1].session.expires_at else None

    def recognised(self, token: str, now: datetime) -> Principal | None:
        """The token's principal if its session is in this worker's cache and not over."""
        id = self._ids.get(token)
        return self.cached(id, now) if id is not None else None

    async def principal(self, token: str, now: datetime) -> Principal:
        """The principal of the token's session, cached or looked up. Raises: Unauthenticated for
        an unknown, ended or expired token."""
        return await self.open(self.id_of(token), now)

    async def open(self, id: str, now: datetime) -> Principal:
        """The session's principal, cached or looked up. Raises: Unauthenticated if it has ended."""
        entry = self._cache.get(id)
        if entry is None or monotonic() - entry[0] > CACHE_SECONDS:
            principal = await self._look_up(id)
        else:
            principal = entry[1]
        if principal is None or now >= principal.session.expires_at:
            raise Unauthenticated()
        return principal

    async def _look_up(self, id: str) -> Principal | None:
        asked_at, forgotten = monotonic(), self._forgotten
        stored = self._tokens if is_program(id) else self._sessions
        principal = await stored.find_principal(id)
        if forgotten != self._forgotten:
            return principal  # a session ended meanwhile, perhaps this one: do not cache it
        self._cache[id] = (asked_at, principal)
        self._cache.move_to_end(id)
        # The oldest look-up comes first. A bound on the size alone would leave readers in the cache
        # for hours.
        while asked_at - next(iter(self._cache.values()))[0] > CACHE_SECONDS:
            self._cache.popitem(last=False)
        return principal

    async def close(self, *sessions: Session) -> None:
        for session in sessions:
            await self._sessions.close(session.id)
        await self._revoke([session.id for session in sessions])

    async def close_of_reader(self, reader_id: ReaderId, but: Session | None = None) -> None:
        await self._revoke(await self._sessions.close_of_reader(reader_id, but))

    async def end_ticket(self, ticket: str) -> bool:
        """Single logout by CAS: ends the ticket's session. True if there was a session to end."""
        ended = await self._sessions.end_ticket(ticket)
        await self._revoke(ended)
        return bool(ended)

    async def close_ticket(self, ticket: str, now: datetime) -> None:
        """Single logout: ends the ticket's session; ``open_web`` then refuses the ticket."""
        await self._revoke(await self._sessions.close_by_ticket(ticket, now))

    async def close_subject(self, provider: str, subject: str, at: datetime) -> None:
        """Single logout by OpenID Connect: ends the sessions that the subject opened with this
        provider until ``at``."""
        await self._revoke(await self._sessions.close_by_subject(provider, subject, at))

    async def unionid_of(self, session_id: str) -> str | None:
        return await self._sessions.unionid_of(session_id)

    async def bound(self, session_id: str, reader_id: ReaderId) -> None:
        """Drops a newly bound WeChat session and the reader's sessions from all workers' caches."""
        await self._revoke([session_id, f"reader:{reader_id}"])

    async def reader_changed(self, reader_id: ReaderId) -> None:
        """Makes all workers load the reader again, after a binding or suspension, for example."""
        await self._revoke([f"reader:{reader_id}"])

    async def _revoke(self, keys: list[str]) -> None:
        for key in keys:
            self.invalidate(key)
        await self._announce(keys)

    def on_ended(self, listener: Callable[[str], None]) -> None:
        """Registers a listener, which is called with each key that leaves this worker's cache: a
        session's id, or ``reader:<id>`` for all sessions of a reader."""
        self._listeners.append(listener)

    def invalidate(self, key: str) -> None:
        """Drops sessions from this worker's cache. ``key``: a session's id or ``reader:<id>``."""
        self._forgotten += 1
        for listener in self._listeners:
            listener(key)
        if not key.startswith("reader:"):
            self._cache.pop(key, None)
            return
        reader_id = key.removeprefix("reader:")
        stale = [
            id
            for id, (_, principal) in self._cache.items()
            if principal is not None
            and principal.reader is not None
            and principal.reader.id == reader_id
        ]
        for id in stale:
            del self._cache[id]

    def invalidate_all(self) -> None:
        self._cache.clear()


def _staff_role(
    role: Role | None, granted: bool, second_factor: bool, now: datetime
) -> StaffRole | None:
    """A new session's staff role; None if neither the settings nor the console granted one."""
    if role is None and not granted:
        return None
    return StaffRole(role, since=now, used_at=now, second_factor=second_factor)
