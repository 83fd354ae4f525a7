"""Stores calendar feeds, at most one for each reader, found by the hash of its secret token."""

from __future__ import annotations

from typing import Final

from pymongo import ASCENDING, IndexModel

from models.calendar_feed.entities import CalendarFeed
from models.kernel.ids import ReaderId
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors

INDEXES: Final = {
    "calendar_feeds": [IndexModel([("secret", ASCENDING)], name="by_secret", unique=True)]
}


class CalendarFeedRepository:
    def __init__(self, db: Database) -> None:
        self._all = db["calendar_feeds"]

    async def of(self, reader_id: ReaderId) -> CalendarFeed | None:
        """The reader's feed; None if there is none. Raises: Unavailable."""
        return await self._find({"_id": reader_id})

    async def by_secret(self, secret: str) -> CalendarFeed | None:
        """The feed whose token has this hash; None if there is none. Raises: Unavailable."""
        return await self._find({"secret": secret})

    async def _find(self, query: Document) -> CalendarFeed | None:
        with translate_errors():
            document = await self._all.find_one(query)
        if document is None:
            return None
        return CalendarFeed(ReaderId(document["reader"]), document["at"], document["language"])

    async def put(self, feed: CalendarFeed, secret: str) -> None:
        """Stores the reader's feed under the hash of its token. It replaces the reader's earlier
        feed, whose token stops working. Raises: Unavailable."""
        document: Document = {
            "reader": feed.reader_id,
            "secret": secret,
            "at": feed.created_at,
            "language": feed.language,
        }
        with translate_errors():
            await self._all.replace_one({"_id": feed.reader_id}, document, upsert=True)

    async def remove(self, reader_id: ReaderId) -> None:
        """Deletes the reader's feed, if there is one. Raises: Unavailable."""
        with translate_errors():
            await self._all.delete_one({"_id": reader_id})
