from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from notify.wechat.mini_program import WeChatIdentity


class WeChatLogins:
    """Exchanges login codes of the mini-program (wx.login) for the WeChat user's ids. WeChat
    accepts each code once, so concurrent requests with one code share one exchange."""

    def __init__(self, exchange: Callable[[str], Awaitable[WeChatIdentity]]) -> None:
        self._exchange = exchange
        self._under_way: dict[str, asyncio.Future[WeChatIdentity]] = {}

    async def identity(self, js_code: str) -> WeChatIdentity:
        task = self._under_way.get(js_code)
        if task is None:
            task = asyncio.ensure_future(self._exchange(js_code))
            self._under_way[js_code] = task
            task.add_done_callback(lambda _: self._under_way.pop(js_code, None))
        # Shielded: a client that disconnects must not cancel the exchange for the other one.
        return await asyncio.shield(task)
