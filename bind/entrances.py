"""Entrances without a password: who comes from the campus's app or from 企业微信.

Each either sends the browser somewhere to be identified, or redeems the proof that it came with,
once, over a connection of our own. Nothing that the browser says about itself is believed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, Protocol, Self
from urllib.parse import urlencode

import aiohttp
import msgspec

from bind.cas import CasClient
from models.errors import Unauthenticated, Upstream

TIMEOUT_S: Final = 5.0
_PROOF: Final = re.compile(r"[\x21-\x7e]{1,512}", re.ASCII)
_TOKEN_SPARE_S: Final = 300
_TOKEN_DEAD: Final = frozenset({40014, 42001})
_CODE_BAD: Final = frozenset({40029, 40163, 42003})
_MAX_ANSWER: Final = 64 * 1024


class EntryRefused(Unauthenticated):
    """The proof is unknown, used or late, or names nobody of this campus."""

    code = "entry_refused"


class EntryUnavailable(Upstream):
    """The campus's side gives no usable answer. Details: ``reason``, one static word."""

    code = "entry_unavailable"

    def __init__(self, reason: str) -> None:
        super().__init__(retry_after=5, reason=reason)


@dataclass(frozen=True, slots=True)
class CampusUser:
    """Whom the proof names: the student number as the campus writes it, and what else it told."""

    number: str
    name: str = ""
    kind: str = ""


class Entrance(Protocol):
    """One way in."""

    proof: str
    """The query parameter that carries the proof."""

    def begin(self, state: str) -> str | None:
        """Where the browser goes to be identified; None where it has to come with its proof."""

    async def identify(self, proof: str) -> CampusUser:
        """Redeem the proof. Raises: EntryRefused, EntryUnavailable."""


class CasEntrance:
    """The app's webview holds the campus's CAS cookie: one redirect there and back signs in."""

    proof = ""

    def __init__(self, cas: CasClient) -> None:
        self._cas = cas

    def begin(self, state: str) -> str | None:
        return self._cas.login_url()

    async def identify(self, proof: str) -> CampusUser:
        raise EntryRefused()


class _Client:
    """JSON over HTTP with the campus's side. Use it as an async context manager."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # One reader's cookies must never travel with the next reader's proof.
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None
        await self._session.close()

    async def ask(self, method: str, url: str, **options: Any) -> tuple[int, Mapping[str, Any]]:
        """Status and JSON object. Raises: EntryUnavailable for anything else."""
        assert self._session is not None
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                self._session.request(method, url, allow_redirects=False, **options) as answer,
            ):
                raw = bytearray()
                async for chunk in answer.content.iter_chunked(8192):
                    raw += chunk
                    if len(raw) > _MAX_ANSWER:
                        raise EntryUnavailable("too_large")
                found = msgspec.json.decode(raw)
        except TimeoutError:
            raise EntryUnavailable("timeout") from None
        except aiohttp.ClientError:
            # The chained error would carry the URL, and with it the proof, into the logs.
            raise EntryUnavailable("connection") from None
        except msgspec.DecodeError:
            raise EntryUnavailable("garbage") from None
        if not isinstance(found, dict):
            raise EntryUnavailable("garbage")
        return answer.status, found


class TicketEntrance(_Client):
    """The app opens us with a one-time ticket, which its server exchanges for a person.

    ``POST <url>`` with ``Authorization: Bearer <secret>`` and ``{"ticket": …}`` answers 200
    ``{"student_no", "name", "kind"}``, or 4xx for a ticket that is unknown, used or late.
    """

    proof = "ticket"

    def __init__(self, url: str, secret: str) -> None:
        super().__init__()
        self._url = url
        self._secret = secret

    def begin(self, state: str) -> str | None:
        return None

    async def identify(self, proof: str) -> CampusUser:
        if not _PROOF.fullmatch(proof):
            raise EntryRefused()
        status, found = await self.ask(
            "POST",
            self._url,
            json={"ticket": proof},
            headers={"Authorization": f"Bearer {self._secret}"},
        )
        if status in (401, 403):
            raise EntryUnavailable("secret")  # it is we who are refused there
        if 400 <= status < 500:
            raise EntryRefused()
        if status != 200:
            raise EntryUnavailable("status")
        return _user(found, "student_no")


class WeComEntrance(_Client):
    """企业微信: OAuth2 without asking (``snsapi_base``), then ``auth/getuserinfo``.

    https://developer.work.weixin.qq.com/document/path/91023: the member's ``userid`` is taken for
    the student number. ``gettoken`` gives every asker the same token while it lives, so each
    worker may keep its own copy.
    """

    proof = "code"

    def __init__(
        self,
        corp_id: str,
        agent_id: str,
        secret: str,
        redirect_uri: str,
        *,
        api_url: str = "https://qyapi.weixin.qq.com",
        authorize_url: str = "https://open.weixin.qq.com/connect/oauth2/authorize",
    ) -> None:
        super().__init__()
        self._corp_id, self._agent_id, self._secret = corp_id, agent_id, secret
        self._redirect_uri = redirect_uri
        self._api_url, self._authorize_url = api_url.rstrip("/"), authorize_url
        self._token, self._token_until = "", 0.0

    def begin(self, state: str) -> str | None:
        query = {
            "appid": self._corp_id,
            "redirect_uri": self._redirect_uri,
            "response_type": "code",
            "scope": "snsapi_base",
            "state": state,
            "agentid": self._agent_id,
        }
        return f"{self._authorize_url}?{urlencode(query)}#wechat_redirect"

    async def identify(self, proof: str) -> CampusUser:
        if not _PROOF.fullmatch(proof):
            raise EntryRefused()
        found: Mapping[str, Any] = {}
        for _ in range(2):  # a token may have died before its time: renew it once
            query = {"access_token": await self._access_token(), "code": proof}
            found = await self._api("auth/getuserinfo", query)
            if found.get("errcode") not in _TOKEN_DEAD:
                break
            self._token_until = 0.0
        if found.get("errcode") in _CODE_BAD:
            raise EntryRefused()
        if found.get("errcode") != 0:
            raise EntryUnavailable("errcode")
        return _user(found, "userid")  # who is no member of the school has an openid only

    async def _access_token(self) -> str:
        if monotonic() >= self._token_until:
            found = await self._api(
                "gettoken", {"corpid": self._corp_id, "corpsecret": self._secret}
            )
            token, lives = found.get("access_token"), found.get("expires_in")
            if not isinstance(token, str) or not isinstance(lives, int):
                raise EntryUnavailable("token")
            self._token, self._token_until = token, monotonic() + lives - _TOKEN_SPARE_S
        return self._token

    async def _api(self, path: str, query: Mapping[str, str]) -> Mapping[str, Any]:
        status, found = await self.ask("GET", f"{self._api_url}/cgi-bin/{path}", params=query)
        if status != 200:
            raise EntryUnavailable("status")
        return found


def _user(found: Mapping[str, Any], number: str) -> CampusUser:
    values = {name: found.get(name) or "" for name in (number, "name", "kind")}
    if not all(isinstance(value, str) for value in values.values()):
        raise EntryUnavailable("garbage")
    if not values[number].strip():
        raise EntryRefused()
    return CampusUser(values[number].strip(), values["name"], values["kind"])
