"""Bookings of study rooms, and a room of another venue."""

from __future__ import annotations

from typing import Any, Final

from models.identity.roles import GrantId, Role, StaffGrant
from models.library.entities import Venue, VenueId
from models.library.rooms import Room, RoomId
from tests.api.browsing import Browser
from tests.living import Client, Living

SMALL, OTHER, GROUP, SEMINAR, HALL = "r201", "r202", "r301", "r401", "r402"
"""Rooms of the library: two for two and more people, one for three who confirm, one for four whose
request is approved without an answer, one whose request is declined without one."""
PURPOSE: Final = "讨论毕业设计"
ANNEX: Final = Room(RoomId("carrel"), VenueId("annex"), "Gruppenraum Nord", 1, 1, 2)


async def book(service: Living, reader: Client, room: str = SMALL, **other: Any) -> Any:
    """A booking of the room from 14:00 to 16:00 today."""
    usual = {"room_id": room, "date": service.today, "start": "14:00", "end": "16:00"}
    return await reader.ok("POST", "/room-bookings", usual | {"purpose": PURPOSE} | other)


async def confirm(booking: Any, *readers: Client) -> None:
    for reader in readers:
        await reader.ok("POST", f"/room-invitations/{booking['invitation']}/confirm")


async def state(reader: Client, booking: Any) -> str:
    return str((await reader.ok("GET", f"/room-bookings/{booking['id']}"))["state"])


async def with_annex(service: Living) -> None:
    """Adds the room ``ANNEX`` and its venue."""
    stored = service.inside.stored
    await stored.catalogs.add_missing([Venue(ANNEX.venue_id, "Rechtshaus", order=1)], [], [])
    await stored.rooms.put([ANNEX])
    await service.inside.reference.refresh()


async def of_annex(service: Living) -> Browser:
    """An administrator of the venue of ``ANNEX`` alone."""
    person = await service.web_reader()
    grant = StaffGrant(GrantId("g"), Role.ADMINISTRATOR, frozenset({ANNEX.venue_id}))
    assert await service.inside.stored.staff_grants.give(person.reader_id, grant)
    now = service.clock.now()
    person.token = (
        await service.sessions.open_web(person.reader_id, "ST-annex", now, granted=True)
    ).token
    return Browser(person)
