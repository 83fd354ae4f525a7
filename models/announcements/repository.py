from __future__ import annotations

from models.storage.mongo import Database, insert_if_new
from models.storage.mongo_errors import translate_errors


class AnnouncementRepository:
    def __init__(self, db: Database) -> None:
        self._all = db["announcements"]

    async def begin(self, key: str, prefix: str) -> str:
        """Stores ``prefix``, with which the ids of the announcement's messages begin, for the
        form ``key``. Returns the stored prefix: if the form was sent before, the earlier one, so
        that no reader gets a second message."""
        if await insert_if_new(self._all, {"_id": key, "prefix": prefix}):
            return prefix
        with translate_errors():
            stored = await self._all.find_one({"_id": key})
        return str(stored["prefix"]) if stored else prefix
