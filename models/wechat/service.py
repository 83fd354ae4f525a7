"""WeChat's callbacks: each is handled once, however often WeChat sends it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from models.wechat.callback_log_repository import WeChatCallbackLog


class WeChatCallbackService:
    """Remembers callbacks for as long as WeChat may repeat them."""

    def __init__(self, log: WeChatCallbackLog) -> None:
        self._log = log

    @asynccontextmanager
    async def once(self, name: str, now: datetime) -> AsyncIterator[bool]:
        """True for the first of this name; where handling it fails, WeChat's next repetition is the
        first again. ``name`` is the callback's own, without anybody's openid."""
        if not await self._log.first(name, now):
            yield False
            return
        try:
            yield True
        except Exception:
            await self._log.forget(name)
            raise
