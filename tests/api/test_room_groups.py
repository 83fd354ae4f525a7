"""研修间 for reader groups: who may book a room is said before the tap, and decided at it."""

from __future__ import annotations

from typing import Any

from models.identity.roles import Role
from models.library.rooms import RoomId
from tests.api.browsing import Browser
from tests.api.console import post, staff
from tests.api.reader_groups import enter, group
from tests.api.refused_forms import ROOM
from tests.api.rooms import GROUP, SMALL, book, confirm, wish, with_room
from tests.living import Client, Living

LONG = "图书馆与信息管理系高年级博士研究生"


async def reserved_for(reader: Client, room: str) -> Any:
    rooms = (await reader.ok("GET", "/rooms"))["items"]
    return next(each["reserved_for"] for each in rooms if each["room"]["id"] == room)


async def test_a_room_of_a_group_is_booked_by_its_members_and_used_by_all(service: Living) -> None:
    admin = await staff(service, Role.ADMINISTRATOR)
    member, other = [await service.reader() for _ in range(2)]
    one = await group(service, admin, name="博士生", shown_name=LONG)
    two = await group(service, admin, name="Lesesaal A", **{"area-2f-east": ""})
    await enter(service, admin, member, one, last=service.today)
    await with_room(service, SMALL, groups=(one, two))
    assert await reserved_for(member, SMALL) == [] == await reserved_for(other, GROUP)
    assert await reserved_for(other, SMALL) == sorted(["Lesesaal A", LONG])
    books = await service.books()
    no = await other.refused("422 group_only", "POST", "/room-bookings", wish(service))
    assert no.details == {"groups": sorted(["Lesesaal A", LONG])}
    assert LONG in no.body["error"]["message"]
    assert await service.books() == books
    earlier = await book(service, other, room_id=GROUP, start="10:00", end="12:00")
    here = f"/room-bookings/{earlier['id']}"
    elsewhere = await other.ok("GET", here)
    await other.refused("422 group_only", "POST", f"{here}/change", {"room_id": SMALL})
    assert await other.ok("GET", here) == elsewhere
    web = Browser(await service.web_reader(other))
    assert f"仅限Lesesaal A、{LONG}" in (await web.get("/rooms")).body
    page = (await web.get(f"/rooms/{SMALL}")).body
    assert f"这个研修间仅限Lesesaal A、{LONG}预约" in page and 'name="start"' not in page
    # The membership's last day is today.
    tomorrow = wish(service, date=service.tomorrow)
    await member.refused("422 group_only", "POST", "/room-bookings", tomorrow)
    made = await book(service, member)
    await confirm(made, other)  # who takes part need not be a member
    # A deleted group does not count; with the last one the room becomes everybody's.
    for id, left in ((one, ["Lesesaal A"]), (two, [])):
        done = await post(service, admin, f"/console/groups/{id}/delete", base="0")
        assert done.status == 303
        assert await reserved_for(other, SMALL) == left
    assert (await book(service, other, start="17:00", end="18:00"))["state"] == "reserved"


async def test_administrators_choose_the_groups_of_a_room(service: Living) -> None:
    admin = await staff(service, Role.ADMINISTRATOR)
    one = await group(service, admin, name="博士生")
    two = await group(service, admin, name="教师", **{"area-2f-east": ""})
    chosen = {f"group-{one}": "1"}
    wrong = {**ROOM, **chosen, "least": "9"}
    refused = await post(service, admin, "/console/room-settings", **wrong)
    assert refused.status == 400, "least above most"
    ticked = f'name="group-{one}" value="1" checked'
    assert ticked in refused.body and f'name="group-{two}" value="1" checked' not in refused.body
    assert (await post(service, admin, "/console/room-settings", **ROOM, **chosen)).status == 303
    rooms = service.inside.reference.rooms
    new = next(room for room in rooms.values() if room.name == ROOM["name"])
    assert new.rules.groups == (one,)
    assert "仅限博士生" in (await admin.get("/console/room-settings")).body
    here = f"/console/room-settings/{new.id}"
    assert ticked in (await admin.get(here)).body
    fields = {**ROOM, "base": str(new.rev), "operation": "change"}
    assert (await post(service, admin, here, **fields)).status == 303
    assert service.inside.reference.rooms[RoomId(new.id)].rules.groups == ()
    changes = (await admin.get(f"/console/audit?target=room:{new.id}")).body
    assert "只供这些读者组预约" in changes and "博士生" in changes
