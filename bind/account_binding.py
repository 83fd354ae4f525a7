"""Activation codes and bindings: how a reader lets a WeChat user in, once."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from bind.redeemable_codes import RedeemableCodes
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
from models.kernel.errors import Busy, Unauthenticated
from models.kernel.ids import ReaderId
from models.messages.consent_repository import ConsentRepository
from models.readers.entities import Reader
from models.readers.repository import ReaderRepository

log = logging.getLogger(__name__)
LIFETIME: Final = timedelta(minutes=10)


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
        redeemable: RedeemableCodes,
        bindings: BindingRepository,
        readers: ReaderRepository,
        sessions: SessionService,
        consents: ConsentRepository,
    ) -> None:
        self._codes, self._redeemable, self._bindings = codes, redeemable, bindings
        self._readers, self._sessions, self._consents = readers, sessions, consents

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
        raise Busy()

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
        reader_id = await self._redeemable.reader_of(secret, now)
        reader = await self._readers.get(reader_id) if reader_id is not None else None
        if reader is None:
            raise ActivationCodeInvalid()
        return reader

    async def bind(self, principal: Principal, code: str, now: datetime) -> Reader | BindingRequest:
        """Use the code up, then bind its reader to the WeChat user. Where many have guessed, right
        digits give a request instead, which waits for the reader.

        Raises: AlreadyBound, ReaderBoundElsewhere, ActivationCodeInvalid, TooManyAttempts.
        """
        openid, session = await self._unbound(principal), principal.session
        found = await self._redeemable.redeem(openid, session.id, code, now)
        if found is None:
            raise ActivationCodeInvalid()
        if isinstance(found, BindingRequest):
            return found
        unionid = await self._sessions.unionid_of(session.id)
        await self._bindings.bind(found, openid, unionid, now)
        await self._sessions.bound(session.id, found)
        reader = await self._readers.get(found)
        assert reader is not None
        return reader

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
