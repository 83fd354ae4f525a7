"""Calls to WeChat's API: wechatpy's API methods and exceptions over aiohttp.

wechatpy's transport is not used: it blocks, has no time-out for the token, retries a bad token
without end, and puts the secret into error texts. ``_request`` is replaced, so the API methods
return awaitables. Methods that read the result themselves (``menu.get``) do not work.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Mapping
from typing import Any, Final, cast
from urllib.parse import urlsplit

import aiohttp
import msgspec
from wechatpy.client.api import WeChatMessage, WeChatWxa
from wechatpy.client.base import BaseWeChatClient
from wechatpy.exceptions import APILimitedException, WeChatClientException
from yarl import URL

from models.wechat.access_token_repository import AccessTokenStore
from notify.outgoing_calls import OutgoingCalls, OutgoingSystem
from notify.wechat.access_tokens import AccessTokens, IssuedAccessToken, TokenRequestFailed

_TOKEN_ERRORS: Final = frozenset({40001, 40014, 42001})
_DAY_QUOTA: Final = 45009
_STABLE_TOKEN: Final = "/cgi-bin/stable_token"
_LOGIN: Final = "/sns/jscode2session"
_KEEP_ALIVE_S: Final = 15.0
_WRITTEN_KEPT: Final = 8
_COMMENT: Final = 2
"""msg_sec_check's `scene` for a comment; others are 1 (profile), 3 (forum) and 4 (social log)."""


class ConnectionFailed(WeChatClientException):  # type: ignore[misc]
    """The call did not reach WeChat's API: there was no connection, or a proxy refused it."""


class _MiniProgramApi(WeChatWxa):  # type: ignore[misc]
    """wechatpy's mini-program methods, further ones, and two more fields of subscribe messages."""

    def send_subscribe_message(
        self,
        user_id: str,
        template_id: str,
        data: Mapping[str, Mapping[str, str]],
        page: str | None = None,
        miniprogram_state: str = "formal",
        lang: str = "zh_CN",
    ) -> Awaitable[Any]:
        message = {
            "touser": user_id,
            "template_id": template_id,
            "data": data,
            "miniprogram_state": miniprogram_state,
            "lang": lang,
        }
        if page:
            message["page"] = page
        return cast("Awaitable[Any]", self._post("cgi-bin/message/subscribe/send", data=message))

    def url_link(self, path: str, query: str, days: int, env_version: str) -> Awaitable[Any]:
        """Requests a link that opens the page from outside WeChat, for at most 30 days
        (wxa/generate_urllink)."""
        body = {"path": path, "query": query, "env_version": env_version}
        body |= {"expire_type": 1, "expire_interval": days}  # type: ignore[dict-item]
        return cast("Awaitable[Any]", self._post("wxa/generate_urllink", data=body))

    def check_text(self, openid: str, content: str) -> Awaitable[Any]:
        """Asks WeChat for its verdict on a comment of the user (wxa/msg_sec_check, version 2)."""
        body = {"version": 2, "openid": openid, "scene": _COMMENT, "content": content}
        return cast("Awaitable[Any]", self._post("wxa/msg_sec_check", data=body))

    def templates(self) -> Awaitable[Any]:
        """Requests the list of the account's subscribe templates (wxaapi/newtmpl/gettemplate)."""
        return cast("Awaitable[Any]", self._get("wxaapi/newtmpl/gettemplate"))

    def entry_code(self, scene: str, env_version: str) -> Awaitable[Any]:
        """Requests a picture whose scan opens the mini-program's first page with ``scene``. Such
        pictures are valid for ever and unlimited in number (wxa/getwxacodeunlimit). WeChat does
        not check the page (check_path): the page may not be published yet."""
        body = {"scene": scene, "env_version": env_version, "check_path": False, "width": 430}
        return cast("Awaitable[Any]", self._post("wxa/getwxacodeunlimit", data=body))


class WeChatClient(BaseWeChatClient):  # type: ignore[misc]
    """Calls WeChat's API for one account. An async context manager.

    A failed call raises ``WeChatClientException`` with WeChat's ``errcode``, which is None if the
    outcome is unknown (time-out, 502, broken connection), or ``ConnectionFailed``. No error text
    contains a URL, since its query holds the token or the secret. ``base_url`` has no part of the
    API's path. A connection may take 3 s of ``timeout_seconds``.
    """

    API_BASE_URL = "https://api.weixin.qq.com/cgi-bin/"
    # wechatpy's is a property that fetches in a blocking way.
    access_token = None

    wxa = _MiniProgramApi()
    message = WeChatMessage()

    def __init__(
        self,
        *,
        base_url: str,
        appid: str,
        secret: str,
        shared_tokens: AccessTokenStore,
        timeout_seconds: float = 8,
    ) -> None:
        super().__init__(appid, auto_retry=False)
        self.secret = secret
        self.tokens = AccessTokens(appid, self.issue_token, shared_tokens)
        self._base_url = base_url.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(
            total=timeout_seconds, connect=min(3, timeout_seconds)
        )
        self._sessions: tuple[aiohttp.ClientSession, aiohttp.ClientSession] | None = None
        self._written: dict[tuple[str, str], URL] = {}
        self.calls = OutgoingCalls(OutgoingSystem.WECHAT)

    async def __aenter__(self) -> WeChatClient:
        jar = aiohttp.DummyCookieJar()
        self._sessions = (
            # No limit of connections: callers limit their calls themselves.
            aiohttp.ClientSession(
                timeout=self._timeout,
                cookie_jar=jar,
                headers={"Content-Type": "application/json"},
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_S),
            ),
            # aiohttp resends a GET when a kept-alive connection drops; a login code is good once,
            # so the second one would be refused as used.
            aiohttp.ClientSession(
                timeout=self._timeout,
                cookie_jar=jar,
                connector=aiohttp.TCPConnector(force_close=True),
            ),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._sessions is not None:
            for session in self._sessions:
                await session.close()
            self._sessions = None

    async def _request(self, method: str, url_or_endpoint: str, **kwargs: Any) -> Any:
        """Makes a call for wechatpy; if the token is refused, repeats it once with a new token."""
        root = kwargs.pop("api_base_url", None) or self.API_BASE_URL
        path = urlsplit(f"{root}{url_or_endpoint}").path
        params = dict(kwargs.get("params") or {})
        data = kwargs.get("data")
        if path in (_STABLE_TOKEN, _LOGIN):
            result = await self._call(method, path, self._url(path, params), data)
        else:
            result = await self._call_with_token(method, path, params, data)
        processor = kwargs.get("result_processor")
        return processor(result) if processor else result

    async def _call_with_token(
        self, method: str, path: str, params: dict[str, Any], data: Any
    ) -> Any:
        token = await self.tokens.get()
        try:
            return await self._call(method, path, self._with_token(path, params, token), data)
        except WeChatClientException as error:
            if error.errcode not in _TOKEN_ERRORS:
                raise
        token = await self.tokens.get(bad=token)
        try:
            return await self._call(method, path, self._with_token(path, params, token), data)
        except WeChatClientException as error:
            if error.errcode in _TOKEN_ERRORS:
                self.tokens.mark_invalid(token, error.errcode)
            raise

    def _url(self, path: str, params: Mapping[str, Any]) -> URL:
        return URL(f"{self._base_url}{path}").with_query(params)

    def _with_token(self, path: str, params: dict[str, Any], token: str) -> URL:
        """The URL with the token, cached for calls that have no other parameter."""
        if params:
            return self._url(path, {**params, "access_token": token})
        if (url := self._written.get((path, token))) is None:
            if len(self._written) >= _WRITTEN_KEPT:
                self._written.clear()
            url = self._written[path, token] = self._url(path, {"access_token": token})
        return url

    async def _call(self, method: str, path: str, url: URL, data: Any) -> Any:
        if self._sessions is None:
            raise RuntimeError("the transport is not open")
        session = self._sessions[1 if path == _LOGIN else 0]
        body = msgspec.json.encode(data, enc_hook=str) if data is not None else None
        try:
            async with await self.calls.request(
                session, method, url, data=body, allow_redirects=False
            ) as response:
                raw = await response.read()
                status = response.status
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise ConnectionFailed(None, type(error).__name__) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise WeChatClientException(None, type(error).__name__) from None
        if status != 200:
            raise _status_error(status)
        return _result(raw)

    async def issue_token(self) -> IssuedAccessToken:
        """Requests the account's token from WeChat, uncached. Raises: TokenRequestFailed."""
        body = {
            "grant_type": "client_credential",
            "appid": self.appid,
            "secret": self.secret,
            "force_refresh": False,
        }
        try:
            result = await self._call("post", _STABLE_TOKEN, self._url(_STABLE_TOKEN, {}), body)
            return IssuedAccessToken(str(result["access_token"]), int(result["expires_in"]))
        except WeChatClientException as error:
            raise TokenRequestFailed(error.errcode) from None
        except (KeyError, TypeError, ValueError):
            raise TokenRequestFailed(None) from None


_MAYBE_DONE: Final = frozenset({408, 500, 502, 504})


def _status_error(status: int) -> WeChatClientException:
    """The error for an HTTP status other than 200, which a gateway sends: WeChat's API itself
    always answers 200. The outcome is unknown if the server behind the gateway failed or was
    slow. With 503, 429, a redirect or a refusal, the gateway has not forwarded the call."""
    unknown = status in _MAYBE_DONE or status > 504 or status < 300
    return (WeChatClientException if unknown else ConnectionFailed)(None, f"HTTP {status}")


def _result(raw: bytes) -> Any:
    """The answer's JSON object, or its bytes (a picture). The content type does not help to
    distinguish them: answers to logins are text/plain, errors of picture calls JSON. Raises:
    WeChatClientException for an answer that is an error."""
    try:
        result = json.loads(raw)
    except ValueError:
        return raw
    if not isinstance(result, dict):
        return result
    errcode = result.get("errcode", 0)
    if errcode != 0:
        kind = APILimitedException if errcode == _DAY_QUOTA else WeChatClientException
        raise kind(int(errcode), str(result.get("errmsg", "")))
    return result
