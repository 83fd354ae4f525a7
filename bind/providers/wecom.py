from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

from bind.providers.base import (
    PROOF,
    Attempt,
    EntryRefused,
    EntryUnavailable,
    ExternalIdentity,
    identity_of,
)
from notify.wecom.client import WeComClient, WeComUnavailable

_CODE_BAD: Final = frozenset({40029, 40163, 42003})


class WeComProvider:
    """WeCom sign-in: OAuth2 without a consent page (``snsapi_base``). The member's ``userid`` is
    the account number. https://developer.work.weixin.qq.com/document/path/91023"""

    def __init__(self, client: WeComClient, redirect_uri: str, authorize_url: str) -> None:
        self._client = client
        self._redirect_uri, self._authorize_url = redirect_uri, authorize_url

    async def authorization_url(self, attempt: Attempt) -> str | None:
        settings = self._client.settings
        query = {
            "appid": settings.corp_id,
            "redirect_uri": self._redirect_uri,
            "response_type": "code",
            "scope": "snsapi_base",
            "state": attempt.state,
            "agentid": settings.agent_id,
        }
        return f"{self._authorize_url}?{urlencode(query)}#wechat_redirect"

    async def authenticate(
        self, answer: Mapping[str, str], attempt: Attempt | None
    ) -> ExternalIdentity:
        proof = answer.get("code", "")
        if attempt is None or not attempt.is_answered_by(answer.get("state", "")):
            raise EntryRefused()  # begun in another browser, perhaps by an attacker as themselves
        if not PROOF.fullmatch(proof):
            raise EntryRefused()
        try:
            member = await self._client.call("auth/getuserinfo", {"code": proof})
        except WeComUnavailable as error:
            raise EntryUnavailable(error.reason) from None
        if member.get("errcode") in _CODE_BAD:
            raise EntryRefused()
        if member.get("errcode") != 0:
            raise EntryUnavailable("errcode")
        # A person who is no member of the school has only an openid, which identity_of refuses.
        return replace(identity_of(member, "userid"), ticket=f"entry {proof}")
