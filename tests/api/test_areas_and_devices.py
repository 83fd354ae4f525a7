"""Areas, kiosks and gates over the years: renamed, put in order, retired, brought back, deleted."""

from __future__ import annotations

import re
from typing import Any

import pytest

from handlers.kiosks.api import SCREEN
from models.gates.entities import Gate as GateEntity
from models.gates.entities import GateId
from models.identity.roles import Role
from models.kiosks.keys import new_secret
from models.library.entities import AreaId, Kiosk, KioskId, Venue, VenueId
from tests.api.browsing import Browser
from tests.api.console import log, post, staff
from tests.api.devices import key_in, keys
from tests.api.gate import Gate
from tests.living import Client, Living

HALL = "/console/plans/2f-hall"


async def rev(service: Living, area: str = "2f-hall") -> str:
    await service.inside.reference.refresh()
    return str(service.inside.reference.catalog.areas[AreaId(area)].rev)


async def change(service: Living, head: Browser, verb: str, path: str = HALL, **form: str) -> Any:
    area = path.rpartition("/")[2]
    form = {"base": await rev(service, area), **form}
    return await post(service, head, f"{path}/{verb}", **form)


async def names(reader: Client) -> list[str]:
    areas = (await reader.ok("GET", "/areas"))["items"]
    return [area["name"] for area in areas if area["floor"] == 2]


async def test_an_area_is_renamed_and_put_in_another_position(service: Living) -> None:
    head, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    was = await names(reader)
    assert was[:2] == ["二层东区", "二层中厅"]
    page = (await head.get(f"{HALL}/settings")).body
    assert 'value="二层中厅"' in page and "“二层东区”之后" in page
    for path, offered in (("plans", "/settings"), ("devices", "停用，密钥")):
        assert offered in (await head.get(f"/console/{path}")).body
        assert offered not in (await (await staff(service)).get(f"/console/{path}")).body
    form = {"name": "二层大厅", "floor": "2", "place": "0"}
    assert (await change(service, head, "settings", **form)).status == 303
    assert await names(reader) == ["二层大厅", "二层东区", *was[2:]]
    # The neighbour has moved as well: who saw it before is told, and finds what was typed.
    late = await change(service, head, "settings", **form | {"base": "0", "name": "另一个"})
    assert late.status == 409 and 'value="另一个"' in late.body
    before = await service.books(), await names(reader)
    for wrong, words in (
        ({"name": " "}, "区域名称"),
        ({"floor": "二"}, "楼层"),
        ({"reason": ""}, "原因"),
        ({}, "没有需要保存的更改"),
    ):
        refused = await change(service, head, "settings", **form | wrong)
        assert refused.status == 400 and words in refused.body, wrong
    assert (await service.books(), await names(reader)) == before
    # To another floor: behind all that are there.
    assert (await change(service, head, "settings", **form | {"floor": "3"})).status == 303
    areas = (await reader.ok("GET", "/areas"))["items"]
    assert [a["name"] for a in areas if a["floor"] == 3][-1] == "二层大厅"
    assert [a for a, _, o in await log(service) if o == "done"] == ["change_area"] * 2


async def test_a_retired_area_is_hidden_until_it_is_brought_back(service: Living) -> None:
    head, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    made = await reader.reserve("2f-hall-010", "09:00", "11:00", service.tomorrow)
    plan = await head.get(f"{HALL}.json")
    assert (await head.get("/areas/2f-hall")).status == 200
    before = await service.books()
    question = await change(service, head, "retire")
    assert "<b>1</b> 个预约不再符合平面图" in question.body and await service.books() == before
    done = await change(service, head, "retire", confirmed="yes", bookings="cancel")
    assert done.status == 303
    await service.settle()
    assert "二层中厅" not in await names(reader)
    gone = await reader.ok("GET", f"/reservations/{made['id']}")
    assert gone["state"] == "cancelled" and gone["seat"]["label"] == "图书馆2层二层中厅010号"
    await reader.refused("404 not_found", "GET", "/areas/2f-hall/map")
    assert (await head.get("/areas/2f-hall")).status == 404
    wish = {"date": service.tomorrow, "start": "09:00", "end": "11:00", "seat_id": "2f-hall-011"}
    await reader.refused("404 not_found", "POST", "/reservations", wish)
    # Its plan is shown and not changed; it was booked, so it stays.
    assert "已停用" in (await head.get(HALL)).body
    assert (await head.get(f"{HALL}.json")).body == plan.body
    sent = await post(service, head, HALL, base=await rev(service), plan="{}", confirmed="yes")
    assert sent.status == 409 and "已停用" in sent.body
    refused = await change(service, head, "delete")
    assert refused.status == 409 and "有过预约" in refused.body
    assert (await change(service, head, "retire", confirmed="yes")).status == 409
    assert (await change(service, head, "restore")).status == 303
    assert "二层中厅" in await names(reader)
    assert (await head.get(f"{HALL}.json")).body == plan.body
    assert (await reader.reserve("2f-hall-010", "09:00", "11:00", service.tomorrow))["seat"]
    assert (await change(service, head, "restore")).status == 409


async def test_an_area_without_bookings_or_rules_can_be_deleted(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    east, north = "/console/plans/4f-east", "/console/plans/2f-north"
    # The rules name the fourth floor's areas; an area in use is not deleted at all.
    assert (await change(service, head, "delete", north)).status == 409
    for path in (east, north):
        assert (await change(service, head, "retire", path, confirmed="yes")).status == 303
    assert "规则" in (await change(service, head, "delete", east)).body
    assert (await change(service, head, "delete", north)).status == 303
    listed = (await head.get("/console/plans")).body
    assert "二层北区" not in listed and "四层东区" in listed
    for path in (north, f"{north}.json", f"{north}/settings"):
        assert (await head.get(path)).status == 404, path
    assert (await head.get("/console/audit")).status == 200


# --- kiosks and gates -----------------------------------------------------------------------------


async def test_a_kiosk_is_renamed_retired_and_brought_back(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    path = "/console/devices/kiosk/2f-south"
    kiosks = service.inside.stored.kiosks
    await kiosks.issue_kiosk_key(KioskId("2f-south"), "key", new_secret())
    screen = {"X-Kiosk-Key": "key", SCREEN: "1"}
    assert (await service.anonymous.get("/kiosks/2f-south/code", **screen)).status == 200
    catalog = service.inside.reference.catalog
    was = catalog.kiosks[KioskId("2f-south")]
    base = {"was_name": was.name, "was_venue": was.venue_id}
    renamed = await post(service, head, path, **base, name="南门选座机", venue="library")
    assert renamed.status == 303
    # The second one is told, and finds what was typed.
    late = await post(service, head, path, **base, name="另一个名字", venue="library")
    assert late.status == 409 and 'value="另一个名字"' in late.body
    before = await keys(service)
    for wrong in ({"name": ""}, {"venue": "x"}, {"reason": ""}):
        form = {**base, "was_name": "南门选座机", "name": "门", "venue": "library"} | wrong
        assert (await post(service, head, path, **form)).status == 400, wrong
    assert await keys(service) == before
    used = await post(service, head, f"{path}/delete")
    assert used.status == 409 and "已经连接过" in used.body
    base["was_name"] = "南门选座机"
    assert (await post(service, head, f"{path}/retire", **base)).status == 303
    assert (await service.anonymous.get("/kiosks/2f-south/code", **screen)).status in (401, 404)
    assert (await post(service, head, f"{path}/key")).status == 409, "retired: no key"
    back = await post(service, head, f"{path}/restore", **base)
    assert back.status == 200
    screen = {"X-Kiosk-Key": key_in(back.body)}
    assert (await service.anonymous.get("/kiosks/2f-south/code", **screen)).status == 200
    assert (await post(service, head, f"{path}/restore", **base)).status == 409
    done = [action for action, _, outcome in await log(service) if outcome == "done"]
    assert done == ["change_device", "retire_device", "bring_back_device"]


async def test_only_a_gate_without_events_is_deleted_and_a_retired_one_is_refused(
    service: Living,
) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    new = {"device": "gate", "id": "north", "name": "北门", "venue": "library"}
    key = key_in((await post(service, head, "/console/devices", **new)).body)
    base = {"was_name": "北门", "was_venue": "library"}
    assert (await post(service, head, "/console/devices/gate/north/delete")).status == 303
    assert "北门" not in (await head.get("/console/devices")).body
    key = key_in((await post(service, head, "/console/devices", **new)).body)
    gate = Gate(service, key, "north")
    assert (await gate.send([])).status == 200
    assert (await post(service, head, "/console/devices/gate/north/delete")).status == 409
    path = "/console/devices/gate/north"
    assert (await post(service, head, f"{path}/retire", **base)).status == 303
    assert (await gate.send([])).status == 401
    page = (await head.get("/console/devices")).body
    assert re.search(r"已停用的设备.*北门", page, re.S)
    assert (await post(service, head, f"{path}/restore", **base)).status == 200


async def test_devices_are_listed_in_natural_order_of_their_names(service: Living) -> None:
    """Natural order, for readers too: 2号 before 10号, whatever the ids."""
    inside, head = service.inside, await staff(service, Role.ADMINISTRATOR)
    venue = next(iter(inside.reference.catalog.venues))
    for id, name in (("a-10", "10号选座机"), ("b-2", "2号选座机")):
        assert await inside.stored.catalogs.add_kiosk(Kiosk(KioskId(id), venue, name, "seat_kiosk"))
        assert await inside.stored.gates.add(GateEntity(GateId(id), venue, name))
    page = (await head.get("/console/devices")).body
    listed = [name for name in re.findall(r"<b>(\d+号选座机)</b>", page)]
    assert listed == ["2号选座机", "10号选座机"] * 2
    kiosk_names = [k.name for k in inside.reference.catalog.kiosks.values()]
    assert [name for name in kiosk_names if "号选座机" in name] == listed[:2]


@pytest.mark.parametrize("kind", ["kiosk", pytest.param("gate", marks=pytest.mark.whole)])
async def test_devices_are_put_in_order_by_hand(service: Living, kind: str) -> None:
    """One place up at a time; new devices go last, and each venue has an order of its own."""
    inside, head = service.inside, await staff(service, Role.ADMINISTRATOR)
    venue = next(iter(inside.reference.catalog.venues))
    await service.db["kiosks" if kind == "kiosk" else "gates"].delete_many({})

    async def add(id: str, name: str) -> None:
        new = {"device": kind, "id": id, "name": name, "venue": venue, "kind": "seat_kiosk"}
        assert (await post(service, head, "/console/devices", **new)).status == 200

    async def listed() -> list[str]:
        return re.findall(r"<b>(\w+厅)</b>", (await head.get("/console/devices")).body)

    for id, name in (("c-2", "C厅"), ("a-1", "A厅"), ("b-3", "B厅")):
        await add(id, name)
    assert await listed() == ["A厅", "B厅", "C厅"]
    up = f"/console/devices/{kind}/c-2/up"
    assert (await post(service, head, up, was_place="2")).status == 303
    assert await listed() == ["A厅", "C厅", "B厅"]
    # A form that comes twice, or was made from another list, moves nothing.
    before = await keys(service)
    for place in ("2", "0", "x"):
        late = await post(service, head, up, was_place=place)
        assert late.status == 409 and "C厅" in late.body
    first = f"/console/devices/{kind}/a-1/up"
    assert (await post(service, head, first, was_place="0")).status == 409
    assert await keys(service) == before and await listed() == ["A厅", "C厅", "B厅"]
    assert (await post(service, head, up, was_place="1")).status == 303
    await add("a-0", "0厅")
    assert await listed() == ["C厅", "A厅", "B厅", "0厅"]
    if kind == "kiosk":
        assert [k.name for k in inside.reference.catalog.kiosks.values()] == await listed()
    await inside.stored.catalogs.add_venue(Venue(VenueId("annex"), "分馆", order=9))
    moved = {"was_name": "C厅", "was_venue": venue, "name": "C厅", "venue": "annex"}
    assert (await post(service, head, f"/console/devices/{kind}/c-2", **moved)).status == 303
    assert await listed() == ["A厅", "B厅", "0厅", "C厅"]
    row = await service.db["kiosks" if kind == "kiosk" else "gates"].find_one({"_id": "c-2"})
    assert row is not None and row["order"] is None
    ordered = [line for line in await log(service) if line[0] == "devices_ordered"]
    assert [outcome for _, _, outcome in ordered] == ["done", "done"]
