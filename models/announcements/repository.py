"""Announcements by the staff: each is kept once, with what names its messages."""

from __future__ import annotations

from models.storage.mongo import Database, insert_if_new
from models.storage.mongo_errors import translate_errors


class AnnouncementRepository:
    """One document for each that was sent, by the key of its form."""

    def __init__(self, db: Database) -> None:
        self._all = db["announcements"]

    async def begin(self, key: str, prefix: str) -> str:
        """What the ids of the announcement's messages begin with: ``prefix``, or the one of the
        first time where the same form comes again."""
        if await insert_if_new(self._all, {"_id": key, "prefix": prefix}):
            return prefix
        with translate_errors():
            found = await self._all.find_one({"_id": key})
        return str(found["prefix"]) if found else prefix
