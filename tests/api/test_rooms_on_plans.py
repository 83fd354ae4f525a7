"""Study rooms on the plan of an area: their state in the searched time, and their place."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import unquote

import pytest

from models.identity.roles import Role
from models.library.entities import AreaId
from models.library.rooms import RoomId, RoomPlace
from tests.api.browsing import Browser
from tests.api.console import post, staff
from tests.api.seat_map_watcher import watching
from tests.api.stored_reads import commands_of
from tests.living import Living
from tests.second_venue import JURIDICUM, LESESAAL

R201 = RoomId("r201")
PAGE = f"/console/room-settings/{R201}"
PLAN = "/areas/2f-hall"
AT = {"area": "2f-hall", "x": "10", "y": "20", "w": "120", "h": "80"}


async def put(service: Living, head: Browser, **form: str) -> Any:
    rev = service.inside.reference.rooms[R201].rev
    fields = {"operation": "put", "base": str(rev), **AT, **form}
    return await post(service, head, f"{PAGE}/place", **fields)


async def shown(who: Browser, query: str = "") -> tuple[str, str, str] | None:
    """The state, link and texts of the room on the plan."""
    page = (await who.get(f"{PLAN}{query}")).body
    match = re.search(r'<a class="plan-room (\w*)" href="(.*?)" .*?>(.*?)</a>', page, re.DOTALL)
    return (match[1], match[2], re.sub("<[^>]*>", " ", match[3])) if match else None


@pytest.mark.whole
async def test_a_plan_shows_whether_its_room_is_free(service: Living) -> None:
    head, reader = await staff(service, Role.ADMINISTRATOR), Browser(await service.web_reader())
    assert await shown(reader) is None
    assert (await put(service, head)).headers["Location"] == f"{PAGE}?done=room"
    link, today = f"/rooms/{R201}?date={service.today}", f"?date={service.today}"
    state, href, texts = await shown(reader) or ("", "", "")
    assert (state, href) == ("free", link) and texts.split() == ["研修间201", "空闲"]
    other = await service.reader()
    wish = {"room_id": R201, "date": service.today, "start": "14:00", "end": "16:00"}
    made = await other.ok("POST", "/room-bookings", wish)
    for query, expected in (
        (f"{today}&start=13:00&end=14:00", "free"),
        (f"{today}&start=13:00&end=14:30", "taken"),
        (f"?date={service.tomorrow}", "unknown"),
    ):
        state, href, _ = await shown(reader, query) or ("", "", "")
        assert (state, unquote(unescape(href))) == (expected, f"/rooms/{R201}{query}")
        (room,) = (await other.ok("GET", f"{PLAN}/map{query}"))["rooms"]
        assert room["status"] == (expected if expected != "unknown" else None)
    form = (await reader.get(f"{link}&start=16:00&end=17:00")).body
    assert '<option value="16:00" selected>' in form and "<option selected>17:00<" in form
    await service.move("14:00")
    assert (await shown(reader) or [None])[0] == "taken"
    await other.ok("POST", f"/room-bookings/{made['id']}/cancel")
    assert (await shown(reader) or [None])[0] == "free", "no drawing is older than the booking"
    assert await shown(Browser(await service.web_reader())) == (await shown(reader))
    assert (await put(service, head, operation="remove")).status == 303
    assert await shown(reader) is None


async def test_map_and_stream_tell_the_state_of_a_room_in_their_time(service: Living) -> None:
    """Only on the plan that the room is on; another venue's room has a name in two languages."""
    head = await staff(service, Role.ADMINISTRATOR)
    reader, other = await service.reader(), await service.reader()
    paths = [f"/areas/{area}/map?start=14:00&end=16:00" for area in ("2f-hall", LESESAAL)]
    before = [await reader.ok("GET", path) for path in paths]
    assert not any("rooms" in plan for plan in before)
    assert not (await commands_of(service, reader.get(paths[0])))["reservations"]
    inside = service.inside
    quiet = replace(
        inside.reference.rooms[R201],
        id=RoomId("jur-1"),
        venue_id=JURIDICUM,
        name="Lesesaal A",
        names={"en": "Reading room A"},
        place=RoomPlace(LESESAAL, 0, 0, 40, 40),
        rev=0,
    )
    assert await inside.stored.rooms.write(quiet)
    assert (await put(service, head)).status == 303
    in_hall = {"id": R201, "name": "研修间201", "x": 10, "y": 20, "w": 120, "h": 80}
    in_lesesaal = {"id": "jur-1", "name": "Lesesaal A", "x": 0, "y": 0, "w": 40, "h": 40}
    plans = [await reader.ok("GET", path) for path in paths]
    assert [plan["rooms"] for plan in plans] == [
        [in_hall | {"status": "free"}],
        [in_lesesaal | {"status": "free", "names": {"en": "Reading room A"}}],
    ]
    etag = (await reader.get(paths[0])).headers["ETag"]
    assert etag.startswith(f'"{plans[0]["version"]}-')
    assert (await reader.get(paths[0], **{"If-None-Match": etag})).status == 304
    async with watching(other, paths[0].replace("/map", "/events")) as one:
        await one.until(lambda: one.rooms == {R201: "free"})
        wish = {"room_id": R201, "date": service.today, "start": "15:00", "end": "17:00"}
        made = await reader.ok("POST", "/room-bookings", wish)
        taken = await reader.get(paths[0], **{"If-None-Match": etag})
        assert taken.status == 200 and taken.body["rooms"][0]["status"] == "taken"
        assert taken.body["version"] == plans[0]["version"], "its seats have not changed"
        assert (await reader.ok("GET", paths[1])) == plans[1]
        await one.until(lambda: one.rooms == {R201: "taken"})
        await reader.ok("POST", f"/room-bookings/{made['id']}/cancel")
        await one.until(lambda: one.rooms == {R201: "free"})
        assert len([name for name, _ in one.events if name == "room"]) == 3


@pytest.mark.whole
async def test_a_room_keeps_to_the_plans_of_its_venue(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    assert (await put(service, head)).status == 303
    before = service.inside.reference.rooms[R201]
    assert before.place == RoomPlace(AreaId("2f-hall"), 10, 20, 120, 80)
    page = (await head.get(f"{PAGE}/place")).body
    assert 'name="x" min="0" required value="10"' in page and 'id="room-rect" x="10"' in page
    for wrong, status, said in (
        ({"w": "39"}, 400, "每边至少 40"),
        ({"x": "5000"}, 400, "应在平面图内"),
        ({"y": "oben"}, 400, "请填写整数"),
        ({"area": "jur-lesesaal"}, 400, ""),
        ({"base": "0"}, 409, ""),
        ({"operation": "burn"}, 404, ""),
    ):
        refused = await put(service, head, **wrong)
        assert refused.status == status and said in refused.body, (wrong, refused.body)
    for who in (await staff(service), await staff(service, None)):
        assert (await put(service, who)).status == 403
        assert (await who.get(f"{PAGE}/place")).status == 403
    await service.inside.reference.refresh()
    assert service.inside.reference.rooms[R201] == before


@pytest.mark.whole
async def test_a_room_out_of_use_is_on_no_plan(service: Living) -> None:
    head, reader = await staff(service, Role.ADMINISTRATOR), Browser(await service.web_reader())
    assert (await put(service, head)).status == 303
    room = service.inside.reference.rooms[R201]
    assert await service.inside.stored.rooms.write(replace(room, retired=True, rev=room.rev + 1))
    await service.inside.reference.refresh()
    assert await shown(reader) is None
