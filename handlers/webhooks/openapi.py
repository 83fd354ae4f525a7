"""The section ``webhooks`` of the OpenAPI document (docs/webhooks.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from models.webhooks.entities import PING, WebhookEventType
from notify.webhooks.payload import DATA, WebhookPing

_TAG: Final = "webhooks"
_SUMMARY: Final[Mapping[str, str]] = {
    WebhookEventType.RESERVATION_CREATED: "A reservation was made, or an offered seat accepted",
    WebhookEventType.RESERVATION_CHANGED: "The seat or time of a reservation has changed",
    WebhookEventType.RESERVATION_CHECKED_IN: "The reader has checked in",
    WebhookEventType.RESERVATION_ENDED: "A reservation has ended; `how` says why",
    WebhookEventType.RESERVATION_NO_SHOW: "The reader did not check in by the deadline",
    WebhookEventType.ROOM_BOOKING_CREATED: "A study room was booked or requested",
    WebhookEventType.ROOM_BOOKING_APPROVED: "A request for a study room was approved",
    WebhookEventType.ROOM_BOOKING_CHANGED: "The room or time of a booking has changed",
    WebhookEventType.ROOM_BOOKING_CHECKED_IN: "The people of a study room have checked in",
    WebhookEventType.ROOM_BOOKING_ENDED: "A booking of a study room has ended; `how` says why",
    WebhookEventType.ROOM_BOOKING_NO_SHOW: "Nobody checked in to a study room by the deadline",
    WebhookEventType.ROOM_BLOCK_CREATED: "The library has blocked a study room, or restored that",
    WebhookEventType.ROOM_BLOCK_CHANGED: "The room, time or title of a block has changed",
    WebhookEventType.ROOM_BLOCK_ENDED: "A block was cancelled or ended early; `how` says which",
    WebhookEventType.SEASON_HELD: "A reader has got a seat or locker of a season",
    WebhookEventType.SEASON_RELEASED: "A reader has a seat or locker of a season no more",
    WebhookEventType.SUSPENSION_CREATED: "A reader's booking was suspended",
    WebhookEventType.SUSPENSION_LIFTED: "A suspension was lifted before its end",
    WebhookEventType.AREA_CLOSED: "An area was taken out of use",
    WebhookEventType.AREA_OPENED: "An area was brought back into use",
    PING: "A test event, sent by the library's staff",
}
_HEADERS: Final = {
    "webhook-id": "The event's id, the same in every attempt",
    "webhook-timestamp": "Time of this attempt, in Unix seconds",
    "webhook-signature": "Signatures (Standard Webhooks, v1), separated by spaces",
}


def add_webhooks(document: dict[str, Any]) -> dict[str, Any]:
    """Adds the section ``webhooks``, its schemas and tag to the OpenAPI document; returns it."""
    shapes: dict[str, type[msgspec.Struct]] = {kind.value: DATA[kind] for kind in WebhookEventType}
    shapes[PING] = WebhookPing
    ordered = sorted(set(shapes.values()), key=str)
    schemas, components = msgspec.json.schema_components(
        ordered, ref_template="#/components/schemas/{name}"
    )
    refs = dict(zip(ordered, schemas, strict=True))
    document["components"]["schemas"] |= components
    document["webhooks"] = {
        name: {"post": _operation(name, refs[shape])} for name, shape in shapes.items()
    }
    document["tags"].append({"name": _TAG, "description": "Events sent to other programs"})
    return document


def _operation(name: str, data: dict[str, Any]) -> dict[str, Any]:
    payload = {
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"const": name},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": data,
        },
    }
    return {
        "operationId": name.replace(".", "_"),
        "summary": _SUMMARY[name],
        "description": "Delivered at least once, in order for each subject.",
        "tags": [_TAG],
        "security": [],
        "parameters": [
            {
                "name": header,
                "in": "header",
                "required": True,
                "description": text,
                "schema": {"type": "string"},
            }
            for header, text in _HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": payload}}},
        "responses": {
            "2XX": {"description": "Delivered"},
            "4XX": {"description": "Delivery is retried for 24 hours; 410 disables the endpoint"},
        },
    }
