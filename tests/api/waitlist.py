"""Waitlists of full areas."""

from __future__ import annotations

import asyncio
from datetime import date, time
from typing import Any

from models.kernel.ids import Actor
from models.library.entities import AreaId, Seat
from models.readers.context import RequestContext
from models.reservations.rules import TimeSelection
from tests.living import Client, Living

AREA = "2f-hall"
ONE, TWO = "2f-hall-010", "2f-hall-020"


async def full(
    service: Living, start: str = "14:00", end: str = "16:00"
) -> list[tuple[Client, Any]]:
    """Books every seat of the area for this time. The bookings bypass HTTP, whose load shedding
    would refuse some."""
    seats = service.inside.reference.catalog.areas[AreaId(AREA)].seats
    day, now = date.fromisoformat(service.today), service.clock.now()
    span = TimeSelection(day, time.fromisoformat(start), time.fromisoformat(end))

    async def taken(seat: Seat) -> tuple[Client, Any]:
        owner = await service.reader()
        who = await service.inside.stored.readers.get(owner.reader_id)
        assert who is not None
        context = RequestContext(who, Actor("reader", "mini"), now)
        made = await service.inside.reservations.create(context, seat.id, span)
        return owner, {"id": made.id, "seat": {"id": made.seat_id}}

    return list(await asyncio.gather(*map(taken, seats)))


async def held_seat(
    service: Living, start: str = "14:00", end: str = "16:00", seat: str = ONE
) -> tuple[Client, Any]:
    """A reader with a booking of this seat and time."""
    owner = await service.reader()
    return owner, await owner.reserve(seat, start, end)


def wish(service: Living, **other: Any) -> dict[str, Any]:
    return {"area_id": AREA, "date": service.today, "start": "14:00", "end": "16:00"} | other


async def join(service: Living, reader: Client, **other: Any) -> Any:
    return await reader.ok("POST", "/waitlist", wish(service, **other))


async def offers(reader: Client) -> list[Any]:
    waits = (await reader.ok("GET", "/waitlist"))["items"]
    return [w["offer"] for w in waits if w["offer"] is not None]
