"""The inbox: one document for each message to a reader."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from bson.objectid import ObjectId
from pymongo import ASCENDING, DESCENDING, IndexModel

from models.kernel.ids import ReaderId
from models.messages.entities import Message, Template
from models.messages.mapping import MessageCollection
from models.messages.period_queries import period_query
from models.storage.mongo import Document, aggregate_groups, find_page, insert_new
from models.storage.mongo_errors import translate_errors

INDEXES: Final[dict[str, list[IndexModel]]] = {
    "messages": [
        IndexModel(
            # In listing order; with ``read``, unread messages are counted in the index alone.
            [
                ("reader", ASCENDING),
                ("at", DESCENDING),
                ("_id", DESCENDING),
                ("read", ASCENDING),
            ],
            name="reader_messages",
        ),
    ]
}


class MessageRepository(MessageCollection):
    async def add(self, messages: Sequence[Message]) -> int:
        """Stores the messages that are not stored yet; returns their number."""
        if not messages:
            return 0
        documents = [self._document(message) for message in messages]
        return sum(await insert_new(self._all, documents))

    async def many(self, ids: Collection[str]) -> dict[str, Message]:
        with translate_errors():
            rows = await self._all.find({"_id": {"$in": list(ids)}}).to_list(None)
        return {row["_id"]: self._message(row) for row in rows}

    async def page_of(
        self, reader_id: ReaderId, unread_only: bool, skip: int, limit: int
    ) -> tuple[list[Message], int]:
        query: Document = {"reader": reader_id}
        if unread_only:
            query["read"] = False
        rows, total = await find_page(self._all, query, ("at", "_id"), skip, limit)
        return [self._message(row) for row in rows], total

    async def unread(self, reader_id: ReaderId) -> int:
        with translate_errors():
            return await self._all.count_documents({"reader": reader_id, "read": False})

    async def mark_all_read(self, reader_id: ReaderId) -> None:
        with translate_errors():
            await self._all.update_many(
                {"reader": reader_id, "read": False}, {"$set": {"read": True}}
            )

    async def mark_read(self, reader_id: ReaderId, ids: Sequence[str]) -> None:
        """Marks the reader's messages with these ids as read. Ids of other readers' messages are
        ignored: an error would reveal that they exist."""
        with translate_errors():
            await self._all.update_many(
                {"reader": reader_id, "_id": {"$in": list(ids)}}, {"$set": {"read": True}}
            )

    async def counts(self, since: datetime, wall_clock: bool) -> dict[Template, int]:
        """The number of messages since ``since``, by template."""
        group: Document = {"_id": "$template", "n": {"$sum": 1}}
        rows = await aggregate_groups(self._all, period_query(since, wall_clock), group)
        return {Template(row["_id"]): row["n"] for row in rows}

    async def ids_before(self, made_before: datetime, limit: int) -> list[str]:
        """Ids of messages, at most ``limit``, whose reservations were made before
        ``made_before`` (real time)."""
        with translate_errors():
            rows = await (
                self._all.find(
                    {"_id": {"$lt": str(ObjectId.from_datetime(made_before))}}, {"_id": 1}
                )
                .hint("_id_")
                .limit(limit)
                .to_list(None)
            )
        return [row["_id"] for row in rows]

    async def delete(self, ids: Collection[str]) -> int:
        if not ids:
            return 0
        with translate_errors():
            return (await self._all.delete_many({"_id": {"$in": list(ids)}})).deleted_count
