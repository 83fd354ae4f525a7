"""The mini-program's codes for pages and kiosks: drawn by WeChat once, then our own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from models.wechat.mini_program_code_repository import MiniProgramCodeRepository
from notify.wechat.errors import WeChatUnavailable

_ASK_AGAIN: Final = timedelta(minutes=1)


class MiniProgramCodes:
    def __init__(
        self,
        store: MiniProgramCodeRepository,
        draw: Callable[[str], Awaitable[bytes]],
        now: Callable[[], datetime],
    ) -> None:
        """``draw`` asks WeChat for the picture of a scene. Raises: WeChatUnavailable."""
        self._store, self._draw, self._now = store, draw, now
        self._kept: dict[str, bytes] = {}
        self._failed_at: datetime | None = None

    async def image(self, scene: str) -> bytes:
        """PNG or JPEG. A WeChat that did not answer is left alone for a minute, whoever looks.

        Raises: WeChatUnavailable, Unavailable.
        """
        found = self._kept.get(scene) or await self._store.get(scene)
        if found is None:
            now = self._now()
            if self._failed_at is not None and now - self._failed_at < _ASK_AGAIN:
                raise WeChatUnavailable()
            try:
                found = await self._draw(scene)
            except WeChatUnavailable:
                self._failed_at = now
                raise
            await self._store.keep(scene, found, now)
        self._kept[scene] = found
        return found
