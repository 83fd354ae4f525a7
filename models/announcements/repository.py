from __future__ import annotations

from models.storage.mongo import Database, insert_if_new
from models.storage.mongo_errors import translate_errors


class AnnouncementRepository:
    def __init__(self, db: Database) -> None:
        self._all = db["announcements"]

    async def begin(self, key: str, prefix: str) -> str:
        """Returns the prefix of the messages' ids: the one first stored for the form ``key``."""
        if await insert_if_new(self._all, {"_id": key, "prefix": prefix}):
            return prefix
        with translate_errors():
            stored = await self._all.find_one({"_id": key})
        return str(stored["prefix"]) if stored else prefix
