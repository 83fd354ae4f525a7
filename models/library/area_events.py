"""The webhook events of an area that was taken out of use or brought back. ``kind`` is the webhook
type; the facts are the fields of ``WebhookArea``."""

from __future__ import annotations

from datetime import datetime

from models.library.entities import Area
from models.storage.event_outbox import StoredEvent


def area_closed(area: Area, now: datetime) -> StoredEvent:
    return _event("area.closed", area, now)


def area_opened(area: Area, now: datetime) -> StoredEvent:
    return _event("area.opened", area, now)


def _event(kind: str, area: Area, now: datetime) -> StoredEvent:
    facts = {"area_id": area.id, "venue_id": area.venue_id, "area": area.full_name}
    # A revision is written only once, so the id is unique.
    id = f"{area.id}:{area.rev}:{kind.partition('.')[2]}"
    return StoredEvent(id, kind, now, f"area:{area.id}", None, facts)
