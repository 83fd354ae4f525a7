"""The webhook events of an area that was taken out of use or brought back. ``kind`` is the webhook
type; the facts are the fields of ``WebhookArea``."""

from __future__ import annotations

from datetime import datetime

from models.library.entities import Area, Catalog
from models.storage.event_outbox import StoredEvent


def area_closed(catalog: Catalog, area: Area, now: datetime) -> StoredEvent:
    return _event("area.closed", catalog, area, now)


def area_opened(catalog: Catalog, area: Area, now: datetime) -> StoredEvent:
    return _event("area.opened", catalog, area, now)


def _event(kind: str, catalog: Catalog, area: Area, now: datetime) -> StoredEvent:
    venue = catalog.venues[area.venue_id]
    facts = {
        "area_id": area.id,
        "venue_id": venue.id,
        "area": str(catalog.full_name(area)),
        "venue": venue.name,
        "floor": area.floor,
        "floor_name": venue.floor(area.floor).name,
    }
    # A revision is written only once, so the id is unique.
    id = f"{area.id}:{area.rev}:{kind.partition('.')[2]}"
    return StoredEvent(id, kind, now, f"area:{area.id}", None, facts)
