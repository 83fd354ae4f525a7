"""Several study rooms at once: from a list of names, and from a table after a preview."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import time
from html import unescape
from typing import Any

import aiohttp
import openpyxl  # type: ignore[import-untyped]
import pytest

from models.identity.roles import GrantId, Role, StaffGrant
from models.library.rooms import RequestAnswer, Room, RoomId
from tests.api.browsing import Browser
from tests.api.console import log, post, staff
from tests.api.spreadsheets import workbook
from tests.living import Living
from tests.second_venue import JURIDICUM

SEVERAL, IMPORT = "/console/room-settings/several", "/console/room-settings/import"
LONG = "Gruppenarbeitsraum für Promovierende (Nordflügel, 1. OG)"
HEAD = ("名称", "楼层", "最少人数", "最多人数")


async def send(service: Living, who: Browser, file: bytes = b"", **form: str) -> Any:
    data = aiohttp.FormData(default_to_multipart=True)
    for name, value in {"csrf": await who.token("/contact"), "venue": "library", **form}.items():
        data.add_field(name, value)
    if file:
        data.add_field("file", io.BytesIO(file), filename="rooms.xlsx")
    return await who.post(IMPORT, data, service.base)


async def template(service: Living, who: Browser) -> bytes:
    path, session = f"{service.base}{IMPORT}/template.xlsx", who.client.session
    async with session.get(path, headers=who.cookie) as answer:
        return await answer.read()


async def confirm(service: Living, who: Browser, page: str) -> Any:
    """Confirms the preview on the page."""
    hidden = dict(re.findall(r'<input type="hidden" name="(base|venue)" value="([^"]*)"', page))
    table = re.search(r'<textarea name="table" hidden>(.*?)</textarea>', page, re.DOTALL)
    assert table is not None, page
    return await send(service, who, **hidden, table=unescape(table[1]), confirmed="yes")


def named(service: Living, name: str) -> Room:
    return next(room for room in service.inside.reference.rooms.values() if room.name == name)


async def test_a_table_adds_and_changes_rooms_after_a_preview(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    for page in (SEVERAL, IMPORT):
        assert "Juridicum" in (await head.get(page)).body
    before = dict(service.inside.reference.rooms)
    table = workbook(
        (*HEAD, "场馆", "设备", "开放时间", "确认分钟", "审批", "写用途", "名称:en", "备注"),
        (LONG, -1, 2, 8, "juridicum", "白板；投影仪", "9:00–21:00", 60, "approve", "ja"),
        (),
        ("研修间201", 2, 2, 6, None, None, None, None, None, None, "Room 201", "窗户朝南"),
        ("研修间202", None, None, None),
    )
    preview = await send(service, head, table)
    text = " ".join(unescape(re.sub("<[^>]*>", "", preview.body)).split())
    assert preview.status == 200, text
    assert f"{LONG} 新增" in text and "没有变化" in text and "没有用到的列：备注" in text
    assert "最多人数：4 → 6" in text, text[text.index("没有用到") :]
    assert re.search("名称（en）：.{1,30} → Room 201", text)
    assert dict(service.inside.reference.rooms) == before, "nothing is written before"
    done = await confirm(service, head, preview.body)
    assert done.headers["Location"] == "/console/room-settings?done=room_added"
    made, changed = named(service, LONG), named(service, "研修间201")
    assert (made.venue_id, made.floor, made.least, made.most) == (JURIDICUM, -1, 2, 8)
    assert (made.equipment, made.hours) == (("白板", "投影仪"), (time(9), time(21)))
    assert (made.rules.confirm_minutes, made.rules.unanswered) == (60, RequestAnswer.APPROVE)
    assert made.rules.purpose_wanted and made.rules.max_minutes == 240
    old = before[changed.id]
    assert changed == replace(old, most=6, names={**old.names, "en": "Room 201"}, rev=1)
    assert named(service, "研修间202") == before[named(service, "研修间202").id]
    assert await log(service) == [
        ("room_added", f"room:{made.id}", "done"),
        ("room", f"room:{changed.id}", "done"),
    ]
    # The template, sent back as it came, changes nothing.
    again = await send(service, head, await template(service, head))
    assert again.status == 400 and "没有需要保存的更改" in again.body
    assert 'name="confirmed"' not in again.body


@pytest.mark.whole
async def test_a_preview_that_is_outdated_is_shown_anew(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    preview = await send(service, head, workbook(HEAD, ("研修间201", 2, 2, 9)))
    room = service.inside.reference.rooms[RoomId("r201")]
    assert await service.inside.stored.rooms.write(replace(room, floor=3, rev=1))
    late = await confirm(service, head, preview.body)
    assert late.status == 409 and "楼层：3 → 2" in unescape(late.body)
    assert named(service, "研修间201").most == room.most
    assert (await confirm(service, head, late.body)).status == 303
    assert (named(service, "研修间201").most, named(service, "研修间201").rev) == (9, 2)


WRONG: Sequence[tuple[Sequence[Sequence[object]], Sequence[str]]] = (
    ([("楼层", "人数"), (1, 2)], ["第 1 行：第一行应为列名，至少有“名称”或“编号”"]),
    ([(*HEAD, "名称"), ("a", 1, 2, 3, "b")], ["第 1 行：有两列都是“名称”"]),
    ([HEAD], ["没有研修间"]),
    ([HEAD, ("=1+1", 1, 2, 4)], ["第 2 行：有公式"]),
    (
        [
            (*HEAD, "场馆", "编号", "开放时间", "审批", "写用途", "空出分钟"),
            ("新的", None, 2, 4),
            ("x" * 61, 1, 2, 4),
            ("a", 1, 5, 4),
            ("b", "二", 2, 4),
            ("c", 1, 2, 4, "分馆"),
            ("d", 1, 2, 4, None, "R 1"),
            ("e", 1, 2, 4, None, None, "早到晚"),
            ("f", 1, 2, 4, None, None, None, "也许"),
            ("g", 1, 2, 4, None, None, None, None, "maybe"),
            ("h", 1, 2, 4, None, None, None, None, None, 45),
            ("i", 1, 2, 4),
            ("I", 2, 2, 4),
            ("旧的", 1, 2, 4),
            ("研修间201", 2, 2, 4, "juridicum", "r201"),
            ("j", 99999, 2, 4),
        ],
        [
            "第 2 行：楼层：新的研修间必填",
            "第 3 行：名称：名称为 1–60 字",
            "第 4 行：最少人数：应为 1–4",
            "第 5 行：楼层：应为整数，而不是“二”",
            "第 6 行：没有场馆“分馆”",
            "第 7 行：编号：编号为 2–30 个小写字母、数字或连字符",
            "第 8 行：开放时间：应为一段时间，例如 09:00-21:00，而不是“早到晚”",
            "第 9 行：审批：不能是“也许”",
            "第 10 行：“写用途”不能是“maybe”",
            "第 11 行：空出分钟：应为其中之一：0, 30, 60",
            "第 13 行：“I”出现了两次",
            "第 14 行：“旧的”已停用，请先恢复使用",
            "第 15 行：“研修间201”在另一个场馆",
            "第 16 行：楼层：应为 -9–99",
        ],
    ),
)


async def test_each_fault_of_a_table_is_named_by_its_row(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    room = service.inside.reference.rooms[RoomId("r202")]
    await service.inside.stored.rooms.put(
        [replace(room, id=RoomId("old"), name="旧的", retired=True)]
    )
    await service.inside.reference.refresh()
    before = dict(service.inside.reference.rooms)
    for rows, said in WRONG:
        refused = await send(service, head, workbook(*rows))
        assert refused.status == 400, rows
        problems = [unescape(text) for text in re.findall("<li>([^<]*)</li>", refused.body)]
        for problem, words in zip(problems, said, strict=True):
            assert problem.startswith(words), (problem, words)
    assert dict(service.inside.reference.rooms) == before and await log(service) == []


@pytest.mark.whole
async def test_files_that_are_no_tables_are_refused(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    for file, said in (
        (b"", "请选择文件"),
        (b"PK\x03\x04 broken", "第一行应为列名"),
        (b"\x00\x01", "不是文本文件"),
        (b"x" * (2 * 2**20 + 1), "文件最大 2 MB"),
        (workbook(HEAD, *((f"r{n}", 1, 1, 2) for n in range(301))), "一次最多 300 间"),
    ):
        refused = await send(service, head, file)
        assert refused.status == 400 and said in refused.body, said
    chinese = "名称,楼层,最少人数,最多人数\n研修间,3,2,4\n".encode("gb18030")
    assert "GB18030" in (await send(service, head, chinese)).body


@pytest.mark.whole
async def test_a_list_of_names_adds_rooms_once(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    wish = {"venue": JURIDICUM, "floor": "0", "least": "1", "most": "3", "equipment": "白板"}
    names = f"Raum 1、Raum 2\n{LONG}"
    for _ in range(2):
        done = await post(service, head, SEVERAL, **wish, names=names)
        assert done.headers["Location"] == "/console/room-settings?done=room_added"
    made = [r for r in service.inside.reference.rooms.values() if r.venue_id == JURIDICUM]
    assert [(r.name, r.floor, r.most, r.rev) for r in made] == [
        (LONG, 0, 3, 0),
        ("Raum 1", 0, 3, 0),
        ("Raum 2", 0, 3, 0),
    ]
    for wrong, said in (
        ({"names": "Raum 1、Raum 4", "most": "5"}, "已有“Raum 1”"),
        ({"names": "、"}, "请填写名称"),
        ({"names": "Raum 5、raum 5"}, "“raum 5”出现了两次"),
        ({"names": "Raum 5", "least": "4"}, "应为 1–3"),
        ({"names": "Raum 5", "floor": "EG"}, "应为整数，而不是“EG”"),
        ({"names": "x" * 61}, "名称为 1–60 字"),
        ({"names": "Raum 5", "venue": "nowhere"}, "请选择场馆"),
    ):
        refused = await post(service, head, SEVERAL, **{**wish, **wrong})
        assert refused.status == 400 and said in refused.body, (wrong, refused.body)
        assert unescape(refused.body).count(wrong["names"]), "what was typed is kept"
    now = [r for r in service.inside.reference.rooms.values() if r.venue_id == JURIDICUM]
    assert now == made and await service.db["rooms"].count_documents({"name": "Raum 5"}) == 0


@pytest.mark.whole
async def test_administrators_of_a_venue_import_its_rooms_alone(service: Living) -> None:
    person = await service.web_reader()
    grant = StaffGrant(GrantId("g"), Role.ADMINISTRATOR, frozenset({JURIDICUM}))
    assert await service.inside.stored.staff_grants.give(person.reader_id, grant)
    opened = await service.sessions.open_web(
        person.reader_id, "ST-jur", service.clock.now(), granted=True
    )
    person.token = opened.token
    head = Browser(person)
    for row, said in (
        (("研修间201", 2, 2, 9, "library"), "没有场馆“library”"),
        (("研修间201", 2, 2, 9, None), "新增"),
    ):
        page = (await send(service, head, workbook((*HEAD, "场馆"), row), venue=JURIDICUM)).body
        assert said in page
    book = openpyxl.load_workbook(io.BytesIO(await template(service, head)))
    assert len(book.worksheets) == 2 and book.worksheets[0].max_row == 3, "two examples"
    for path in (SEVERAL, IMPORT, f"{IMPORT}/template.xlsx"):
        assert (await (await staff(service)).get(path)).status == 403
