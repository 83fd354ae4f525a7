"""Messages as their readers see them."""

from __future__ import annotations

from collections.abc import Container, Sequence
from datetime import datetime

from bson.objectid import ObjectId
from pymongo.errors import BulkWriteError, DuplicateKeyError

from models.kernel.ids import ReaderId, ReservationId
from models.messages.entities import DeliveryState, Message
from models.messages.mapping import MessageCollection
from models.storage.mongo import Document, find_page
from models.storage.mongo_errors import errors_per_document, translate_errors


class InboxRepository(MessageCollection):
    """Adds messages and shows a reader's."""

    async def add(self, messages: Sequence[Message], unasked: Container[str] = ()) -> int:
        """Keep the messages and queue them for WeChat. How many are new: the others were there.

        Those whose ids are ``unasked`` come to their end at once: nobody consented to them.
        """
        if not messages:
            return 0
        documents = [self._document(message, message.id not in unasked) for message in messages]
        with translate_errors():
            try:
                await self._all.insert_many(documents, ordered=False)
            except BulkWriteError as error:
                failed = [e for e in errors_per_document(error, len(documents)) if e is not None]
                if not all(isinstance(e, DuplicateKeyError) for e in failed):
                    raise
                return len(documents) - len(failed)
        return len(documents)

    async def page_of(
        self, reader_id: ReaderId, unread_only: bool, skip: int, limit: int
    ) -> tuple[list[Message], int]:
        query: Document = {"reader": reader_id}
        if unread_only:
            query["read"] = False
        rows, total = await find_page(self._all, query, ("at", "_id"), skip, limit)
        return [self._message(row) for row in rows], total

    async def mark_read(self, reader_id: ReaderId, ids: Sequence[str]) -> None:
        """Ids of others are passed over in silence: there is nothing to learn from them."""
        with translate_errors():
            await self._all.update_many(
                {"reader": reader_id, "_id": {"$in": list(ids)}}, {"$set": {"read": True}}
            )

    async def state_of(self, id: str) -> DeliveryState | None:
        with translate_errors():
            found = await self._all.find_one({"_id": id}, {"state": 1})
        return DeliveryState(found["state"]) if found else None

    async def was_sent(
        self, reader_id: ReaderId, reservation_id: ReservationId, at: datetime
    ) -> bool:
        """Has WeChat taken a message to the reader about what the reservation told at ``at``, and
        not said since that it could not deliver it?"""
        with translate_errors():
            found = await self._all.find_one(
                {
                    "reader": reader_id,
                    "at": at,
                    "reservation": reservation_id,
                    "state": DeliveryState.SENT.value,
                },
                {"_id": 1},
            )
        return found is not None

    async def prune(self, made_before: datetime, limit: int) -> int:
        """Delete messages that have come to an end, about reservations made before that instant.

        Their ids begin with the reservation's, so with its real time; at most ``limit`` go.
        """
        with translate_errors():
            rows = await (
                self._all.find(
                    {"_id": {"$lt": str(ObjectId.from_datetime(made_before))}, "open": False},
                    {"_id": 1},
                )
                .hint("_id_")
                .limit(limit)
                .to_list(None)
            )
            ids = [row["_id"] for row in rows]
            if ids:
                await self._all.delete_many({"_id": {"$in": ids}, "open": False})
        return len(ids)
