"""Activation codes and bindings: how a reader lets a WeChat user in, once.

Six digits can be guessed, 128 bits cannot. So a scanned code binds at once and is not counted, and
wrong digits are: few of one WeChat user, and many of all of them together. The limit over all
closes nothing, since strangers could close it for everybody. Past it, right digits only make a
request, which counts when the reader has confirmed it on the page that shows the code.

Six digits live for ten minutes. Only the 128 bits of a review code live longer.
"""

from __future__ import annotations

import logging
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from bind.session_service import SessionService
from models.identity.activation_code_repository import (
    ActivationCodeRepository,
    BindingRequest,
    LiveCode,
)
from models.identity.binding_repository import BindingRepository
from models.identity.entities import Principal, Session, SessionKind
from models.identity.errors import (
    ActivationCodeInvalid,
    AlreadyBound,
    BindingRequestOver,
    ReaderBoundElsewhere,
)
from models.kernel.errors import Overloaded, Unauthenticated
from models.kernel.ids import ReaderId
from models.messages.consent_repository import ConsentRepository
from models.readers.entities import Reader
from models.readers.repository import ReaderRepository
from models.staff.review_access import ReviewAccess
from models.storage.attempt_limiter import AttemptLimit, AttemptLimiter
from models.storage.encryption import token_hash

log = logging.getLogger(__name__)
LIFETIME: Final = timedelta(minutes=10)
_WINDOW: Final = timedelta(minutes=10)
_PER_USER: Final = 5
"""Wrong digits of one WeChat user in ten minutes: the next ones are refused, for this user only."""
_ASK_PAST: Final = (
    # With 20 live codes, 100 wrong ones find one with a chance of 0.2 %, and 14,400 in the course
    # of a day with 25 %. So the day has a limit too: 1,000 find one with a chance of 2 %.
    AttemptLimit("activation:all", 100, _WINDOW),
    AttemptLimit("activation:day", 1000, timedelta(days=1)),
)
"""Wrong digits of everybody together: past one of these the reader is asked before it counts."""
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True, slots=True)
class BindingState:
    """Where a WeChat user stands: ``none``, ``pending``, ``refused``, ``expired`` or ``bound``."""

    state: Literal["none", "pending", "refused", "expired", "bound"]
    reader: Reader | None = None
    request: BindingRequest | None = None


def link(base: str, secret: str) -> str:
    """What the picture beside the digits says: a link of this service."""
    return f"{base.rstrip('/')}/bind?c={secret}"


class AccountBindingService:
    def __init__(
        self,
        codes: ActivationCodeRepository,
        bindings: BindingRepository,
        readers: ReaderRepository,
        sessions: SessionService,
        attempts: AttemptLimiter,
        consents: ConsentRepository,
        review: ReviewAccess,
    ) -> None:
        self._codes, self._bindings, self._readers = codes, bindings, readers
        self._sessions, self._attempts, self._consents = sessions, attempts, consents
        self._review = review

    # --- the reader, on the web -------------------------------------------------------------------

    async def get_or_create_code(self, reader_id: ReaderId, renew: bool, now: datetime) -> LiveCode:
        """The reader's live code; a new one where there is none, or on ``renew``."""
        if renew:
            await self._codes.revoke(reader_id)
        for _ in range(20):  # a clash of digits or of two requests; both are over at the next try
            live = await self._codes.active_code(reader_id, now)
            if live is not None:
                return live
            await self._codes.issue(
                reader_id, f"{secrets.randbelow(1_000_000):06d}", now, now + LIFETIME
            )
        raise Overloaded()

    async def request_for(self, reader_id: ReaderId, now: datetime) -> BindingRequest | None:
        """The WeChat user who waits for this reader's answer. Makes no code."""
        live = await self._codes.active_code(reader_id, now)
        return live.request if live is not None else None

    async def confirm(self, reader_id: ReaderId, request_id: str, now: datetime) -> None:
        """是我: the WeChat user who waits is bound. Repeated after a lost answer, it completes what
        it has begun. Raises: BindingRequestOver, AlreadyBound, ReaderBoundElsewhere."""
        request = await self._codes.answer(reader_id, request_id, True, now)
        if request is None:
            raise BindingRequestOver()
        unionid = await self._sessions.unionid_of(request.session_id)
        try:
            await self._bindings.bind(reader_id, request.openid, unionid, now)
        except (AlreadyBound, ReaderBoundElsewhere):
            if await self._bindings.reader_of(request.openid) != reader_id:
                raise
        await self._sessions.bound(request.session_id, reader_id)

    async def refuse(self, reader_id: ReaderId, request_id: str, now: datetime) -> None:
        """不是我: the code is used up and nobody is bound. Raises: BindingRequestOver."""
        if await self._codes.answer(reader_id, request_id, False, now) is None:
            raise BindingRequestOver()
        log.warning("binding_refused", extra={"reader": reader_id, "request": request_id})

    async def reader_of(self, openid: str) -> ReaderId | None:
        """The reader who is bound to this user of the mini-program."""
        return await self._bindings.reader_of(openid)

    async def reader_by_unionid(self, unionid: str) -> ReaderId | None:
        """The reader who is bound to the WeChat user whom the official account knows by this id."""
        return await self._bindings.reader_by_unionid(unionid)

    async def is_bound(self, reader_id: ReaderId) -> bool:
        return await self._bindings.is_bound(reader_id)

    async def unbind(self, reader_id: ReaderId, asked_in: Session | None = None) -> None:
        """End the binding, and all sessions but the web session that it was ``asked_in``. The
        consent that was given by that WeChat user ends with it, and an answer that is sent once
        more binds nobody again.

        The sessions go first: what is cut off can be done again. The tokens of the WeChat user go
        too: they would name the reader again when the same user is bound again.
        """
        await self._codes.discard(reader_id)
        on_web = asked_in is not None and asked_in.kind is SessionKind.WEB
        await self._sessions.close_of_reader(reader_id, asked_in if on_web else None)
        await self._bindings.unbind(reader_id)
        await self._consents.forget(reader_id)
        await self._sessions.reader_changed(reader_id)

    # --- the WeChat user, in the mini-program -----------------------------------------------------

    async def preview(self, principal: Principal, secret: str, now: datetime) -> Reader:
        """Who would be bound by a scanned code, or by one of a review. Raises: AlreadyBound,
        ActivationCodeInvalid."""
        await self._unbound(principal)
        reader_id = await self._codes.reader_of(secret, now)
        if reader_id is None:
            reader_id = await self._review.reader_of(secret, now)
        reader = await self._readers.get(reader_id) if reader_id is not None else None
        if reader is None:
            raise ActivationCodeInvalid()
        return reader

    async def bind(self, principal: Principal, code: str, now: datetime) -> Reader | BindingRequest:
        """Use the code up, then bind its reader to the WeChat user. Where many have guessed, right
        digits give a request instead, which waits for the reader.

        Raises: AlreadyBound, ReaderBoundElsewhere, ActivationCodeInvalid, TooManyAttempts.
        """
        openid = await self._unbound(principal)
        if _SECRET.fullmatch(code):
            reader_id = await self._codes.redeem_secret(code, now)
            if reader_id is None:
                reader_id = await self._review.redeem(code, now)
        else:
            found = await self._redeem_digits(principal, openid, code, now)
            if isinstance(found, BindingRequest):
                return found
            reader_id = found
        if reader_id is None:
            raise ActivationCodeInvalid()
        session = principal.session
        unionid = await self._sessions.unionid_of(session.id)
        await self._bindings.bind(reader_id, openid, unionid, now)
        await self._sessions.bound(session.id, reader_id)
        reader = await self._readers.get(reader_id)
        assert reader is not None
        return reader

    async def _redeem_digits(
        self, principal: Principal, openid: str, code: str, now: datetime
    ) -> ReaderId | BindingRequest | None:
        """Counted as wrong first, and given back where they are right."""
        own = [AttemptLimit(f"activation:openid:{token_hash(openid)}", _PER_USER, _WINDOW)]
        await self._attempts.register(own, now)
        # Both are counted, whatever the first one says.
        past = [await self._attempts.count(limit, now) for limit in _ASK_PAST]
        found: ReaderId | BindingRequest | None = None
        if not any(past):
            found = await self._codes.redeem(code, now)
        if found is None:
            number = f"{10 + secrets.randbelow(90)}"
            found = await self._codes.ask(code, openid, principal.session.id, number, now)
        if found is not None:
            await self._attempts.refund([*own, *_ASK_PAST])
        return found

    async def state(self, principal: Principal, now: datetime) -> BindingState:
        """What has become of the WeChat user's latest request."""
        if principal.reader is not None:
            return BindingState("bound", principal.reader)
        openid = principal.session.openid
        if openid is None:
            raise Unauthenticated()
        request = await self._codes.request_of(openid)
        if request is None:
            return BindingState("none")
        if request.confirmed is False:
            return BindingState("refused", None, request)
        waits = now < request.expires_at and (request.live or request.confirmed)
        return BindingState("pending" if waits else "expired", None, request)

    async def _unbound(self, principal: Principal) -> str:
        """The openid of a WeChat user who is not bound. Raises: Unauthenticated, AlreadyBound."""
        openid = principal.session.openid
        if openid is None:
            raise Unauthenticated()
        if await self._bindings.reader_of(openid) is not None:
            raise AlreadyBound()
        return openid
