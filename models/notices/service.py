from __future__ import annotations

from datetime import datetime

from models.kernel.errors import NotFound
from models.notices.entities import Notice
from models.notices.repository import NoticeRepository


class NoticeService:
    def __init__(self, notices: NoticeRepository) -> None:
        self._notices = notices

    async def page_of(self, now: datetime, skip: int, limit: int) -> tuple[list[Notice], int]:
        """A page of notices visible at ``now``: pinned, then newest; and the number of all."""
        return await self._notices.page_of(now, skip, limit)

    async def get(self, id: str, now: datetime) -> Notice:
        """The notice. Raises: NotFound, also if readers do not see it at ``now``."""
        notice = await self._notices.get(id, now)
        if notice is None:
            raise NotFound()
        return notice

    async def all(self, skip: int, limit: int) -> tuple[list[Notice], int]:
        """A page of all notices, also future and past, newest first; and the number of all."""
        return await self._notices.all(skip, limit)

    async def get_for_staff(self, id: str) -> Notice:
        """The notice, whether or not readers see it now. Raises: NotFound."""
        notice = await self._notices.any(id)
        if notice is None:
            raise NotFound()
        return notice
