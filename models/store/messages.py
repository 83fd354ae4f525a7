"""Messages and their delivery: one document is the in-app message and its way to WeChat.

``_id`` is made from what the message is about, so that relaying twice tells once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument
from pymongo.errors import BulkWriteError, DuplicateKeyError

from models.message import Delivery, DeliveryState, Message, Template
from models.reservation import ReaderId, ReservationId
from models.store.client import Database, Document, each_error, page, upstream

_ON_THE_WAY: Final = [DeliveryState.QUEUED.value, DeliveryState.SENDING.value]

INDEXES: Final[dict[str, list[IndexModel]]] = {
    "deliveries": [
        IndexModel([("reader", ASCENDING), ("at", DESCENDING)], name="reader_at"),
        IndexModel(
            [("at", ASCENDING)],
            name="ended_at",
            partialFilterExpression={"open": False},
        ),
        IndexModel(
            [("due", ASCENDING)],
            name="due",
            partialFilterExpression={"open": True},
        ),
        IndexModel(
            [("attempts", ASCENDING), ("due", ASCENDING)],
            name="attempts_due",
            partialFilterExpression={"open": True},
        ),
        IndexModel(
            [("reader", ASCENDING), ("order", ASCENDING)],
            name="reader_open",
            partialFilterExpression={"open": True},
        ),
    ]
}


class Messages:
    def __init__(self, db: Database) -> None:
        self._all = db["deliveries"]

    async def add(self, messages: Sequence[Message]) -> int:
        """Keep the messages and queue them for WeChat. How many are new: the others were there."""
        if not messages:
            return 0
        documents = [_document(message) for message in messages]
        with upstream():
            try:
                await self._all.insert_many(documents, ordered=False)
            except BulkWriteError as error:
                failed = [e for e in each_error(error, len(documents)) if e is not None]
                if not all(isinstance(e, DuplicateKeyError) for e in failed):
                    raise
                return len(documents) - len(failed)
        return len(documents)

    # --- the reader's view --------------------------------------------------------------------

    async def page_of(
        self, reader_id: ReaderId, unread_only: bool, skip: int, limit: int
    ) -> tuple[list[Message], int]:
        query: Document = {"reader": reader_id}
        if unread_only:
            query["read"] = False
        rows, total = await page(self._all, query, "at", skip, limit)
        return [_message(row) for row in rows], total

    async def mark_read(self, reader_id: ReaderId, ids: Sequence[str]) -> None:
        """Ids of others are passed over in silence: there is nothing to learn from them."""
        with upstream():
            await self._all.update_many(
                {"reader": reader_id, "_id": {"$in": list(ids)}}, {"$set": {"read": True}}
            )

    # --- delivery -----------------------------------------------------------------------------

    async def due_again(self, now: datetime, limit: int) -> list[ReaderId]:
        """Readers whose message was tried and is due once more, the longest waiting first."""
        with upstream():
            rows = (
                await self._all.find(
                    {"open": True, "due": {"$lte": now}, "attempts": {"$gt": 0}}, {"reader": 1}
                )
                .hint("attempts_due")
                .sort("due", ASCENDING)
                .limit(limit)
                .to_list(None)
            )
        return list(dict.fromkeys(ReaderId(row["reader"]) for row in rows))

    async def untried(self, now: datetime, limit: int) -> list[tuple[str, ReaderId, Template]]:
        """(id, reader, template) of due messages that nobody has tried to send yet."""
        with upstream():
            rows = await (
                self._all.find(
                    {"open": True, "due": {"$lte": now}, "attempts": 0},
                    {"reader": 1, "template": 1},
                )
                .hint("attempts_due")
                .sort("due", ASCENDING)
                .limit(limit)
                .to_list(None)
            )
        return [(row["_id"], ReaderId(row["reader"]), Template(row["template"])) for row in rows]

    async def settle_untried(self, ids: Sequence[str], state: DeliveryState) -> int:
        """End messages that nobody has tried; one that is being tried now goes its own way."""
        with upstream():
            result = await self._all.update_many(
                {"_id": {"$in": list(ids)}, "open": True, "attempts": 0},
                {"$set": {"state": state.value, "open": False}},
            )
        return result.modified_count

    async def claim_next(
        self, reader_id: ReaderId, now: datetime, real_now: datetime, lease: timedelta
    ) -> Delivery | None:
        """The reader's first open message, leased to the caller.

        None when there is none, when the first is not due yet (the ones behind it wait for it), or
        when another worker holds it.
        """
        with upstream():
            first = await self._all.find_one(
                {"reader": reader_id, "open": True}, sort=[("order", ASCENDING)]
            )
            if first is None or first["due"] > now:
                return None
            found = await self._all.find_one_and_update(
                {
                    "_id": first["_id"],
                    "state": {"$in": _ON_THE_WAY},
                    "attempts": first["attempts"],
                    "$or": [{"lease_until": None}, {"lease_until": {"$lte": real_now}}],
                },
                {
                    "$set": {
                        "state": DeliveryState.SENDING.value,
                        "lease_until": real_now + lease,
                    },
                    "$inc": {"attempts": 1},
                },
                return_document=ReturnDocument.AFTER,
            )
        if found is None:
            return None
        return Delivery(
            _message(found),
            found["attempts"],
            found["without_page"],
            tuple(found["codes"]),
        )

    async def settle(
        self, delivery: Delivery, state: DeliveryState, code: int | None = None
    ) -> None:
        """The delivery has come to an end."""
        await self._write(
            delivery, {"state": state.value, "open": False, "lease_until": None}, code
        )

    async def retry(
        self, delivery: Delivery, due: datetime, code: int | None, without_page: bool = False
    ) -> None:
        """It goes out again at ``due``."""
        fields: Document = {
            "state": DeliveryState.QUEUED.value,
            "due": due,
            "lease_until": None,
            "without_page": without_page or delivery.without_page,
        }
        await self._write(delivery, fields, code)

    async def _write(self, delivery: Delivery, fields: Document, code: int | None) -> None:
        update: dict[str, Any] = {"$set": fields}
        if code is not None:
            update["$push"] = {"codes": code}
        with upstream():
            # The attempt guards: a worker whose lease ran out must not overwrite its successor.
            await self._all.update_one(
                {"_id": delivery.message.id, "open": True, "attempts": delivery.attempts}, update
            )

    async def state_of(self, id: str) -> DeliveryState | None:
        with upstream():
            found = await self._all.find_one({"_id": id}, {"state": 1})
        return DeliveryState(found["state"]) if found else None

    async def next_due(self, after: datetime) -> datetime | None:
        """The first instant after ``after`` at which a delivery becomes due."""
        with upstream():
            row = await self._all.find_one(
                {"open": True, "due": {"$gt": after}}, {"due": 1}, sort=[("due", ASCENDING)]
            )
        return row["due"] if row else None

    async def prune(self, before: datetime, limit: int) -> int:
        """Delete old messages that have come to an end, at most ``limit``."""
        with upstream():
            rows = await (
                self._all.find({"at": {"$lt": before}, "open": False}, {"_id": 1})
                .hint("ended_at")
                .limit(limit)
                .to_list(None)
            )
            ids = [row["_id"] for row in rows]
            if ids:
                await self._all.delete_many({"_id": {"$in": ids}, "open": False})
        return len(ids)


def _message(d: Document) -> Message:
    return Message(
        id=d["_id"],
        reader_id=ReaderId(d["reader"]),
        template=Template(d["template"]),
        title=d["title"],
        text=d["text"],
        at=d["at"],
        facts=d["facts"],
        reservation_id=ReservationId(d["reservation"]) if d["reservation"] else None,
        not_after=d["not_after"],
        read=d["read"],
    )


def _document(message: Message) -> Document:
    return {
        "_id": message.id,
        "reader": message.reader_id,
        "template": message.template.value,
        "title": message.title,
        "text": message.text,
        "at": message.at,
        "facts": dict(message.facts),
        "reservation": message.reservation_id,
        "not_after": message.not_after,
        "read": False,
        "state": DeliveryState.QUEUED.value,
        "open": True,
        "due": message.at,
        # Messages of one reader go out in the order of what they tell.
        "order": f"{message.at.isoformat()} {message.id}",
        "lease_until": None,
        "attempts": 0,
        "without_page": False,
        "codes": [],
    }
