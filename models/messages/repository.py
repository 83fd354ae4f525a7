"""Messages to readers: one document each, for the app and for WeChat."""

from __future__ import annotations

from typing import Final

from pymongo import ASCENDING, DESCENDING, IndexModel

from models.messages.delivery_queue_repository import DeliveryQueue
from models.messages.delivery_report_repository import DeliveryReports
from models.messages.entities import DeliveryState
from models.messages.inbox_repository import InboxRepository

INDEXES: Final[dict[str, list[IndexModel]]] = {
    "messages": [
        IndexModel(
            # Lists in their order; with the mark, the unread ones are counted in the index alone.
            [
                ("reader", ASCENDING),
                ("at", DESCENDING),
                ("_id", DESCENDING),
                ("read", ASCENDING),
            ],
            name="reader_messages",
        ),
        IndexModel(
            # With the id, so that a look through them can go on where it stopped.
            [("due", ASCENDING), ("_id", ASCENDING)],
            name="open_due",
            partialFilterExpression={"open": True},
        ),
        IndexModel(
            [("reader", ASCENDING), ("order", ASCENDING)],
            name="reader_open",
            partialFilterExpression={"open": True},
        ),
        IndexModel(
            [("at", DESCENDING), ("_id", DESCENDING)],
            name="failed",
            partialFilterExpression={"state": DeliveryState.FAILED.value},
        ),
    ]
}


class MessageRepository(InboxRepository, DeliveryQueue, DeliveryReports):
    """The inbox, the queue and the reports over one collection."""
