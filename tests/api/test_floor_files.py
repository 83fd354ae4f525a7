"""An import over HTTP: preview, confirmation, and a booking in the imported area."""

from __future__ import annotations

import asyncio
import io
import json
import re
import zipfile
from contextlib import suppress
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest

from models.identity.roles import Role
from models.library.entities import AreaId
from models.staff.audit import AuditQuery
from tests.api.console import log, post, staff
from tests.api.floor_files import IMPORT, TABLE, confirm, hidden_plans, upload
from tests.api.floor_plans import NAMES_STAY
from tests.living import Living
from tests.uploads import another_reads, at_work, forget_the_peak, megabytes
from tests.waiting import until


async def test_floors_are_imported_and_booked(service: Living) -> None:
    head, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    assert "从文件导入" in (await head.get("/console/plans")).body
    assert "从文件导入" not in (await (await staff(service)).get("/console/plans")).body
    before, version = await service.books(), service.inside.reference.catalog.version
    preview_page = await upload(service, head, TABLE, venue="library")
    assert preview_page.status == 200, preview_page.body
    for words in ("新区域", "五层东区", "3 座", "五层西区", "没有预约受影响", ">A-12</text>"):
        assert words in preview_page.body, words
    assert await service.books() == before and await log(service) == []
    assert service.inside.reference.catalog.version == version, "nothing before it is confirmed"
    plans = hidden_plans(preview_page.body)
    lacks = await confirm(service, head, plans, reason="")
    assert lacks.status == 400 and "原因" in lacks.body and hidden_plans(lacks.body) == plans
    assert await service.books() == before
    assert (await confirm(service, head, plans)).status == 303
    areas = (await reader.ok("GET", "/areas"))["items"]
    assert [a["name"] for a in areas if a["floor"] == 5] == ["五层东区", "五层西区"]
    seats = (await reader.ok("GET", "/areas/5f-1/map"))["seats"]
    assert [seat["no"] for seat in seats] == ["2F-B07", "A-2", "A-12"]
    made = await reader.reserve(seats[2]["id"], "09:00", "10:00", service.tomorrow)
    assert made["seat"]["label"] == "图书馆5层五层东区A-12号"
    assert [(a, o) for a, _, o in await log(service)] == [("area", "done")] * 2
    assert 'data-no="A-12"' in (await head.get("/areas/5f-1")).body
    # Found by its name, however that is typed.
    moves = {"area": "5f-1", "no": "ａ－2", "by": "no"}
    path = f"/console/reservations/{made['id']}/move"
    assert (await post(service, head, path, **moves)).status == 303
    assert (await reader.ok("GET", f"/reservations/{made['id']}"))["seat"]["no"] == "A-2"
    back = {"area": "5f-1", "no": "a-12", "by": "no"}
    assert (await post(service, head, path, **back)).status == 303

    # The round trip: nothing is to be saved.
    exported = await head.get("/console/plans/5f-1.csv")
    assert exported.status == 200 and "attachment" in exported.headers["Content-Disposition"]
    same = await upload(service, head, exported.body, venue="library")
    assert same.status == 400 and "没有需要保存的更改" in same.body

    # A file without the booked seat asks what becomes of the booking.
    less = TABLE.replace("五层东区,5,A-12,1,2,是\n", "")
    preview = await upload(service, head, less, venue="library")
    assert "移除 A-12" in preview.body and "<b>1</b> 个预约不再符合平面图" in preview.body
    assert NAMES_STAY in preview.body
    plans = hidden_plans(preview.body)
    assert "请选择怎样处理" in (await confirm(service, head, plans)).body, "no answer yet"
    assert (await reader.ok("GET", f"/reservations/{made['id']}"))["state"] == "reserved"
    assert (await confirm(service, head, plans, bookings="cancel")).status == 303
    await service.settle()
    gone = await reader.ok("GET", f"/reservations/{made['id']}")
    assert gone["state"] == "cancelled" and gone["seat"]["label"].endswith("A-12号")
    # The log keeps the plan before it.
    ((entry,), _) = await service.inside.stored.audit_log.page_of(AuditQuery(action="plan"), 0, 1)
    old = (await head.get(f"/console/audit/{entry.id}/plan.json")).body
    assert {seat["no"] for seat in old["seats"]} == {"A-12", "A-2", "2F-B07"}


@pytest.mark.whole
async def test_the_second_of_two_concurrent_imports_must_confirm_again(service: Living) -> None:
    head, other = [await staff(service, Role.ADMINISTRATOR) for _ in range(2)]
    first = hidden_plans((await upload(service, head, TABLE, venue="library")).body)
    hall = (await head.get("/console/plans/2f-hall.json")).body
    moved = hall | {"seats": [s | {"x": s["x"] + 1} for s in hall["seats"]]}
    second = hidden_plans((await upload(service, other, json.dumps(moved))).body)
    theirs = hidden_plans((await upload(service, head, json.dumps(hall | {"name": "大厅"}))).body)
    assert (await confirm(service, head, theirs)).status == 303
    late = await confirm(service, other, second, reason="整理座位")
    assert late.status == 409 and "刚刚被其他人修改过" in late.body
    assert 'value="整理座位"' in late.body and "移动" in late.body
    assert (await confirm(service, other, hidden_plans(late.body))).status == 303, "seen and meant"
    # All of a file or nothing: one of its areas is there by now.
    assert (await confirm(service, other, first)).status == 303
    before = service.inside.reference.catalog.version
    assert (await confirm(service, head, first)).status == 409
    await service.inside.reference.refresh()
    assert service.inside.reference.catalog.version == before


@pytest.mark.whole
async def test_a_tampered_import_form_is_refused(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    plans = json.loads(hidden_plans((await upload(service, head, TABLE, venue="library")).body))
    await service.inside.reference.refresh()
    before = service.inside.reference.catalog.version
    first = plans["areas"][0]
    for wrong, words in (
        ({"seats": [s | {"no": "<b>"} for s in first["seats"]]}, "1–20 个字母或数字"),
        ({"seats": [s | {"id": "2f-hall-001"} for s in first["seats"][:1]]}, "不能使用"),
        ({"seats": [s | {"x": -1} for s in first["seats"]]}, "超出平面图"),
        ({"area": "../x"}, "区域编号"),
        ({"venue": "nowhere"}, "没有场馆"),
        ({"more": 1}, "不是平面图文件"),
        ({"base": 7}, "刚刚被其他人修改过"),
    ):
        answer = await confirm(service, head, json.dumps({"areas": [first | wrong]}))
        assert answer.status in (400, 409) and words in answer.body, wrong
    await service.inside.reference.refresh()
    assert service.inside.reference.catalog.version == before and await log(service) == []
    assert AreaId("5f-1") not in service.inside.reference.catalog.areas


async def test_problems_in_a_table_are_reported_by_line(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    wrong = TABLE + "五层东区,5,a-12,3,1,\n五层东区,5,B-1,0,1,maybe\n"
    answer = await upload(service, head, wrong, venue="library", floor="5")
    assert answer.status == 400 and 'name="plans"' not in answer.body
    words = "有的填 是、yes、y、ja、x、true、1，没有的留空或填 否、no、n、nein、false、0"
    assert "第 7 行：“行”应为" in answer.body
    assert f"第 7 行：“电源”不能是“maybe”：{words}" in answer.body
    assert f"电脑、无障碍：{words}。" in answer.body, "the page's help"
    wrong = TABLE + "五层东区,5,a-12,3,1,\n"
    answer = await upload(service, head, wrong, venue="library", floor="9")
    assert "第 6 行：座位号 a-12 重复" in answer.body and 'value="9"' in answer.body
    hostile = "区域,楼层,座位号,行,列\n<script>x,5,1,1,1\n"
    preview = await upload(service, head, hostile, venue="library")
    assert "<script>x" not in preview.body and "&lt;script&gt;x" in preview.body
    for file, words in ((b"", "请选择文件"), (b"PK\x03\x04" + b"x" * 99, "座位号")):
        assert words in (await upload(service, head, file)).body
    template = await head.get(f"{IMPORT}/template.csv")
    assert (await upload(service, head, template.body, venue="library")).status == 200
    session = head.client.session
    async with session.get(f"{service.base}{IMPORT}/template.xlsx", headers=head.cookie) as got:
        book = await got.read()
    assert (await upload(service, head, book, venue="library")).status == 200


@pytest.mark.whole
async def test_a_table_in_a_regional_encoding_is_read_correctly(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    german = "area;floor;seat;row;column;Stehpult;power\nFensterplätze;1;A-1;1;1;ja;ja\n"
    table_preview = await upload(service, head, german.encode("cp1252"), venue="library")
    assert "Fensterplätze" in table_preview.body and "没有用到的列：Stehpult" in table_preview.body
    assert "文字按 Windows-1252（西欧） 读取" in table_preview.body
    doubtful = german.replace("Fensterplätze", "Größe").encode("cp1252")
    preview = await upload(service, head, doubtful, venue="library")
    assert preview.status == 400 and "请在“文字编码”中选择" in preview.body
    table_preview = await upload(service, head, doubtful, venue="library", encoding="cp1252")
    assert (
        "Größe" in table_preview.body and '<option value="cp1252" selected>' in table_preview.body
    )
    strange = await upload(service, head, german, venue="library", encoding="idna")
    assert strange.status == 200 and "没有用到的列" in strange.body


@pytest.mark.whole
async def test_long_area_names_are_imported(service: Living) -> None:
    head, area, seat = await staff(service, Role.ADMINISTRATOR), "W" * 40, "A" * 20
    for more, status in (("", 200), ("W", 400)):
        table = f"area,floor,seat,row,column\n{area}{more},1,{seat},1,1\n"
        assert (await upload(service, head, table, venue="library")).status == status
    table = f"area,floor,seat,row,column\n{area},1,{seat},1,1\n{area},1,J-00002,1,2\n"
    preview = await upload(service, head, table, venue="library")
    assert (await confirm(service, head, hidden_plans(preview.body))).status == 303
    for path, width in (("/console/seats?area=1f-1", 36), ("/areas/1f-1", 27)):
        page = (await head.get(path)).body
        narrow = rf'<text class="smaller" textLength="{width}"[^>]*>{{}}</text>'
        assert all(re.search(narrow.format(no), page) for no in (seat, "J-00002")), path
    assert 'class="long">AAAA' in (await head.get("/console/plans/1f-1/labels")).body
    table = f"area,floor,seat,row,column\n{area},1,{seat}A,1,1\n"
    refused = await upload(service, head, table, venue="library")
    assert refused.status == 400 and "1–20 个字母或数字" in refused.body


def room(name: str, *numbers: str) -> dict[str, Any]:
    """A room as another seat system describes it: a row of seats behind a wall."""
    cells: dict[str, Any] = {"1001": {"type": "wall"}, "1002": {"type": "wall"}}
    for column, number in enumerate(numbers, 1):
        cells[f"3{column:03}"] = {"id": column, "name": number, "type": "seat", "power": True}
    return {"id": 1, "name": name, "cols": 9, "rows": 4, "layout": cells}


@pytest.mark.whole
async def test_layouts_of_another_reservation_system_are_imported(service: Living) -> None:
    """The files are one ``layoutByDate`` answer and a list of them; the floor is entered on the
    page."""
    head, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    one = json.dumps({"status": "success", "data": room("六层南区", "065", "066")})
    preview = await upload(service, head, one, venue="library", floor="6")
    assert preview.status == 200 and "六层南区" in preview.body and "2 座" in preview.body, (
        preview.body
    )
    assert (await confirm(service, head, hidden_plans(preview.body))).status == 303
    both = json.dumps([{"data": room("六层北区", "001")}, {"data": room("六层西区", "B-1", "B-2")}])
    preview = await upload(service, head, both, venue="library", floor="6")
    assert (await confirm(service, head, hidden_plans(preview.body))).status == 303
    items = (await reader.ok("GET", "/areas"))["items"]
    areas = {a["name"]: a["id"] for a in items if a["floor"] == 6}
    assert set(areas) == {"六层南区", "六层北区", "六层西区"}
    plan = await reader.ok("GET", f"/areas/{areas['六层西区']}/map")
    assert [seat["no"] for seat in plan["seats"]] == ["B-1", "B-2"]
    made = await reader.reserve(plan["seats"][1]["id"], "09:00", "10:00", service.tomorrow)
    assert made["seat"]["label"] == "图书馆6层六层西区B-2号"
    wrong = json.dumps([room("七层", "001"), {"name": "坏", "layout": {"x": {"type": "seat"}}}])
    before = await service.books()
    refused = await upload(service, head, wrong, venue="library", floor="7")
    assert refused.status == 400 and "坏" in refused.body
    assert await service.books() == before


@pytest.mark.whole
async def test_several_exported_plans_are_imported_from_one_file(service: Living) -> None:
    """Two exported plans are changed together; a third one is new."""
    head, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    plans = [(await head.get(f"/console/plans/{id}.json")).body for id in ("2f-hall", "3f-north")]
    made = await reader.reserve("2f-hall-010", "09:00", "10:00", service.tomorrow)
    plans[0]["seats"] = [seat for seat in plans[0]["seats"] if seat["no"] != made["seat"]["no"]]
    new = {
        **{"area": "9f-roof", "venue": "library", "name": "屋顶", "floor": 9, "marks": []},
        **{"width": 300, "height": 200, "seats": [{"no": "R1", "x": 40, "y": 40}]},
    }
    file = json.dumps([*(plan | {"name": f"{plan['name']}新"} for plan in plans), new])
    preview = await upload(service, head, file)
    assert preview.status == 200, preview.body
    assert (
        await confirm(service, head, hidden_plans(preview.body), bookings="cancel")
    ).status == 303
    named = {a["id"]: a["name"] for a in (await reader.ok("GET", "/areas"))["items"]}
    for plan in plans:
        assert named[plan["area"]] == f"{plan['name']}新"
    assert named["9f-roof"] == "屋顶"
    # Each has its entry; what became of the bookings stands in the last one.
    rows, _ = await service.inside.stored.audit_log.page_of(AuditQuery(), 0, 9)
    entries = [(e.target, e.outcome, (e.after or {}).get("cancelled")) for e in reversed(rows)]
    assert entries == [
        ("area:2f-hall", "done", None),
        ("area:3f-north", "done", None),
        ("area:9f-roof", "done", 1),
    ]


def deep_workbook(elements: int) -> bytes:
    """A workbook of a few kilobytes that unfolds to many nested elements."""
    book, made, target = openpyxl.Workbook(), io.BytesIO(), io.BytesIO()
    book.save(made)
    sheet = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(made) as good, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as bad:
        for name in good.namelist():
            data = b"<worksheet><sheetData>" + b"<a>" * elements
            bad.writestr(name, data if name == sheet else good.read(name))
    return target.getvalue()


@pytest.mark.whole
@pytest.mark.parametrize(
    ("elements", "words"),
    [
        (300_000, "工作簿打不开"),
        pytest.param(2_000_000, "文件太复杂，没有读完", marks=pytest.mark.whole),
    ],
)
async def test_a_deeply_nested_workbook_does_not_grow_the_workers_memory(
    service: Living, elements: int, words: str
) -> None:
    head, bad = await staff(service, Role.ADMINISTRATOR), deep_workbook(elements)
    assert len(bad) < 16_000
    await upload(service, head, TABLE, venue="library")
    forget_the_peak()
    before = megabytes("VmRSS")
    answer = await upload(service, head, bad, venue="library")
    assert answer.status == 400 and words in answer.body
    assert megabytes("VmHWM") - before < 30


@pytest.mark.whole
async def test_the_page_shows_no_python_error_for_a_malformed_file(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    for file, words in (
        ("[" * 100_000, "不是平面图文件，$ 处不符合格式"),
        ('{\n"areas": [', "第 2 行有错误"),
        ('[{"seats": [{"no": 1}]}]', "$.areas[0].seats[0].no 处不符合格式"),
    ):
        answer = await upload(service, head, file)
        assert answer.status == 400 and words in answer.body
        assert not re.search("recursion|Expect|malformed", answer.body)


@pytest.mark.whole
async def test_a_file_is_not_read_on_after_its_sender_disconnects(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)

    async def reads(so_many: int) -> bool:
        return at_work() == so_many

    with another_reads():
        sent = asyncio.ensure_future(upload(service, head, TABLE, venue="library"))
        await until(lambda: reads(1), "the process that reads")
        sent.cancel()
        with suppress(asyncio.CancelledError):
            await sent
        await until(lambda: reads(0), "its end", within_s=5)
