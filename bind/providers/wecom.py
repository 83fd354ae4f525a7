"""Sign-in by WeCom (企业微信)."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any, Final
from urllib.parse import urlencode

from bind.providers.base import (
    _PROOF,
    ExternalIdentity,
    LoginRejected,
    ProviderUnavailable,
    _Client,
    _user,
)

_TOKEN_SPARE_S: Final = 300
_TOKEN_DEAD: Final = frozenset({40014, 42001})
_CODE_BAD: Final = frozenset({40029, 40163, 42003})


class WeComProvider(_Client):
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

    def authorization_url(self, state: str) -> str | None:
        query = {
            "appid": self._corp_id,
            "redirect_uri": self._redirect_uri,
            "response_type": "code",
            "scope": "snsapi_base",
            "state": state,
            "agentid": self._agent_id,
        }
        return f"{self._authorize_url}?{urlencode(query)}#wechat_redirect"

    async def authenticate(self, proof: str) -> ExternalIdentity:
        if not _PROOF.fullmatch(proof):
            raise LoginRejected()
        found: Mapping[str, Any] = {}
        for _ in range(2):  # a token may have died before its time: renew it once
            query = {"access_token": await self._access_token(), "code": proof}
            found = await self._api("auth/getuserinfo", query)
            if found.get("errcode") not in _TOKEN_DEAD:
                break
            self._token_until = 0.0
        if found.get("errcode") in _CODE_BAD:
            raise LoginRejected()
        if found.get("errcode") != 0:
            raise ProviderUnavailable("errcode")
        return _user(found, "userid")  # who is no member of the school has an openid only

    async def _access_token(self) -> str:
        if monotonic() >= self._token_until:
            found = await self._api(
                "gettoken", {"corpid": self._corp_id, "corpsecret": self._secret}
            )
            token, lives = found.get("access_token"), found.get("expires_in")
            if not isinstance(token, str) or not isinstance(lives, int):
                raise ProviderUnavailable("token")
            self._token, self._token_until = token, monotonic() + lives - _TOKEN_SPARE_S
        return self._token

    async def _api(self, path: str, query: Mapping[str, str]) -> Mapping[str, Any]:
        status, found = await self.ask("GET", f"{self._api_url}/cgi-bin/{path}", params=query)
        if status != 200:
            raise ProviderUnavailable("status")
        return found
