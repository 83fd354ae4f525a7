"""Pictures of mini-program codes for pages and kiosks: drawn once by WeChat, then stored here."""

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
        """``draw`` requests the picture for a scene from WeChat, and raises WeChatUnavailable."""
        self._store, self._draw, self._now = store, draw, now
        self._cache: dict[str, bytes] = {}
        self._failed_at: datetime | None = None

    async def image(self, scene: str) -> bytes:
        """The picture (PNG or JPEG) whose scan opens the mini-program with ``scene``. After a
        failure WeChat is not called for a minute. Raises: WeChatUnavailable, Unavailable."""
        picture = self._cache.get(scene) or await self._store.get(scene)
        if picture is None:
            now = self._now()
            if self._failed_at is not None and now - self._failed_at < _ASK_AGAIN:
                raise WeChatUnavailable()
            try:
                picture = await self._draw(scene)
            except WeChatUnavailable:
                self._failed_at = now
                raise
            await self._store.keep(scene, picture, now)
        self._cache[scene] = picture
        return picture
