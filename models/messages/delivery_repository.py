"""Deliveries: one document for each message and channel that it is to go by."""

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
            # With the id, so that a look through them can go on where it stopped.
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
    """The id of a message's delivery by a channel, of which there is one: it begins with the
    message's, so with the time at which its reservation was made."""
    return f"{message_id}@{channel}"


class DeliveryRepository:
    """The deliveries of all channels."""

    def __init__(self, db: Database) -> None:
        self._all = db["deliveries"]

    async def add(self, channel: Channel, messages: Sequence[Message]) -> None:
        """Queue the messages for the channel, which must be kept already. May be repeated."""
        if not messages:
            return
        documents = [_document(message, channel) for message in messages]
        await insert_new(self._all, documents)

    async def was_sent(
        self, reader_id: ReaderId, reservation_id: ReservationId, at: datetime
    ) -> bool:
        """Has any channel taken a message to the reader about what the reservation told at ``at``,
        and not said since that it could not deliver it?"""
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

    async def state_of(self, message_id: str, channel: Channel) -> DeliveryState | None:
        """None where the message does not go by the channel."""
        with translate_errors():
            found = await self._all.find_one(
                {"_id": delivery_id(message_id, channel)}, {"state": 1}
            )
        return DeliveryState(found["state"]) if found else None

    async def next_due(self, after: datetime) -> datetime | None:
        """The first instant after ``after`` at which a delivery becomes due, by any channel."""
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
        """Delete the deliveries of those messages that have none on the way. Which these are."""
        ids = _ids_of(message_ids)
        if not ids:
            return []
        with translate_errors():
            on_the_way = await self._all.distinct("message", {"_id": {"$in": ids}, "open": True})
            over = sorted(set(message_ids).difference(on_the_way))
            await self._all.delete_many({"_id": {"$in": _ids_of(over)}, "open": False})
        return over


def _ids_of(message_ids: Collection[str]) -> list[str]:
    """The ids of the messages' deliveries by all channels."""
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
        # Messages of one reader go out in the order of what they tell.
        "order": f"{message.at.isoformat()} {message.id}",
        "lease_until": None,
        "attempts": 0,
        "without_page": False,
        "codes": [],
    }
