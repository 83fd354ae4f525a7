from __future__ import annotations

from datetime import datetime

from models.kernel.ids import ReaderId
from models.storage.mongo import Document
from models.webhooks.entities import (
    WebhookDelivery,
    WebhookDeliveryState,
    WebhookEvent,
    WebhookEventType,
    WebhookId,
    WebhookResult,
)
from models.webhooks.rules import GIVE_UP_AFTER


def delivery_to_document(event: WebhookEvent, endpoint_id: WebhookId, now: datetime) -> Document:
    """The document of a new delivery, due immediately and given up after ``GIVE_UP_AFTER``."""
    return {
        "_id": f"{event.id}@{endpoint_id}",
        "endpoint": endpoint_id,
        "event": event.id,
        "type": event.type.value,
        "at": event.at,
        "subject": event.subject,
        "seq": event.seq,
        "reader": event.reader_id,
        "facts": dict(event.facts),
        "state": WebhookDeliveryState.QUEUED.value,
        "open": True,
        "due": now,
        "queued_at": now,
        "give_up_at": now + GIVE_UP_AFTER,
        "lease_until": None,
        "holder": "",
        "attempts": 0,
        "tried_at": None,
        "result": None,
    }


def result_fields(result: WebhookResult, due: datetime | None, now: datetime) -> Document:
    """The fields of a delivery's document that the result of an attempt sets. ``due``: time of
    the next attempt; without one the delivery ends, delivered or dead."""
    state = WebhookDeliveryState.DELIVERED if result.delivered else WebhookDeliveryState.DEAD
    fields: Document = {
        "state": (WebhookDeliveryState.QUEUED if due is not None else state).value,
        "lease_until": None,
        "holder": "",
        "open": due is not None,
        "tried_at": now,
        "result": {"status": result.status, "error": result.error, "ms": result.took_ms},
    }
    return fields | ({"due": due} if due is not None else {"ended_at": now})


def to_delivery(d: Document) -> WebhookDelivery:
    reader, tried = d["reader"], d["result"]
    event = WebhookEvent(
        id=d["event"],
        type=WebhookEventType(d["type"]),
        at=d["at"],
        subject=d["subject"],
        seq=d["seq"],
        reader_id=ReaderId(reader) if reader is not None else None,
        facts=d["facts"],
    )
    return WebhookDelivery(
        id=d["_id"],
        endpoint_id=WebhookId(d["endpoint"]),
        event=event,
        state=WebhookDeliveryState(d["state"]),
        attempts=d["attempts"],
        due=d["due"],
        give_up_at=d["give_up_at"],
        result=WebhookResult(tried["status"], tried["error"], tried["ms"]) if tried else None,
        tried_at=d["tried_at"],
        holder=d["holder"],
    )
