"""座位查询: the readers of a seat at a time, the audit entry, and rights."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest

from models.identity.roles import Role
from models.staff.audit import AuditKind, AuditQuery
from tests.api.audit_log import closed_log, looks
from tests.api.browsing import Browser
from tests.api.console import post, staff
from tests.api.floor_plans import exported, send
from tests.living import SEAT, Client, Living

PAGE: Final = "/console/seat-history"
WHY: Final = "归还座位上的水杯"


async def ask(service: Living, desk: Browser, start: str, end: str = "", **other: str) -> Any:
    form = {"area": "2f-hall", "no": "065", "date": service.today, "start": start, "end": end}
    return await post(service, desk, PAGE, **form | {"reason": WHY} | other)


def listed(body: str) -> list[str]:
    """The readers in the result, by the links to their pages."""
    return re.findall(r'<td data-th="读者"><a href="/console/readers/(\w+)"', body)


async def a_morning(service: Living) -> tuple[Client, Client]:
    """One reader sat there from 09:05 to 10:00; another, who had booked after a cancellation,
    missed 11:00 to 11:30."""
    first, second, third = [await service.reader() for _ in range(3)]
    made = await first.reserve(start="09:00", end="11:00")
    early = await third.reserve(start="11:00", end="13:00")
    await third.ok("POST", f"/reservations/{early['id']}/cancel")
    await second.reserve(start="11:00", end="13:00")
    await service.move("09:05")
    here = f"/reservations/{made['id']}"
    await first.ok("POST", f"{here}/check-in", {"qr": await service.qr()})
    await service.move("10:00")
    await first.ok("POST", f"{here}/finish")
    await service.move("11:35")
    return first, second


async def test_the_readers_of_a_seat_at_a_time_are_listed(service: Living) -> None:
    first, second = await a_morning(service)
    desk = await staff(service)
    assert 'value="2026-09-07"' in (await desk.get(PAGE)).body
    for start, end, readers in (
        ("08:59", "", []),
        ("09:00", "", [first]),
        ("09:59", "", [first]),
        ("10:01", "", []),
        ("11:15", "", [second]),
        ("11:31", "", []),
        ("09:30", "11:01", [first, second]),
        ("10:01", "11:00", []),
        ("08:00", "23:00", [first, second]),
    ):
        answer = await ask(service, desk, start, end)
        assert answer.status == 200, (start, end)
        assert listed(answer.body) == [reader.reader_id for reader in readers], (start, end)
        assert ("没有人预约或使用" in answer.body) is (not readers), (start, end)
        assert f'value="{start}"' in answer.body and WHY not in answer.body
    both = (await ask(service, desk, "09:00", "11:30")).body
    times = ("09:00–11:00", "09:05–10:00", "11:00–13:00", "没有签到")
    for words in ("图书馆2层二层中厅065号", "张三", *times, "结束使用", "失约"):
        assert words in both, words
    assert first.number not in both and second.number not in both, "numbers are masked"
    (mine,) = (await first.ok("GET", "/reservations"))["items"]
    assert f'href="/console/reservations/{mine["id"]}"' in both
    # Another seat, and another day.
    assert listed((await ask(service, desk, "09:30", no="066")).body) == []
    assert listed((await ask(service, desk, "09:30", date="2026-09-06")).body) == []


async def test_the_current_reader_of_a_seat_is_listed(service: Living) -> None:
    reader, desk = await service.reader(), await staff(service)
    await reader.reserve(start="now", end="11:00")
    answer = await ask(service, desk, "08:00")
    assert listed(answer.body) == [reader.reader_id] and "没有签到" in answer.body
    (mine,) = (await reader.ok("GET", "/me"))["active"]
    qr = {"qr": await service.qr()}
    await reader.ok("POST", f"/reservations/{mine['id']}/check-in", qr)
    assert "08:00–现在" in (await ask(service, desk, "08:00")).body


@pytest.mark.whole
async def test_the_history_of_a_removed_seat_can_be_queried(service: Living) -> None:
    reader, head = await service.reader(), await staff(service, Role.ADMINISTRATOR)
    await reader.reserve("2f-hall-010", "now", "09:00")
    await service.move("09:30")
    plan = await exported(head)
    plan["seats"] = [seat for seat in plan["seats"] if seat["no"] != "010"]
    assert (await send(service, head, plan, confirmed="yes")).status == 303
    assert listed((await ask(service, head, "08:10", no="010")).body) == [reader.reader_id]


async def test_a_query_is_logged_with_the_staff_member_and_reason(service: Living) -> None:
    first, _ = await a_morning(service)
    desk, viewer = await staff(service), await staff(service, Role.VIEWER)
    assert PAGE not in (await viewer.get("/console")).body
    assert PAGE in (await desk.get("/console")).body
    assert (await desk.get(PAGE)).status == 200
    assert await looks(service) == [], "the form alone shows nobody"
    await ask(service, desk, "09:30")
    await ask(service, desk, "09:00", "11:30")
    await ask(service, desk, "08:30")
    at = f"seat:{SEAT} {service.today}T"
    assert await looks(service) == [
        ("look_up", f"{at}09:30/{service.today}T09:31", {"found": 1}),
        ("look_up", f"{at}09:00/{service.today}T11:30", {"found": 2}),
        ("look_up", f"{at}08:30/{service.today}T08:31", {"found": 0}),
    ]
    looked = AuditQuery(kind=AuditKind.LOOK.value)
    rows, _ = await service.inside.stored.audit_log.page_of(looked, 0, 9)
    assert {(entry.reason, entry.role) for entry in rows} == {(WHY, "librarian")}
    # Whom it concerns, where it is one.
    assert [entry.reader for entry in rows] == [None, None, first.reader_id]
    log = (await desk.get("/console/audit?kind=look")).body
    assert f"座位 图书馆2层二层中厅065号 {service.today}T09:30" in log and WHY in log


async def test_no_reader_is_named_if_the_audit_entry_fails(service: Living) -> None:
    await a_morning(service)
    desk = await staff(service)
    async with closed_log(service):
        answer = await ask(service, desk, "09:30")
    assert answer.status >= 500 and "张三" not in answer.body
    assert "张三" in (await ask(service, desk, "09:30")).body


@pytest.mark.whole
async def test_an_invalid_query_is_refused_and_kept_in_the_form(service: Living) -> None:
    reader, desk = await service.reader(), await staff(service)
    await reader.reserve(start="now", end="11:00")
    cases: tuple[tuple[dict[str, str], str], ...] = (
        ({"area": "nowhere"}, "没有这个座位"),
        ({"no": "999"}, "没有这个座位"),
        ({"date": "soon"}, "请填写日期"),
        ({"date": "0001-01-01"}, "已经开始"),
        ({"date": "9999-12-31"}, "已经开始"),
        ({"start": "9"}, "不是时间"),
        ({"start": "08:10", "end": ""}, "已经开始"),
        ({"end": "07:30"}, "已经开始"),
        ({"reason": "x" * 201}, "请写明原因"),
    )
    for wrong, words in cases:
        form = {"start": "07:30", "end": "08:00"} | wrong
        answer = await ask(service, desk, form.pop("start"), form.pop("end"), **form)
        assert answer.status == 400 and words in answer.body and 'role="alert"' in answer.body
        assert listed(answer.body) == [] and await looks(service) == []
        assert f'value="{wrong.get("reason", WHY)}"' in answer.body, "what was typed stands"
