"""The access_token: fetched once for all workers, never in a loop.

Only ``stable_token`` is used: asking again gives the same token, so that two askers do not
invalidate each other's (``cgi-bin/token`` does that). The order of look-ups is this process's
cache, Redis, WeChat.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from models.kernel.errors import Unavailable
from models.wechat.access_token_repository import AccessTokenStore
from notify.wechat.errors import TokenUnavailable

_log = logging.getLogger(__name__)
_PROCESS_CACHE_SECONDS: Final = 30.0
# A token that WeChat returns lives at least 300 s; what we keep must end before the token does.
_MARGIN_SECONDS: Final = 300
_SHORTEST_SECONDS: Final = 60
# A little longer than a call to WeChat may take.
_LOCK_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.1
_OPEN_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 1.0
_TELL_AGAIN_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class IssuedAccessToken:
    """A token as WeChat issued it; ``expires_in`` is in seconds."""

    token: str
    expires_in: int


class TokenRequestFailed(Exception):
    """WeChat issued no token. ``errcode`` is None when it did not answer; -1 is "busy"."""

    def __init__(self, errcode: int | None) -> None:
        super().__init__(errcode)
        self.errcode = errcode


class AccessTokens:
    """The current token of one account.

    Args:
        appid: whose token.
        issue: one call of stable_token; raises ``TokenRequestFailed``.
        shared: where the workers share it. With Redis down each process asks WeChat for itself.
        monotonic: seconds, for the process's cache and the circuit breaker.
    """

    def __init__(
        self,
        appid: str,
        issue: Callable[[], Awaitable[IssuedAccessToken]],
        shared: AccessTokenStore,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._appid = appid
        self._issue = issue
        self._shared = shared
        self._monotonic = monotonic
        self._single_flight = asyncio.Lock()
        self._cached: tuple[str, float] | None = None
        self._open: tuple[TokenUnavailable, float] | None = None
        self._told: tuple[int | None, float] | None = None
        """The lasting refusal that a person has been told of, and until when that is enough."""

    async def get(self, bad: str | None = None) -> str:
        """A token that is not ``bad`` (one that WeChat has just refused).

        Asks WeChat once at most. After a failure everybody who waits, and whoever comes within a
        second (a minute, if the failure is a lasting one), gets the same failure.

        Raises:
            TokenUnavailable: none can be had.
        """
        if (token := self._from_process(bad)) is not None:
            return token
        async with self._single_flight:
            if (token := self._from_process(bad)) is not None:
                return token
            token, seconds = await self._renew(bad)
            self._cached = (token, self._monotonic() + min(_PROCESS_CACHE_SECONDS, seconds))
            return token

    def mark_invalid(self, token: str, errcode: int) -> None:
        """A freshly renewed ``token`` was refused as well: stop for a minute, and say so."""
        self._fail(TokenUnavailable(errcode, lasting=True, retry_after=_OPEN_SECONDS))
        if self._cached is not None and self._cached[0] == token:
            self._cached = None

    def _from_process(self, bad: str | None) -> str | None:
        now = self._monotonic()
        if self._open is not None:
            failure, until = self._open
            if now < until:
                raise TokenUnavailable(
                    failure.errcode, lasting=failure.lasting, retry_after=until - now
                )
            self._open = None
        if self._cached is not None:
            token, until = self._cached
            if token != bad and now < until:
                return token
        return None

    async def _renew(self, bad: str | None) -> tuple[str, float]:
        try:
            if (shared := await self._from_shared(bad)) is not None:
                return shared
            owner = secrets.token_hex(16)
            deadline = self._monotonic() + _LOCK_SECONDS
            while not await self._shared.lock(self._appid, owner, _LOCK_SECONDS):
                await asyncio.sleep(_POLL_SECONDS)
                if (shared := await self._from_shared(bad)) is not None:
                    return shared
                if self._monotonic() > deadline:  # the lock's holders fail one after another
                    return await self._from_wechat(bad)
        except Unavailable:
            # Without Redis each process asks for itself: stable_token gives all the same one.
            _log.warning("wechat_token_store_down", extra={"appid": self._appid})
            return await self._from_wechat(bad, share=False)
        try:
            # The one that held the lock before us may have put a token there meanwhile.
            return await self._from_shared(bad, quiet=True) or await self._from_wechat(bad)
        finally:
            await self._unlock(owner)

    async def _from_shared(
        self, bad: str | None, *, quiet: bool = False
    ) -> tuple[str, float] | None:
        try:
            found = await self._shared.get(self._appid)
        except Unavailable:
            if quiet:
                return None
            raise
        return None if found is None or found[0] == bad else found

    async def _from_wechat(self, bad: str | None, *, share: bool = True) -> tuple[str, float]:
        try:
            issued = await self._issue()
        except TokenRequestFailed as refused:
            lasting = refused.errcode not in (None, -1)
            failure = TokenUnavailable(
                refused.errcode,
                lasting=lasting,
                retry_after=_OPEN_SECONDS if lasting else _PAUSE_SECONDS,
            )
            self._fail(failure)
            raise failure from None
        if issued.token == bad:
            failure = TokenUnavailable(40001, lasting=True, retry_after=_OPEN_SECONDS)
            self._fail(failure)
            raise failure
        seconds = max(_SHORTEST_SECONDS, issued.expires_in - _MARGIN_SECONDS)
        if not share:
            return issued.token, float(seconds)
        try:
            await self._shared.put(self._appid, issued.token, seconds)
        except Unavailable:
            _log.warning("wechat_token_store_down", extra={"appid": self._appid})
        return issued.token, float(seconds)

    async def _unlock(self, owner: str) -> None:
        try:
            await self._shared.unlock(self._appid, owner)
        except Unavailable:
            _log.warning("wechat_token_store_down", extra={"appid": self._appid})

    def _fail(self, failure: TokenUnavailable) -> None:
        self._open = (failure, self._monotonic() + failure.retry_after)
        fields = {"appid": self._appid, "errcode": failure.errcode}
        if failure.lasting:
            now = self._monotonic()
            if self._told is None or self._told[0] != failure.errcode or now > self._told[1]:
                _log.error("wechat_token_refused", extra={**fields, "alarm": True})
                self._told = (failure.errcode, now + _TELL_AGAIN_SECONDS)
        else:
            _log.warning("wechat_token_busy", extra=fields)
