"""The official account's own calls: its menu, and who a follower is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from copy import deepcopy
from typing import Any, Final, cast

from wechatpy.client.api.base import BaseWeChatAPI
from wechatpy.exceptions import WeChatClientException

from models.store.shared_tokens import SharedTokens
from notify.wechat.errors import WeChatUnavailable
from notify.wechat.transport import WeChatTransport

TOP: Final = "学研支持"
ENTRY: Final = "座位预约"
HOME: Final = "pages/index/index"
"""The mini-program's first page."""
_NO_MENU: Final = 46003
_WITHIN_S: Final = 0.7
"""An answer to a follower has a second in all."""


class MenuFull(Exception):
    """The account's menu has no room: a person has to decide."""


class _OfficialApi(BaseWeChatAPI):  # type: ignore[misc]
    def menu(self) -> Awaitable[Any]:
        return cast("Awaitable[Any]", self._get("menu/get"))

    def put_menu(self, menu: Mapping[str, Any]) -> Awaitable[Any]:
        return cast("Awaitable[Any]", self._post("menu/create", data=menu))

    def user(self, openid: str) -> Awaitable[Any]:
        return cast("Awaitable[Any]", self._get("user/info", params={"openid": openid}))


class _Transport(WeChatTransport):
    official = _OfficialApi()


class OfficialAccount:
    """Use as an asynchronous context manager."""

    def __init__(
        self, *, base_url: str, appid: str, secret: str, shared_tokens: SharedTokens
    ) -> None:
        self._transport = _Transport(
            base_url=base_url, appid=appid, secret=secret, shared_tokens=shared_tokens
        )

    async def __aenter__(self) -> OfficialAccount:
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._transport.__aexit__(*exc_info)

    async def menu(self) -> dict[str, Any]:
        """The menu as it stands; without buttons where there is none. Raises: WeChatUnavailable."""
        try:
            answer = await self._transport.official.menu()
        except WeChatClientException as error:
            if error.errcode == _NO_MENU:
                return {"button": []}
            raise WeChatUnavailable(errcode=error.errcode) from error
        # It comes wrapped, and must not go back so (40016).
        return {"button": answer["menu"]["button"]}

    async def put_menu(self, menu: Mapping[str, Any]) -> None:
        """Raises: WeChatUnavailable."""
        try:
            await self._transport.official.put_menu(menu)
        except WeChatClientException as error:
            raise WeChatUnavailable(errcode=error.errcode, says=error.errmsg) from error

    async def unionid_of(self, openid: str) -> str | None:
        """Who this follower is in all of the library's accounts; None where WeChat does not say,
        or not soon enough."""
        try:
            async with asyncio.timeout(_WITHIN_S):
                answer = await self._transport.official.user(openid)
        except (WeChatClientException, WeChatUnavailable, TimeoutError):
            return None
        unionid = answer.get("unionid") if isinstance(answer, dict) else None
        return str(unionid) if unionid else None


def with_entry(menu: Mapping[str, Any], appid: str, page: str, url: str) -> dict[str, Any]:
    """The menu with 学研支持 → 座位预约 and its companions in it; all else stays as it is.

    ``url`` opens where a phone's WeChat is too old for mini-programs. Raises: MenuFull.
    """
    new: dict[str, Any] = deepcopy({"button": list(menu["button"])})
    ours = [
        {"type": "miniprogram", "name": ENTRY, "appid": appid, "pagepath": page, "url": url},
        {"type": "click", "name": "空位查询", "key": "SEATS"},
        {"type": "click", "name": "我的预约", "key": "MINE"},
        {"type": "click", "name": "使用帮助", "key": "HELP"},
    ]
    top = next((b for b in new["button"] if b.get("name") == TOP), None)
    if top is None:
        if len(new["button"]) >= 3:
            raise MenuFull(f"the menu has three buttons and none is called {TOP}")
        top = {"name": TOP, "sub_button": []}
        new["button"].append(top)
    theirs = [
        b for b in top.get("sub_button", []) if b.get("name") not in {o["name"] for o in ours}
    ]
    if len(theirs) > 4:
        raise MenuFull(f"{TOP} has no room for {ENTRY}")
    # The entry first; its companions as far as there is room.
    top.clear()
    top |= {"name": TOP, "sub_button": [ours[0], *theirs, *ours[1 : 5 - len(theirs)]]}
    return new
