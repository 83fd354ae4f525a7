"""The official account's calls to WeChat: its menu, texts to followers, and the followers' ids."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any, Final, cast

from wechatpy.client.api.base import BaseWeChatAPI
from wechatpy.exceptions import WeChatClientException

from models.wechat.access_token_repository import AccessTokenStore
from notify.outgoing_calls import OutgoingCalls
from notify.wechat.client import WeChatClient
from notify.wechat.errors import WeChatUnavailable
from notify.wechat.service_messages import send_text

HOME: Final = "pages/index/index"
"""The mini-program's first page."""
_NO_MENU: Final = 46003
_WITHIN_S: Final = 0.7
"""At most this many seconds are spent on a follower's id: a push must be answered within 1 s."""


class _OfficialApi(BaseWeChatAPI):  # type: ignore[misc]
    def menu(self) -> Awaitable[Any]:
        return cast("Awaitable[Any]", self._get("menu/get"))

    def put_menu(self, menu: Mapping[str, Any]) -> Awaitable[Any]:
        return cast("Awaitable[Any]", self._post("menu/create", data=menu))

    def user(self, openid: str) -> Awaitable[Any]:
        return cast("Awaitable[Any]", self._get("user/info", params={"openid": openid}))


class _Transport(WeChatClient):
    official = _OfficialApi()


class OfficialAccount:
    def __init__(
        self, *, base_url: str, appid: str, secret: str, shared_tokens: AccessTokenStore
    ) -> None:
        self._transport = _Transport(
            base_url=base_url, appid=appid, secret=secret, shared_tokens=shared_tokens
        )

    @property
    def calls(self) -> OutgoingCalls:
        return self._transport.calls

    async def __aenter__(self) -> OfficialAccount:
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._transport.__aexit__(*exc_info)

    async def menu(self) -> dict[str, Any]:
        """The account's current menu, without buttons if it has none. Raises: WeChatUnavailable."""
        try:
            answer = await self._transport.official.menu()
        except WeChatClientException as error:
            if error.errcode == _NO_MENU:
                return {"button": []}
            raise WeChatUnavailable(errcode=error.errcode) from error
        # The answer wraps the menu; WeChat refuses a wrapped one (40016).
        return {"button": answer["menu"]["button"]}

    async def put_menu(self, menu: Mapping[str, Any]) -> None:
        """Replaces the account's menu. Raises: WeChatUnavailable."""
        try:
            await self._transport.official.put_menu(menu)
        except WeChatClientException as error:
            raise WeChatUnavailable(errcode=error.errcode, says=error.errmsg) from error

    async def send_text(self, openid: str, text: str) -> int | None:
        """Sends a text to a follower who has written to the account. Returns WeChat's errcode
        (0: accepted), or None if the outcome is unknown."""
        return await send_text(self._transport, openid, text)

    async def unionid_of(self, openid: str) -> str | None:
        """The follower's unionid, which is the same in all accounts of the library; None if
        WeChat does not answer within ``_WITHIN_S`` or knows none."""
        try:
            async with asyncio.timeout(_WITHIN_S):
                answer = await self._transport.official.user(openid)
        except (WeChatClientException, WeChatUnavailable, TimeoutError):
            return None
        unionid = answer.get("unionid") if isinstance(answer, dict) else None
        return str(unionid) if unionid else None
