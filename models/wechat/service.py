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
        """A context manager for the handling of a callback. It yields True if the callback is to
        be handled, False for a repetition. If the handling fails, WeChat's next repetition is to
        be handled. ``name`` identifies the callback and contains no openid."""
        if not await self._log.first(name, now):
            yield False
            return
        try:
            yield True
        except Exception:
            await self._log.forget(name)
            raise
