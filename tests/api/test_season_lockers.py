"""The lockers of a season from a file, in the console's form."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from datetime import timedelta
from html import unescape
from typing import Any

import aiohttp
import pytest

from handlers.http.uploads import LARGEST_FORM
from models.identity.roles import Role
from tests.api.browsing import Browser
from tests.api.console import log, post, staff
from tests.api.seasons import PAGE, form, stored
from tests.api.spreadsheets import book_of, workbook
from tests.living import Living


async def send(
    service: Living, who: Browser, file: bytes | None, name: str = "柜子.csv", **other: str
) -> Any:
    """Sends the form as a browser does; without a file its field is empty and has no name."""
    data = aiohttp.FormData(default_to_multipart=True)
    typed = {"csrf": await who.token("/contact"), **form(service, **other)}
    for field, value in typed.items():
        data.add_field(field, value.replace("\n", "\r\n"))
    data.add_field("file", io.BytesIO(file or b""), filename=name if file is not None else "")
    return await who.post(PAGE, data, service.base)


def lines(page: str) -> list[str]:
    """The typed lockers that the page has."""
    area = re.search(r'<textarea name="lockers"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    assert area is not None
    return unescape(area[1]).splitlines()


def said(page: str) -> str:
    return " ".join(unescape(re.sub("<[^>]*>", "", page)).split())


FILES: Sequence[tuple[bytes, str, Sequence[str]]] = (
    ("柜号,大小\nB-01,中\nC-01,大 号\n".encode("gb18030"), "GB18030", ["C-01,大 号"]),
    ("Locker;Size\nB-01;groß\nÜ-7;größer\n".encode("cp1252"), "Windows-1252", ["Ü-7,größer"]),
    ("存包柜\t规格\nB-01\t中\n二层-7\t\n".encode("utf-16"), "UTF-16", ["二层-7"]),
    (
        workbook(("备注", "Number", "Size"), ("靠门", "B-01", "中"), (), (None, 117, None)),
        "没有用到的列：备注",
        ["117"],
    ),
)


async def test_lockers_of_a_file_come_after_the_typed_ones(service: Living) -> None:
    """A number that was typed too keeps its place, and has the size that the file gives it."""
    head = await staff(service, Role.ADMINISTRATOR)
    for file, note, new in FILES:
        page = await send(service, head, file, kind="seats", operation="announce")
        text = said(page.body)
        assert page.status == 200, text
        assert "从文件读取了 2 个储物柜" in text and note in text and "储物柜 5 个" in text
        typed = lines(page.body)
        size = "groß" if "Windows" in note else "中"
        assert typed == ["A-01,大", "A-02,小", "A-03", f"B-01,{size}", *new]
        assert await stored(service) == [[], [], []], "a file is looked at before it is announced"
        done = await send(service, head, None, lockers="\n".join(typed))
        assert done.status == 303, done.body
        ((season,), _, _) = await stored(service)
        assert [one["id"] for one in season["given"]][3:] == ["B-01", new[0].partition(",")[0]]
        await service.db["seasons"].delete_many({})


WRONG: Sequence[tuple[bytes, Sequence[str]]] = (
    (b"", ["没有储物柜"]),
    (b"\xef\xbb\xbf\r\n\r\n", ["没有储物柜"]),
    ("柜号,大小\n".encode(), ["没有储物柜"]),
    ("位置,大小\nA-01,大\n".encode(), ["第 1 行：第一行应为列名，至少有“柜号”"]),
    ("柜号,储物柜\nA-01,A-02\n".encode(), ["第 1 行：有两列都是“柜号”"]),
    (workbook(("柜号",), ("=1+1",)), ["第 2 行：有公式"]),
    (b"\x00\x01", ["不是文本文件"]),
    (b"x" * (2 * 2**20 + 1), ["文件最大 2 MB"]),
    (("柜号\n" + "".join(f"A-{n}\n" for n in range(5001))).encode(), ["第 5002 行：最多 5000 个"]),
    (
        workbook(
            *(("柜号", "大小"), ("D-01", "大"), ("any", "大"), (None, "中"), ("D 02",)),
            *(("D-01", "小"), ("x" * 17,), ("D-03", "很" * 21), ("D-04", "a\u202eb"), ("D-05",)),
            ("D-06", "1,2 m"),
        ),
        [
            "第 3 行：柜号：应为 1–16 个字母、数字或连字符，而不是“any”",
            "第 4 行：柜号：应为 1–16 个字母、数字或连字符，而不是“”",
            "第 5 行：柜号：应为 1–16 个字母、数字或连字符，而不是“D 02”",
            "第 6 行：“D-01”在第 2 行已经有了",
            "第 7 行：柜号：应为 1–16 个字母",
            "第 8 行：大小：最多 20 字",
            "第 9 行：大小：最多 20 字",
            "第 11 行：大小：最多 20 字，不含逗号",
        ],
    ),
    (
        workbook(
            ("柜号", "位置", "层"), ("D-01", "很" * 41, 1), ("D-02", "", 0), ("D-03", "", "上")
        ),
        [
            "第 2 行：位置：最多 40 字",
            "第 3 行：第几层：应为从上往下数的第几层（1–20），而不是“0”",
            "第 4 行：第几层：应为从上往下数的第几层（1–20），而不是“上”",
        ],
    ),
)


@pytest.mark.whole
async def test_each_fault_of_a_file_is_named_and_nothing_typed_is_lost(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    typed = ["A-01,大", "A-02，小", "", "A-03", "B-01,大"]
    for file, faults in WRONG:
        refused = await send(service, head, file)
        assert refused.status == 400
        problems = [unescape(text) for text in re.findall("<li>([^<]*)</li>", refused.body)]
        for problem, words in zip(problems, faults, strict=True):
            assert problem.startswith(words), (problem, words)
        assert lines(refused.body) == typed and 'value="2026 秋存包柜"' in refused.body
    # A fault elsewhere in the form keeps the lockers of the file.
    late = await send(service, head, "柜号\nE-01\n".encode(), last="2026-09-01")
    assert late.status == 400 and "最后一天不能早于第一天" in late.body
    assert lines(late.body)[-1] == "E-01"
    twice = await send(service, head, "柜号\nE-01\n".encode(), lockers="A-01\nA-01")
    assert twice.status == 400 and "第 2 行的“A-01”在第 1 行已经有了" in unescape(twice.body)
    assert lines(twice.body) == ["A-01", "A-01"]
    assert await stored(service) == [[], [], []] and await log(service) == []


async def test_the_template_can_be_sent_back_as_it_came(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    book = await book_of(service, head, "seasons/lockers.xlsx")
    rows = [*book.worksheets[0].values]
    page = await send(service, head, workbook(*rows), lockers="")
    assert lines(page.body) == ["A-001,大,一层大厅,1", "A-002,小,一层大厅,2", "A-003"]
    assert (await (await staff(service)).get(f"{PAGE}/lockers.xlsx")).status == 403
    assert (await send(service, head, b"x" * LARGEST_FORM)).status == 413


@pytest.mark.whole
async def test_wishes_are_chosen_on_the_front_of_the_lockers(service: Living) -> None:
    """Place by place and row by row, as the file has them; those of no known row come last."""
    head, client = await staff(service, Role.ADMINISTRATOR), await service.reader()
    file = (
        "柜号,大小,位置,层\nB-1,小,Halle,2\nA-1,大,Halle,1\nB-2,小,Halle,2\nX-1,,Halle,\nC-1,,,\n"
    )
    page = await send(service, head, file.encode(), lockers="")
    assert (await send(service, head, None, lockers="\n".join(lines(page.body)))).status == 303
    ((season,), _, _) = await stored(service)
    reader, here = Browser(await service.web_reader(client)), f"/seasons/{season['_id']}"
    await service.move(timedelta(hours=2))
    assert f'href="{here}/plan"' in (await reader.get(here)).body
    plan = (await reader.get(f"{here}/plan?wishes=B-2,none,A-1&any=0")).body
    rows = [re.findall("<b>(.*?)</b>", row) for row in re.findall("<ul.*?</ul>", plan, re.DOTALL)]
    assert rows == [["A-1"], ["B-1", "B-2"], ["X-1"]] and ">Halle</h2>" in plan
    assert re.findall('name="wish-. *" value="(.*?)"', plan) == ["B-2", "A-1"]
    assert 'aria-label="B-2 小，已选；去掉"' in plan and 'aria-label="B-1 小，选为志愿"' in plan
    other = (await reader.get(f"{here}/plan?wishes=B-2&area=1")).body
    assert ">储物柜</h2>" in other and ">C-1</b>" in other and "A-1" not in other
    full = (await reader.get(f"{here}/plan?wishes=B-2,B-1,C-1")).body
    assert '<span class="front full"><b>A-1</b>' in full
    assert (await post(service, reader, here, **{"wish-1": "B-2", "wish-2": "A-1"})).status == 303
    own = await client.ok("GET", f"/seasons/{season['_id']}/application")
    facts = [(one["id"], one["size"], one["place"], one["row"]) for one in own["wishes"]]
    assert facts == [("B-2", "小", "Halle", 2), ("A-1", "大", "Halle", 1)]
    assert (await reader.get(f"{here}/plan?area=2")).status == 404
