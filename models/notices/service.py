"""Notices (公告), as readers and the staff see them."""

from __future__ import annotations

from datetime import datetime

from models.kernel.errors import NotFound
from models.notices.entities import Notice
from models.notices.repository import NoticeRepository


class NoticeService:
    """Reads notices; the staff write them (``models/notices/staff.py``)."""

    def __init__(self, notices: NoticeRepository) -> None:
        self._notices = notices

    async def page_of(self, now: datetime, skip: int, limit: int) -> tuple[list[Notice], int]:
        """What is shown at ``now``: pinned ones first, then the newest; and how many there are."""
        return await self._notices.page_of(now, skip, limit)

    async def get(self, id: str, now: datetime) -> Notice:
        """The notice that is shown at ``now``. Raises: NotFound."""
        notice = await self._notices.get(id, now)
        if notice is None:
            raise NotFound()
        return notice

    async def all(self, skip: int, limit: int) -> tuple[list[Notice], int]:
        """Also those to come and those that are over, the newest first; and how many there are."""
        return await self._notices.all(skip, limit)

    async def get_for_staff(self, id: str) -> Notice:
        """The notice, shown or not. Raises: NotFound."""
        notice = await self._notices.any(id)
        if notice is None:
            raise NotFound()
        return notice
