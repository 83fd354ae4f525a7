from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from handlers.gates import schemas
from models.gates.entities import Direction, ReportedEvent


def parse_events(events: Iterable[Any]) -> list[ReportedEvent | None]:
    """Decodes events; invalid ones become None, which ``GateService.ingest_batch`` rejects."""
    return [_parse(raw) for raw in events]


def _parse(raw: Any) -> ReportedEvent | None:
    try:
        event = msgspec.convert(raw, schemas.GateEventIn)
    except msgspec.ValidationError:
        return None
    return ReportedEvent(
        event.id, event.student_no, Direction(event.direction), event.method, event.at
    )
