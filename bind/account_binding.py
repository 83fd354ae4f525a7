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
    """The progress of binding a WeChat user to a reader. ``reader`` is set in state ``bound``,
    ``request`` in the states ``pending``, ``refused`` and ``expired``."""

    state: Literal["none", "pending", "refused", "expired", "bound"]
    reader: Reader | None = None
    request: BindingRequest | None = None


def link(base: str, secret: str) -> str:
    """The URL that an activation code's QR code contains. ``base``: this service's base URL."""
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
        """Returns the reader's valid activation code, or creates one. With ``renew`` an existing
        code is revoked first. Raises: Busy if no unused digits were found."""
        if renew:
            await self._codes.revoke(reader_id)
        for _ in range(20):  # digits or concurrent requests may collide; the next try succeeds
            live = await self._codes.active_code(reader_id, now)
            if live is not None:
                return live
            await self._codes.issue(
                reader_id, f"{secrets.randbelow(1_000_000):06d}", now, now + LIFETIME
            )
        raise Busy()

    async def request_for(self, reader_id: ReaderId, now: datetime) -> BindingRequest | None:
        """The reader's unanswered binding request, or None. Creates no activation code."""
        live = await self._codes.active_code(reader_id, now)
        return live.request if live is not None else None

    async def confirm(self, reader_id: ReaderId, request_id: str, now: datetime) -> None:
        """The reader answers 是我 (it is me): binds the request's WeChat user to the reader. If
        the response was lost, the call can be repeated. Raises: BindingRequestOver,
        AlreadyBound, ReaderBoundElsewhere."""
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
        """The reader answers 不是我 (it is not me): uses the activation code up without binding.
        Raises: BindingRequestOver."""
        if await self._codes.answer(reader_id, request_id, False, now) is None:
            raise BindingRequestOver()
        log.warning("binding_refused", extra={"reader": reader_id, "request": request_id})

    async def reader_of(self, openid: str) -> ReaderId | None:
        return await self._bindings.reader_of(openid)

    async def reader_by_unionid(self, unionid: str) -> ReaderId | None:
        return await self._bindings.reader_by_unionid(unionid)

    async def is_bound(self, reader_id: ReaderId) -> bool:
        return await self._bindings.is_bound(reader_id)

    async def unbind(self, reader_id: ReaderId, requested_in: Session | None = None) -> None:
        """Ends the binding, the consents of its WeChat user, and all sessions of the reader except
        the web session ``requested_in``. The activation code is deleted too, so a repeated
        ``confirm`` cannot bind again.

        The binding is deleted after the sessions, so that the call can be repeated after a failure.
        The WeChat user's sessions end too, because a later binding would turn them into sessions of
        another reader.
        """
        await self._codes.discard(reader_id)
        on_web = requested_in is not None and requested_in.kind is SessionKind.WEB
        await self._sessions.close_of_reader(reader_id, requested_in if on_web else None)
        await self._bindings.unbind(reader_id)
        await self._consents.forget(reader_id)
        await self._sessions.reader_changed(reader_id)

    # --- the WeChat user, in the mini-program -----------------------------------------------------

    async def preview(self, principal: Principal, secret: str, now: datetime) -> Reader:
        """The reader whom a scanned code or review code would bind. Does not use the code up.
        Raises: AlreadyBound, ActivationCodeInvalid, Unauthenticated."""
        await self._unbound(principal)
        reader_id = await self._redeemable.reader_of(secret, now)
        reader = await self._readers.get(reader_id) if reader_id is not None else None
        if reader is None:
            raise ActivationCodeInvalid()
        return reader

    async def bind(self, principal: Principal, code: str, now: datetime) -> Reader | BindingRequest:
        """Uses the code up and binds the WeChat user to its reader. Returns the reader or, if
        guessing of codes was detected, a request that the reader has to confirm. Raises:
        AlreadyBound, ReaderBoundElsewhere, ActivationCodeInvalid, TooManyAttempts."""
        openid, session = await self._unbound(principal), principal.session
        redeemed = await self._redeemable.redeem(openid, session.id, code, now)
        if redeemed is None:
            raise ActivationCodeInvalid()
        if isinstance(redeemed, BindingRequest):
            return redeemed
        unionid = await self._sessions.unionid_of(session.id)
        await self._bindings.bind(redeemed, openid, unionid, now)
        await self._sessions.bound(session.id, redeemed)
        reader = await self._readers.get(redeemed)
        assert reader is not None
        return reader

    async def state(self, principal: Principal, now: datetime) -> BindingState:
        """The progress of this WeChat user's binding, by the latest request. Raises:
        Unauthenticated for a session without a WeChat user."""
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
        """The openid of the session's WeChat user, who is not bound. Raises: AlreadyBound;
        Unauthenticated for a session without an openid."""
        openid = principal.session.openid
        if openid is None:
            raise Unauthenticated()
        if await self._bindings.reader_of(openid) is not None:
            raise AlreadyBound()
        return openid
