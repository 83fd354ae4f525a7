"""Announcements by the staff: each is kept once, with what names its messages."""

from __future__ import annotations

from pymongo.errors import DuplicateKeyError

from models.storage.mongo import Database, insert
from models.storage.mongo_errors import translate_errors


class AnnouncementRepository:
    """One document for each that was sent, by the key of its form."""

    def __init__(self, db: Database) -> None:
        self._all = db["announcements"]

    async def begin(self, key: str, prefix: str) -> str:
        """What the ids of the announcement's messages begin with: ``prefix``, or the one of the
        first time where the same form comes again."""
        with translate_errors():
            try:
                await insert(self._all, {"_id": key, "prefix": prefix})
            except DuplicateKeyError:
                found = await self._all.find_one({"_id": key})
                return str(found["prefix"]) if found else prefix
        return prefix
