from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from models.wechat.callback_log_repository import WeChatCallbackLog


class WeChatCallbackService:
    """Handles each callback of WeChat once, however often WeChat repeats it."""

    def __init__(self, log: WeChatCallbackLog) -> None:
        self._log = log

    @asynccontextmanager
    async def once(self, name: str, now: datetime) -> AsyncIterator[bool]:
        """True if the callback is new. After a failure, WeChat's repetition is new again. ``name``
        identifies the callback and contains no openid."""
        if not await self._log.first(name, now):
            yield False
            return
        try:
            yield True
        except Exception:
            await self._log.forget(name)
            raise
