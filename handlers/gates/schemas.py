from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

from handlers.http.schemas import Instant, InstantRequest, Response


class GateEventIn(InstantRequest):
    """A reader's passage. ``id``: the gate's own id of the event, unchanged if it is sent again."""

    id: Annotated[str, Meta(pattern="^[!-~]{1,64}$", max_length=64)]
    student_no: Annotated[str, Meta(min_length=1, max_length=32)]
    direction: Literal["in", "out"]
    method: Literal["card", "face"]
    at: Instant


class GateEvents(InstantRequest):
    """A batch of events from a gate. ``events``: each a GateEventIn; an invalid event is
    rejected without the others. ``complete_until``: the gate has reported all passages before
    this time, so deadlines up to this time are decided without waiting for further events."""

    events: Annotated[
        list[Any],
        Meta(
            max_length=500,
            extra_json_schema={"items": {"$ref": "#/components/schemas/GateEventIn"}},
        ),
    ]
    complete_until: Instant | None = None


class RejectedOut(Response):
    id: str
    code: str


class GateEventsOut(Response):
    accepted: int
    duplicates: int
    rejected: list[RejectedOut]


class GateRecordOut(Response):
    id: str
    gate: str
    direction: str
    method: str
    at: datetime
    effect: str
