"""The access_token of a WeChat account, requested once for all workers. Only ``stable_token`` is
used: ``cgi-bin/token`` would invalidate the previous token. A token is looked up in this
process's cache, then in Redis, then at WeChat."""

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
# A token from WeChat lives at least 300 s; the stored copy must end before it.
_MARGIN_SECONDS: Final = 300
_SHORTEST_SECONDS: Final = 60
# A little longer than a call to WeChat may take.
_LOCK_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.1
_OPEN_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 1.0
_ALARM_AGAIN_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class IssuedAccessToken:
    """A token as WeChat issued it; ``expires_in`` is in seconds."""

    token: str
    expires_in: int


class TokenRequestFailed(Exception):
    """WeChat issued no token. ``errcode``: None without an answer, -1 if WeChat is busy."""

    def __init__(self, errcode: int | None) -> None:
        super().__init__(errcode)
        self.errcode = errcode


class AccessTokens:
    """Keeps the current token of one account. ``issue`` requests a token from WeChat once and
    raises ``TokenRequestFailed``. ``shared`` is the cache in Redis; while Redis is unreachable,
    each process requests its own token."""

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
        self._alarmed: tuple[int | None, float] | None = None
        """The last alarm's errcode, and until when (monotonic seconds) repeats are not logged."""

    async def get(self, bad: str | None = None) -> str:
        """Returns a valid token. ``bad``: a token that WeChat has just refused, so another one
        is returned. WeChat is called at most once. After a failure all callers get the same
        error for a second; if the failure is lasting, for a minute. Raises: TokenUnavailable."""
        if (token := self._from_process(bad)) is not None:
            return token
        async with self._single_flight:
            if (token := self._from_process(bad)) is not None:
                return token
            token, seconds = await self._renew(bad)
            self._cached = (token, self._monotonic() + min(_PROCESS_CACHE_SECONDS, seconds))
            return token

    def mark_invalid(self, token: str, errcode: int) -> None:
        """Called after WeChat refused a fresh ``token``: ``get`` then fails for a minute."""
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
            # The previous holder of the lock may have stored a token meanwhile.
            return await self._from_shared(bad, quiet=True) or await self._from_wechat(bad)
        finally:
            await self._unlock(owner)

    async def _from_shared(
        self, bad: str | None, *, quiet: bool = False
    ) -> tuple[str, float] | None:
        try:
            entry = await self._shared.get(self._appid)
        except Unavailable:
            if quiet:
                return None
            raise
        return None if entry is None or entry[0] == bad else entry

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
            if (
                self._alarmed is None
                or self._alarmed[0] != failure.errcode
                or now > self._alarmed[1]
            ):
                _log.error("wechat_token_refused", extra={**fields, "alarm": True})
                self._alarmed = (failure.errcode, now + _ALARM_AGAIN_SECONDS)
        else:
            _log.warning("wechat_token_busy", extra=fields)
