"""The deliveries of messages: one document for each message and channel."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from pymongo import ASCENDING, DESCENDING, IndexModel

from models.kernel.ids import ReaderId, ReservationId
from models.messages.entities import Channel, DeliveryState, Message
from models.storage.mongo import Database, Document, insert_new
from models.storage.mongo_errors import translate_errors

INDEXES: Final[dict[str, list[IndexModel]]] = {
    "deliveries": [
        IndexModel(
            # With the id, so that a scan can continue where it stopped.
            [("channel", ASCENDING), ("due", ASCENDING), ("_id", ASCENDING)],
            name="open_due",
            partialFilterExpression={"open": True},
        ),
        IndexModel(
            [("channel", ASCENDING), ("reader", ASCENDING), ("order", ASCENDING)],
            name="reader_open",
            partialFilterExpression={"open": True},
        ),
        IndexModel(
            [("channel", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)],
            name="failed",
            partialFilterExpression={"state": DeliveryState.FAILED.value},
        ),
        IndexModel([("reader", ASCENDING), ("at", DESCENDING)], name="reader_deliveries"),
    ]
}


def delivery_id(message_id: str, channel: Channel) -> str:
    """The id of a delivery. It begins with the message's id, and so with the time when the
    reservation was made."""
    return f"{message_id}@{channel}"


class DeliveryRepository:
    def __init__(self, db: Database) -> None:
        self._all = db["deliveries"]

    async def add(self, channel: Channel, messages: Sequence[Message]) -> None:
        """Queues stored messages for the channel. A repeated call adds nothing."""
        if not messages:
            return
        documents = [_document(message, channel) for message in messages]
        await insert_new(self._all, documents)

    async def was_sent(
        self, reader_id: ReaderId, reservation_id: ReservationId, at: datetime
    ) -> bool:
        """True if a message about the reservation's event at ``at`` was sent and did not fail."""
        with translate_errors():
            row = await self._all.find_one(
                {
                    "reader": reader_id,
                    "at": at,
                    "reservation": reservation_id,
                    "state": DeliveryState.SENT.value,
                },
                {"_id": 1},
            )
        return row is not None

    async def state_of(self, message_id: str, channel: Channel) -> DeliveryState | None:
        """The state of the message's delivery by the channel; None if there is no such delivery."""
        with translate_errors():
            row = await self._all.find_one({"_id": delivery_id(message_id, channel)}, {"state": 1})
        return DeliveryState(row["state"]) if row else None

    async def next_due(self, after: datetime) -> datetime | None:
        """The first instant after ``after`` at which a delivery becomes due; None if none does."""
        with translate_errors():
            row = await self._all.find_one(
                {
                    "channel": {"$in": [channel.value for channel in Channel]},
                    "open": True,
                    "due": {"$gt": after},
                },
                {"due": 1},
                sort=[("due", ASCENDING)],
                hint="open_due",
            )
        return row["due"] if row else None

    async def delete_ended(self, message_ids: Collection[str]) -> list[str]:
        """Deletes all deliveries of messages that have no open one; returns the messages' ids."""
        ids = _delivery_ids(message_ids)
        if not ids:
            return []
        with translate_errors():
            on_the_way = await self._all.distinct("message", {"_id": {"$in": ids}, "open": True})
            over = sorted(set(message_ids).difference(on_the_way))
            await self._all.delete_many({"_id": {"$in": _delivery_ids(over)}, "open": False})
        return over


def _delivery_ids(message_ids: Collection[str]) -> list[str]:
    return [delivery_id(id, channel) for id in message_ids for channel in Channel]


def _document(message: Message, channel: Channel) -> Document:
    return {
        "_id": delivery_id(message.id, channel),
        "channel": channel.value,
        "message": message.id,
        "reader": message.reader_id,
        "template": message.template.value,
        "reservation": message.reservation_id,
        "at": message.at,
        "expires_at": message.expires_at,
        "state": DeliveryState.QUEUED.value,
        "open": True,
        "due": message.at,
        # A reader's messages are sent in the order of their events.
        "order": f"{message.at.isoformat()} {message.id}",
        "lease_until": None,
        "attempts": 0,
        "without_page": False,
        "codes": [],
    }
