from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

from handlers.http.schemas import Instant, InstantRequest, Response


class GateEventIn(InstantRequest):
    """A passage through the gate. ``id``: the gate's own, permanent id of the event."""

    id: Annotated[str, Meta(pattern="^[!-~]{1,64}$", max_length=64)]
    student_no: Annotated[str, Meta(min_length=1, max_length=32)]
    direction: Literal["in", "out"]
    method: Literal["card", "face"]
    at: Instant


class GateEvents(InstantRequest):
    """A batch of a gate. ``events``: each a GateEventIn; invalid ones are rejected one by one.
    ``complete_until``: the gate has reported all passages before it, so earlier deadlines need not
    wait."""

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
