"""Stores calendar feeds, at most one for each reader and each study room, found by the hash of its
secret token."""

from __future__ import annotations

from typing import Final

from pymongo import ASCENDING, IndexModel

from models.calendar_feed.entities import CalendarFeed, RoomFeed
from models.kernel.ids import ReaderId
from models.library.rooms import RoomId
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
        feed = await self._find({"_id": reader_id})
        return feed if isinstance(feed, CalendarFeed) else None

    async def of_room(self, room_id: RoomId) -> RoomFeed | None:
        """The room's feed; None if there is none. Raises: Unavailable."""
        feed = await self._find({"_id": _room_key(room_id)})
        return feed if isinstance(feed, RoomFeed) else None

    async def by_secret(self, secret: str) -> CalendarFeed | RoomFeed | None:
        """The feed whose token has this hash; None if there is none. Raises: Unavailable."""
        return await self._find({"secret": secret})

    async def _find(self, query: Document) -> CalendarFeed | RoomFeed | None:
        with translate_errors():
            document = await self._all.find_one(query)
        if document is None:
            return None
        since, language = document["at"], document["language"]
        if "room" in document:
            return RoomFeed(RoomId(document["room"]), since, language)
        return CalendarFeed(ReaderId(document["reader"]), since, language)

    async def put(self, feed: CalendarFeed | RoomFeed, secret: str) -> None:
        """Stores the feed of the reader or room under the hash of its token. It replaces the
        earlier one, whose token stops working. Raises: Unavailable."""
        if isinstance(feed, CalendarFeed):
            key, owner = str(feed.reader_id), {"reader": str(feed.reader_id)}
        else:
            key, owner = _room_key(feed.room_id), {"room": feed.room_id}
        document: Document = {
            **owner,
            "secret": secret,
            "at": feed.created_at,
            "language": feed.language,
        }
        with translate_errors():
            await self._all.replace_one({"_id": key}, document, upsert=True)

    async def remove(self, reader_id: ReaderId) -> None:
        """Deletes the reader's feed, if there is one. Raises: Unavailable."""
        with translate_errors():
            await self._all.delete_one({"_id": reader_id})

    async def remove_room(self, room_id: RoomId) -> None:
        """Deletes the room's feed, if there is one. Raises: Unavailable."""
        with translate_errors():
            await self._all.delete_one({"_id": _room_key(room_id)})


def _room_key(room_id: RoomId) -> str:
    """The id of a room's feed, which no reader has."""
    return f"room:{room_id}"
