"""Calls to WeCom's API as one application. Each worker process may keep a token of its own:
``gettoken`` returns the same token to all
(https://developer.work.weixin.qq.com/document/path/91039)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final, Self

import aiohttp
import msgspec

from notify.outgoing_calls import OutgoingCalls, OutgoingSystem

TIMEOUT_S: Final = 5.0
TOKEN_DEAD: Final = frozenset({40014, 42001})
_TOKEN_SPARE_S: Final = 300
_MAX_ANSWER: Final = 64 * 1024
_DEFINITE: Final = frozenset({429, 502, 503})
"""HTTP statuses by which a proxy says that it has not forwarded the call."""


@dataclass(frozen=True, slots=True)
class WeComSettings:
    corp_id: str
    agent_id: str
    secret: str = field(repr=False)
    api_url: str


class WeComUnavailable(Exception):
    """A failed call. ``reason``: one word for logs. ``unknown``: WeCom may have carried it out."""

    def __init__(self, reason: str, *, unknown: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.unknown = reason, unknown


class WeComClient:
    def __init__(self, settings: WeComSettings) -> None:
        self.settings = settings
        self._session: aiohttp.ClientSession | None = None
        self._token, self._token_until = "", 0.0
        self.calls = OutgoingCalls(OutgoingSystem.WECOM)

    async def __aenter__(self) -> Self:
        # One reader's cookies must never travel with the next reader's proof.
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None
        await self._session.close()

    async def call(
        self, path: str, query: Mapping[str, str], body: object = None
    ) -> Mapping[str, Any]:
        """Makes one call, a POST if there is a ``body``; returns the answer, which includes
        ``errcode``. If WeCom refuses the token, the call is repeated once with a new one.
        Raises: WeComUnavailable."""
        answer: Mapping[str, Any] = {}
        for _ in range(2):
            with_token = {"access_token": await self._access_token(), **query}
            answer = await self._ask(path, with_token, body)
            if answer.get("errcode") not in TOKEN_DEAD:
                break
            self._token_until = 0.0
        return answer

    async def new_token(self) -> int:
        """Requests a token from WeCom without the cache; returns the ``errcode`` of the answer.
        Raises: WeComUnavailable."""
        return int((await self._gettoken()).get("errcode", 0))

    async def _access_token(self) -> str:
        if monotonic() >= self._token_until:
            answer = await self._gettoken()
            token, lives = answer.get("access_token"), answer.get("expires_in")
            if not isinstance(token, str) or not isinstance(lives, int):
                raise WeComUnavailable("token")
            self._token, self._token_until = token, monotonic() + lives - _TOKEN_SPARE_S
        return self._token

    async def _gettoken(self) -> Mapping[str, Any]:
        account = {"corpid": self.settings.corp_id, "corpsecret": self.settings.secret}
        return await self._ask("gettoken", account, None)

    async def _ask(self, path: str, query: Mapping[str, str], body: object) -> Mapping[str, Any]:
        assert self._session is not None
        url = f"{self.settings.api_url.rstrip('/')}/cgi-bin/{path}"
        content = None if body is None else msgspec.json.encode(body, enc_hook=str)
        method = "GET" if content is None else "POST"
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                await self.calls.request(
                    self._session, method, url, params=query, data=content, allow_redirects=False
                ) as answer,
            ):
                raw = bytearray()
                async for chunk in answer.content.iter_chunked(8192):
                    raw += chunk
                    if len(raw) > _MAX_ANSWER:
                        raise WeComUnavailable("too_large", unknown=True)
                if answer.status != 200:
                    raise WeComUnavailable("status", unknown=answer.status not in _DEFINITE)
                decoded = msgspec.json.decode(raw)
        except TimeoutError:
            raise WeComUnavailable("timeout", unknown=True) from None
        except aiohttp.ClientConnectorError:
            raise WeComUnavailable("connection") from None
        except aiohttp.ClientError:
            # The chained error would carry the URL, and with it the proof, into the logs.
            raise WeComUnavailable("connection", unknown=True) from None
        except msgspec.DecodeError:
            raise WeComUnavailable("garbage", unknown=True) from None
        if not isinstance(decoded, dict):
            raise WeComUnavailable("garbage", unknown=True)
        return decoded
