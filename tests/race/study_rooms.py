"""A study room at several workers, its bookings, and those who take part."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from models.kernel.ids import Actor
from models.kernel.time_range import TimeRange
from models.library.rooms import RoomId, RoomRules
from models.readers.entities import Reader
from models.reservations.claims import room_claims
from models.reservations.room_booking import RoomBooking
from tests.builders import ZONE
from tests.inside import Inside
from tests.race.stage import Stage, clock, ctx, selection

ROOM = "r201"
"""A room for two to four people."""
DESK = Actor("librarian", "desk")


async def workers_with(stage: Stage, number: int, **rules: Any) -> list[Inside]:
    """Workers that know the room with these rules."""
    room = replace(stage.inside.reference.room(ROOM), rules=RoomRules(**rules))
    await stage.stored.rooms.put([room])
    return [await stage.worker() for _ in range(number)]


async def book(worker: Inside, reader: Reader, start: int = 10, end: int = 11) -> RoomBooking:
    """The reader's booking of the room, made at 08:00."""
    return await worker.rooms.book(ctx(reader), ROOM, selection(start, end), "")


async def confirm(worker: Inside, reader: Reader, b: RoomBooking) -> RoomBooking:
    return await worker.rooms.confirm(ctx(reader), worker.rooms.invitation_to(b))


async def holders(stage: Stage, start: int, end: int) -> int:
    """The number of documents that have the room in the first half hour of that time."""
    claim = room_claims(ZONE, RoomId(ROOM), TimeRange(clock(start), clock(end)))[0]
    return await stage.db["reservations"].count_documents({"claims": claim})
