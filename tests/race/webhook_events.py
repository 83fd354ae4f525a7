"""Events of reservations, and a receiver for them."""

from __future__ import annotations

from typing import Final

from models.storage.mongo import new_id
from models.webhooks.entities import (
    WebhookEndpoint,
    WebhookEvent,
    WebhookEventType,
    WebhookId,
    WebhookResult,
)
from tests.race.stage import EIGHT

TAKEN: Final = WebhookResult(204)
FAILED: Final = WebhookResult(500)


def event(seq: int, subject: str = "r1") -> WebhookEvent:
    kind = WebhookEventType.RESERVATION_CHANGED
    return WebhookEvent(f"evt_{subject}_{seq}", kind, EIGHT, subject, seq)


def endpoint(url: str = "https://a.example/") -> WebhookEndpoint:
    events = frozenset(WebhookEventType)
    return WebhookEndpoint(WebhookId(new_id()), url, "门口屏", events, created_at=EIGHT)
