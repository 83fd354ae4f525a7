"""Study rooms of the demo library, and what readers do with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from models.identity.roles import GrantId, Role, StaffGrant
from models.library.entities import Venue, VenueId
from models.library.rooms import RoomId, RoomPlace, RoomRules
from tests.api.browsing import Browser
from tests.living import Client, Living

ANNEX = VenueId("branch")
SMALL, GROUP, SEMINAR, HALL = "r201", "r301", "r401", "r402"
"""Rooms for two and more people, for three who confirm, for four of a request that is approved
without an answer, for a request that is declined without one."""


def wish(service: Living, room: str = SMALL, **other: Any) -> dict[str, Any]:
    """The room from 14:00 to 16:00 today."""
    usual = {"room_id": room, "date": service.today, "start": "14:00", "end": "16:00"}
    return usual | {"purpose": "讨论毕业设计"} | other


async def book(service: Living, reader: Client, room: str = SMALL, **other: Any) -> Any:
    return await reader.ok("POST", "/room-bookings", wish(service, room, **other))


async def put_on_plan(service: Living, place: RoomPlace, **other: Any) -> None:
    """Gives the room ``SMALL`` this place, and other fields."""
    inside = service.inside
    room = inside.reference.rooms[RoomId(SMALL)]
    assert await inside.stored.rooms.write(replace(room, place=place, rev=room.rev + 1, **other))
    await inside.reference.refresh()


async def confirm(booking: Any, *readers: Client) -> None:
    for reader in readers:
        await reader.ok("POST", f"/room-invitations/{booking['invitation']}/confirm")


async def state(reader: Client, booking: Any) -> str:
    return str((await reader.ok("GET", f"/room-bookings/{booking['id']}"))["state"])


async def day_of(reader: Client, room: str, day: str = "") -> Any:
    """The room's day, by default today, as readers see it."""
    items = (await reader.ok("GET", f"/rooms?date={day}" if day else "/rooms"))["items"]
    return next(each for each in items if each["room"]["id"] == room)


async def taken(reader: Client, room: str, day: str = "") -> list[str]:
    """The taken times of the room on the day, by default today."""
    spans = (await day_of(reader, room, day))["taken"]
    return [f"{span['start'][11:16]}-{span['end'][11:16]}" for span in spans]


async def with_room(service: Living, id: str, **rules: Any) -> None:
    """Replaces the room's rules by the usual ones with these numbers."""
    room = service.inside.reference.rooms[RoomId(id)]
    await service.inside.stored.rooms.put([replace(room, rules=RoomRules(**rules))])
    await service.inside.reference.refresh()


async def administrator_of_annex(service: Living) -> Client:
    """An administrator of another venue, which has no room."""
    await service.inside.stored.catalogs.add_missing([Venue(ANNEX, "分馆")], [], [])
    await service.inside.reference.refresh()
    person = await service.web_reader()
    grant = StaffGrant(GrantId("g"), Role.ADMINISTRATOR, frozenset({ANNEX}))
    assert await service.inside.stored.staff_grants.give(person.reader_id, grant)
    now, id = service.clock.now(), person.reader_id
    person.token = (await service.sessions.open_web(id, "ST-annex", now, granted=True)).token
    return person


async def of_annex(service: Living) -> Browser:
    """The browser of that administrator."""
    return Browser(await administrator_of_annex(service))
