"""Activation codes and bindings: how a reader lets a WeChat user in, once."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bind.sessions import SessionDesk
from models.errors import (
    ActivationCodeInvalid,
    AlreadyBound,
    Busy,
    Unauthenticated,
)
from models.reader import Principal, Reader
from models.reservation import ReaderId
from models.store.credits import Credits
from models.store.identity import ActivationCodes, Bindings, Readers, Sessions
from models.store.sealing import fingerprint
from models.store.throttles import Limit, Throttles

LIFETIME: Final = timedelta(minutes=10)
_WINDOW: Final = timedelta(minutes=10)
# Six digits among at most some hundred live codes: 500 guesses in 10 minutes over all find one
# with a chance of a few per cent, and only if nobody looks. A campus can share one address.
_PER_OPENID, _PER_ADDRESS, _OVERALL = 5, 200, 500


@dataclass(frozen=True, slots=True)
class ActivationCode:
    code: str
    expires_at: datetime


class BindingDesk:
    def __init__(
        self,
        codes: ActivationCodes,
        bindings: Bindings,
        readers: Readers,
        sessions: Sessions,
        session_desk: SessionDesk,
        throttles: Throttles,
        credits: Credits,
    ) -> None:
        self._codes = codes
        self._bindings = bindings
        self._readers = readers
        self._sessions = sessions
        self._session_desk = session_desk
        self._throttles = throttles
        self._credits = credits

    async def code_for(self, reader_id: ReaderId, renew: bool, now: datetime) -> ActivationCode:
        """The reader's live code; a new one where there is none, or on ``renew``."""
        if renew:
            await self._codes.revoke(reader_id)
        for _ in range(20):  # a clash of digits or of two requests; both are over at the next try
            live = await self._codes.live_of(reader_id, now)
            if live is not None:
                return ActivationCode(*live)
            code = f"{secrets.randbelow(1_000_000):06d}"
            if await self._codes.issue(reader_id, code, now, now + LIFETIME):
                return ActivationCode(code, now + LIFETIME)
        raise Busy()

    async def bind(self, principal: Principal, code: str, address: str, now: datetime) -> Reader:
        """Use the code up, then bind its reader to the WeChat user.

        Raises: AlreadyBound, ReaderBoundElsewhere, ActivationCodeInvalid, TooManyAttempts.
        """
        session = principal.session
        if session.openid is None:
            raise Unauthenticated()
        if await self._bindings.reader_of(session.openid) is not None:
            raise AlreadyBound()
        limits = _limits(session.openid, address)
        await self._throttles.take(limits, now)
        reader_id = await self._codes.redeem(code, now)
        if reader_id is None:
            raise ActivationCodeInvalid()
        await self._throttles.give_back(limits)
        unionid = await self._sessions.unionid_of(session)
        await self._bindings.bind(reader_id, session.openid, unionid, now)
        await self._session_desk.bound(session, reader_id)
        reader = await self._readers.get(reader_id)
        assert reader is not None
        return reader

    async def is_bound(self, reader_id: ReaderId) -> bool:
        return await self._bindings.is_bound(reader_id)

    async def unbind(self, reader_id: ReaderId) -> None:
        """End the binding; the consent that was given by that WeChat user ends with it."""
        await self._bindings.unbind(reader_id)
        await self._credits.forget(reader_id)
        await self._session_desk.reader_changed(reader_id)


def _limits(openid: str, address: str) -> list[Limit]:
    return [
        Limit(f"activation:openid:{fingerprint(openid)}", _PER_OPENID, _WINDOW),
        Limit(f"activation:address:{address}", _PER_ADDRESS, _WINDOW),
        Limit("activation:all", _OVERALL, _WINDOW),
    ]
