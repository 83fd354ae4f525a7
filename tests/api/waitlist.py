"""Readers wait for a seat of a full area."""

from __future__ import annotations

from typing import Any

from models.library.entities import AreaId
from tests.living import Client, Living

AREA = "2f-hall"


async def full(
    service: Living, start: str = "14:00", end: str = "16:00"
) -> list[tuple[Client, Any]]:
    """Every seat of the area is somebody's in that time."""
    seats = service.inside.reference.catalog.areas[AreaId(AREA)].seats
    readers = [await service.reader() for _ in seats]
    # One after the other: all at once, a busy machine sends some of them away.
    made = [await r.reserve(s.id, start, end) for r, s in zip(readers, seats, strict=True)]
    return list(zip(readers, made, strict=True))


def wish(service: Living, **other: Any) -> dict[str, Any]:
    return {"area_id": AREA, "date": service.today, "start": "14:00", "end": "16:00"} | other


async def join(service: Living, reader: Client, **other: Any) -> Any:
    return await reader.ok("POST", "/waitlist", wish(service, **other))


async def offers(reader: Client) -> list[Any]:
    waits = (await reader.ok("GET", "/waitlist"))["items"]
    return [w["offer"] for w in waits if w["offer"] is not None]
