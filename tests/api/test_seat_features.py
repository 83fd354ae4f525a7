"""The library's own seat features over HTTP: from the console over an import to a booking."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest

from models.identity.roles import Role
from models.library.entities import AreaId, Venue, VenueId
from tests.api.browsing import Browser
from tests.api.changes import with_rules
from tests.api.console import log, post, staff
from tests.api.floor_files import confirm, hidden_plans, upload
from tests.api.floor_plans import exported, send
from tests.api.waitlist import full, wish
from tests.living import Client, Living

PAGE = "/console/features"
LAMP = {"name": "台灯", "english": "Desk lamp", "icon": "lamp", "filter": "1"}
DESK = {"name": "升降桌", "english": "Standing desk", "others": "de Steharbeitsplatz"}
TABLE = (
    "场馆,区域,楼层,座位号,行,列,power,Desk lamp,升降桌,Aussicht\n"
    "分馆,Lesesaal A,1,A-1-07,1,1,ja,ja,x,Park\n"
    "分馆,Lesesaal A,1,Carrel 3,1,2,,,是,\n"
    "分馆,Lesesaal A,1,A-1-09,1,3,,ja,,\n"
)


async def define(service: Living, head: Browser, *features: dict[str, str]) -> None:
    for feature in features:
        rev = service.inside.reference.catalog.features.rev
        assert (await post(service, head, PAGE, base=str(rev), **feature)).status == 303


async def two_features(service: Living) -> Browser:
    head = await staff(service, Role.ADMINISTRATOR)
    await define(service, head, LAMP, DESK | {"icon": "desk"})
    return head


async def operate(service: Living, who: Browser, id: str, operation: str, **form: str) -> Any:
    fields = {"base": str(service.inside.reference.catalog.features.rev), **form}
    return await post(service, who, f"{PAGE}/{id}", operation=operation, **fields)


async def own_of(reader: Client, area: str) -> dict[str, Any]:
    seats = (await reader.ok("GET", f"/areas/{area}/map"))["seats"]
    return {seat["no"]: seat.get("features") for seat in seats}


async def free(reader: Client, filters: str) -> dict[str, int]:
    areas = (await reader.ok("GET", f"/areas?{filters}"))["items"]
    return {area["name"]: area["seats_free"] for area in areas if area["seats_free"]}


async def test_two_features_from_the_console_over_an_import_and_a_filter_to_a_booking(
    service: Living,
) -> None:
    annex = Venue(VenueId("branch"), "分馆")
    await service.inside.stored.catalogs.add_missing([annex], [], [])
    await service.inside.reference.refresh()
    reader, browser = await service.reader(), Browser(await service.web_reader())
    assert "features" not in await reader.ok("GET", "/venues")
    head = await two_features(service)
    listed = await reader.ok("GET", "/venues")
    assert listed["features"] == [
        {"id": "desk-lamp", "names": {"zh": "台灯", "en": "Desk lamp"}, "icon": "lamp"},
        {
            "id": "standing-desk",
            "names": {"zh": "升降桌", "en": "Standing desk", "de": "Steharbeitsplatz"},
            "icon": "desk",
        },
    ]
    assert listed["items"][0]["dates"][0]["filters"] == ["desk-lamp"]

    template = (await head.get("/console/plans/import/template.csv")).body
    assert "无障碍,台灯,升降桌" in str(template)
    workbook = await head.client.session.get(
        f"{service.base}/console/plans/import/template.xlsx", headers=head.cookie
    )
    book = openpyxl.load_workbook(io.BytesIO(await workbook.read()))
    assert [cell.value for cell in book["座位"][1]][-3:] == ["无障碍", "台灯", "升降桌"]
    assert "电源、靠窗、电脑、无障碍、台灯、升降桌" in {c.value for c in book["说明"]["A"]}
    for wrong, words in (
        (TABLE.replace(",ja,x,", ",ja,vielleicht,"), "第 2 行：“升降桌”不能是“vielleicht”"),
        (TABLE.replace("Aussicht", "台灯"), "有两列都是“台灯”"),
    ):
        refused = await upload(service, head, wrong)
        assert refused.status == 400 and words in refused.body
    preview = await upload(service, head, TABLE)
    assert preview.status == 200 and "Aussicht" in preview.body, "what is ignored is named"
    assert (await confirm(service, head, hidden_plans(preview.body))).status == 303
    both = ["desk-lamp", "standing-desk"]
    there = {"A-1-07": both, "Carrel 3": ["standing-desk"], "A-1-09": ["desk-lamp"]}
    assert await own_of(reader, "1f-1") == there
    catalog = await reader.ok("GET", "/catalog")
    assert catalog["features"] == listed["features"]
    areas = [area for venue in catalog["venues"] for area in venue["areas"]]
    (hall,) = (area for area in areas if area["id"] == "1f-1")
    assert {seat["no"]: seat.get("features") for seat in hall["seats"]} == there

    # Filters are data; those of the usual features go on with their old names.
    assert await free(reader, "features=desk-lamp") == {"Lesesaal A": 2}
    await reader.refused("422 filter_off", "GET", "/areas?features=standing-desk")
    await reader.refused("422 filter_off", "GET", "/areas?features=number")
    proposed = (await reader.ok("GET", "/proposal?venue=branch&features=desk-lamp"))["proposed"]
    assert proposed["seat"]["no"] in ("A-1-07", "A-1-09")
    await reader.refused("422 filter_off", "GET", "/proposal?features=standing-desk")
    await with_rules(service, filter_by_power=True)
    assert await free(reader, "features=desk-lamp&power=true") == {"Lesesaal A": 1}
    assert await free(reader, "features=desk-lamp,power") == {"Lesesaal A": 1}
    assert 'class="tile full"' not in (await browser.get("/?venue=library&features=desk-lamp")).body
    home = (await browser.get("/?venue=branch&features=desk-lamp&power=1")).body
    assert 'value="desk-lamp" checked> 台灯' in home and 'value="power" checked' in home
    assert "/areas/1f-1?" in home and "features=desk-lamp%2Cpower" in home
    plan = (await browser.get("/areas/1f-1?features=desk-lamp", **{"Accept-Language": "en"})).body
    assert plan.count(" aside") == 1 and 'href="#o-desk-lamp"' in plan
    assert re.search(r'aria-label="[^"]*Standing desk[^"]*" [^>]*data-no="Carrel 3"', plan)
    assert "台灯" not in plan and "升降桌" not in plan
    seat = next(s for s in service.inside.reference.catalog.areas[AreaId("1f-1")].seats)
    panel = (await browser.get(f"/areas/1f-1?seat={seat.id}&features=desk-lamp")).body
    assert 'name="features" value="desk-lamp"' in panel
    assert "电源&nbsp;· 台灯&nbsp;· 升降桌" in panel
    assert (await reader.ok("GET", f"/seats/{seat.id}"))["features"] == both
    made = await reader.reserve(seat.id)
    assert made["seat"]["no"] == "A-1-07"

    # The round trip: nothing is to be saved, and what a file does not name stays.
    file = await head.get("/console/plans/1f-1.csv")
    assert "无障碍,台灯,升降桌,停用原因" in str(file.body)
    same = await upload(service, head, file.body)
    assert same.status == 400 and "没有需要保存的更改" in same.body
    without = "区域,座位号,电源\nLesesaal A,A-1-07,是\nLesesaal A,Carrel 3,是\nLesesaal A,A-1-09,\n"
    preview = await upload(service, head, without, venue="branch")
    assert (await confirm(service, head, hidden_plans(preview.body))).status == 303
    assert await own_of(reader, "1f-1") == there


async def test_readers_wait_for_a_seat_with_an_own_feature(service: Living) -> None:
    head, reader = await two_features(service), await service.reader()
    plan = await exported(head)
    for seat in plan["seats"]:
        if seat["no"] in ("010", "020"):
            seat["features"] = ["desk-lamp"]
    asked = await send(service, head, plan)
    assert asked.status == 200 and "010、020" in asked.body
    assert (await send(service, head, plan, confirmed="yes")).status == 303
    taken = {booking["seat"]["id"]: owner for owner, booking in await full(service)}
    refused = wish(service, features=["standing-desk"])
    await reader.refused("422 filter_off", "POST", "/waitlist", refused)
    await reader.ok("POST", "/waitlist", wish(service, features=["desk-lamp"]))
    for seat_id in ("2f-hall-011", "2f-hall-020"):
        (booking,) = (await taken[seat_id].ok("GET", "/reservations"))["items"]
        await taken[seat_id].ok("POST", f"/reservations/{booking['id']}/cancel")
        await service.settle()
        (entry,) = (await reader.ok("GET", "/waitlist"))["items"]
        assert (entry["state"] == "offered") == (seat_id == "2f-hall-020")
    assert entry["offer"]["seat"]["id"] == "2f-hall-020"


async def test_a_retired_feature_stays_on_its_seats_and_comes_back(service: Living) -> None:
    head, reader = await two_features(service), await service.reader()
    plan = await exported(head)
    plan["seats"][0]["features"] = ["standing-desk", "desk-lamp"]
    await send(service, head, plan, confirmed="yes")
    assert "有 1 个座位是“台灯”" in (await head.get(PAGE)).body
    assert (await operate(service, head, "desk-lamp", "retire")).status == 303
    number = plan["seats"][0]["no"]
    assert (await own_of(reader, "2f-hall"))[number] == ["standing-desk"]
    assert [f["id"] for f in (await reader.ok("GET", "/venues"))["features"]] == ["standing-desk"]
    await reader.refused("422 filter_off", "GET", "/areas?features=desk-lamp")
    assert "台灯" not in (await head.get("/areas/2f-hall")).body
    assert "台灯" not in (await head.get("/console/plans/2f-hall")).body
    # Neither the editor nor a table without the column takes it away.
    now = await exported(head)
    assert now["seats"][0]["features"] == ["desk-lamp", "standing-desk"]
    table = (await head.get("/console/plans/2f-hall.csv")).body
    assert "台灯" not in str(table)
    assert "没有需要保存的更改" in (await upload(service, head, table)).body
    assert (await operate(service, head, "desk-lamp", "restore")).status == 303
    assert (await own_of(reader, "2f-hall"))[number] == ["desk-lamp", "standing-desk"]
    assert (await operate(service, head, "standing-desk", "up")).status == 303
    ids = [f["id"] for f in (await reader.ok("GET", "/venues"))["features"]]
    assert ids == ["standing-desk", "desk-lamp"]
    # What a library has written is not translated, even where the service has an English word.
    await define(service, head, {"name": "候补", "icon": "sofa"})
    english = (await head.get("/areas/2f-hall", **{"Accept-Language": "en"})).body
    assert "</svg>候补</li>" in english and "</svg>Standing desk</li>" in english
    renamed = LAMP | {"name": "阅读灯"}
    assert (await operate(service, head, "desk-lamp", "change", **renamed)).status == 303
    assert "阅读灯" in (await head.get("/areas/2f-hall")).body
    done = [action for action, target, _ in await log(service) if target.startswith("feature:")]
    assert done == [
        *("feature_added", "feature_added", "feature_retired", "feature_restored"),
        *("feature", "feature_added", "feature"),
    ]
    assert "zh: 阅读灯" in (await head.get("/console/audit")).body


@pytest.mark.whole
async def test_what_is_refused_changes_nothing(service: Living) -> None:
    head = await two_features(service)
    before = service.inside.reference.catalog.features

    async def stored() -> Any:
        return (await service.inside.stored.catalogs.load()).features

    for typed, words in {
        ("name", ""): "请填写中文名称",
        ("name", "很长很长很长很长很长很长的灯"): "最多 12 个汉字",
        ("english", "A lamp that is on every single desk"): "没有汉字的最多 30 个字符",
        ("name", "Ｄesk LAMP"): "已有“Ｄesk LAMP”",
        ("name", "座位号"): "座位表里另一列的名称",
        ("english", "Power"): "座位表里另一列的名称",
        ("icon", "piano"): "请选择图标",
        ("icon", ""): "请选择图标",
        ("others", "Leselampe"): "每行一种语言",
        ("others", "Deutsch Leselampe"): "不是语言标签",
    }.items():
        form = {"name": "屏风", "english": "Screen", "icon": "booth"} | dict([typed])
        page = await post(service, head, PAGE, base=str(before.rev), **form)
        assert page.status == 400 and words in page.body, typed
        assert await stored() == before
    outdated = await post(service, head, PAGE, base="1", **LAMP | {"name": "屏风", "english": ""})
    assert outdated.status == 409 and "刚刚被其他人修改过" in outdated.body
    for id, operation, status in (
        ("desk-lamp", "change", 400),
        ("no-such", "retire", 404),
        ("desk-lamp", "explode", 404),
    ):
        assert (await operate(service, head, id, operation, **DESK)).status == status
        assert await stored() == before

    # Eight are in use at most; two of whose names have no Latin letters get different ids.
    lamps = ({"name": f"灯{n}", "icon": "lamp", "filter": "1"} for n in range(6))
    await define(service, head, *lamps)
    eight = service.inside.reference.catalog.features
    assert [f.id for f in eight.all[2:4]] == ["feature", "feature-2"]
    assert "新增座位条件" not in (await head.get(PAGE)).body
    ninth = {"name": "灯9", "icon": "lamp"}
    assert "最多 8 个" in (await post(service, head, PAGE, base=str(eight.rev), **ninth)).body
    assert await stored() == eight
    await operate(service, head, "feature", "retire")
    await define(service, head, ninth)
    full_page = await operate(service, head, "feature", "restore")
    assert full_page.status == 400 and "最多 8 个" in full_page.body

    # A plan with a feature that the library has not defined.
    plan = await exported(head)
    plan["seats"][0]["features"] = ["throne"]
    page = await send(service, head, plan, confirmed="yes")
    assert page.status == 400 and "“throne”" in page.body
    assert (await exported(head))["seats"][0].get("features") is None

    # Of two changes at once, one is refused by the store.
    newest = service.inside.reference.catalog.features
    catalogs = service.inside.stored.catalogs
    assert await catalogs.replace_features(replace(newest, rev=newest.rev + 1))
    assert not await catalogs.replace_features(replace(newest, rev=newest.rev + 1))
