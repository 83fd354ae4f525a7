"""Sent announcements. A form that is sent twice is stored once."""

from __future__ import annotations

from models.storage.mongo import Database, insert_if_new
from models.storage.mongo_errors import translate_errors


class AnnouncementRepository:
    def __init__(self, db: Database) -> None:
        self._all = db["announcements"]

    async def begin(self, key: str, prefix: str) -> str:
        """Records the form ``key`` and returns the prefix of its messages' ids: ``prefix``, or the
        stored one if the form was sent before."""
        if await insert_if_new(self._all, {"_id": key, "prefix": prefix}):
            return prefix
        with translate_errors():
            stored = await self._all.find_one({"_id": key})
        return str(stored["prefix"]) if stored else prefix
