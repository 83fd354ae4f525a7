from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from models.kernel.ids import ReaderId
from models.seasons.entities import Season
from models.storage.event_outbox import StoredEvent
from models.storage.mongo import new_id
from models.webhooks.entities import WebhookEventType


def holder_event(
    season: Season, thing: str, reader_id: ReaderId, kind: WebhookEventType, now: datetime
) -> StoredEvent:
    """The event for other programs, the doors of lockers among them."""
    plan = season.plan
    facts: Mapping[str, object] = {
        "season_id": season.id,
        "season": plan.title,
        "kind": plan.kind.value,
        "thing": thing,
        "first": plan.first.isoformat(),
        "last": plan.last.isoformat(),
    }
    return StoredEvent(new_id(), kind.value, now, f"season:{season.id}:{thing}", reader_id, facts)
