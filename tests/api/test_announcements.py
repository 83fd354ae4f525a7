"""通知读者: recipients, and one message for each."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from handlers.announcements.console import AN_HOUR, LONGEST_TEXT
from models.staff.audit import AuditAction
from tests.api.browsing import FORM, Browser
from tests.api.console import WHEREFORE, log, staff
from tests.living import Answer, Client, Living

PATH = "/console/announcements"


def form(service: Living, **other: Any) -> dict[str, Any]:
    return {
        "area": ["2f-hall"],
        "begin": f"{service.today}T14:00",
        "until": f"{service.today}T16:00",
        "title": "空调检修",
        "text": "14:00–16:00 检修，可能有噪音。",
        "reason": WHEREFORE,
        "key": "k1",
        "operation": "send",
    } | other


async def post(service: Living, desk: Browser, fields: dict[str, Any]) -> Answer:
    csrf = await desk.token("/contact")
    body = urlencode({"csrf": csrf, **fields}, doseq=True).encode()
    headers = desk.cookie | {"Origin": service.base}
    return await desk.client.post(f"/{PATH}", body, **FORM, **headers)


async def announcements_of(reader: Client) -> list[tuple[str, str]]:
    items = (await reader.ok("GET", "/messages"))["items"]
    return [(m["title"], m["text"]) for m in items if m["template"] == "ANSWER"]


async def test_readers_with_a_booking_in_the_interval_get_one_message(service: Living) -> None:
    desk = await staff(service)
    inside, before, touching, elsewhere, gone = [await service.reader() for _ in range(5)]
    await inside.reserve("2f-hall-001", "13:00", "15:00")
    await before.reserve("2f-hall-002", "12:00", "14:00")
    await touching.reserve("2f-hall-003", "15:00", "18:00")
    await elsewhere.reserve("3f-north-001", "14:00", "16:00")
    made = await gone.reserve("2f-hall-004", "14:00", "16:00")
    await gone.ok("POST", f"/reservations/{made['id']}/cancel")
    look = await post(service, desk, form(service, operation="look"))
    assert look.status == 200 and "会通知 2 位读者" in look.body
    assert await announcements_of(inside) == [], "it was only looked at"
    for _ in range(2):  # the answer to the first was lost
        sent = await post(service, desk, form(service))
        assert sent.headers["Location"] == f"{PATH}?done=2"
    for reader in (inside, touching):
        assert await announcements_of(reader) == [("空调检修", "14:00–16:00 检修，可能有噪音。")]
    for reader in (before, elsewhere, gone):
        assert await announcements_of(reader) == []
    # Another text is another announcement, though the form is the same.
    await post(service, desk, form(service, text="改到明天。"))
    assert [text for _, text in await announcements_of(inside)] == [
        "改到明天。",
        "14:00–16:00 检修，可能有噪音。",
    ]
    entries = [e for e in await log(service) if e[0] == AuditAction.ANNOUNCE]
    assert entries == [("announce", "announcement", "done")] * 3
    page = (await desk.get("/console/audit")).body
    assert "通知读者" in page and "空调检修" in page


async def test_a_refused_announcement_keeps_the_typed_text_and_reaches_no_reader(
    service: Living,
) -> None:
    desk, reader = await staff(service), await service.reader()
    await reader.reserve("2f-hall-001")
    before = await service.books()
    for wrong, said in (
        ({"area": []}, "请选择区域"),
        ({"area": ["nowhere"]}, "请选择区域"),
        ({"title": ""}, "标题"),
        ({"title": "一" * 31}, "标题"),
        ({"text": "长" * (LONGEST_TEXT + 1)}, "正文"),
        ({"text": "\x07"}, "正文"),
        ({"until": f"{service.today}T14:00"}, "结束时间"),
        ({"until": "2026-10-30T14:00"}, "结束时间"),
        ({"begin": "soon"}, "begin"),
        ({"reason": ""}, "原因"),
    ):
        answer = await post(service, desk, form(service, **wrong))
        assert answer.status == 400 and said in answer.body, (wrong, answer.status)
        assert wrong.get("title") == "" or "空调检修" in answer.body or "title" in wrong
    assert await service.books() == before and await announcements_of(reader) == []
    # A stay over midnight counts as long as it lasts.
    await reader.reserve("2f-hall-001", "20:00", "22:00")
    for begin, said in (("21:59", "会通知 1 位读者"), ("22:00", "没有读者")):
        night = {"begin": f"{service.today}T{begin}", "until": f"{service.tomorrow}T10:00"}
        look = await post(service, desk, form(service, operation="look", **night))
        assert said in look.body, begin


@pytest.mark.whole
async def test_a_sixth_announcement_in_an_hour_by_one_staff_member_is_refused(
    service: Living,
) -> None:
    desk, other, reader = await staff(service), await staff(service), await service.reader()
    await reader.reserve("2f-hall-001")
    for number in range(AN_HOUR):
        assert (await post(service, desk, form(service, key=f"k{number}"))).status == 303
    before = await service.books()
    refused = await post(service, desk, form(service, key="k5"))
    assert refused.status == 429 and "一小时内最多发出 5 次通知，请 60 分钟后再发" in refused.body
    assert "空调检修" in refused.body, "what was typed is kept"
    assert await service.books() == before
    assert (await post(service, desk, form(service, key="k6", operation="look"))).status == 200
    assert (await post(service, other, form(service, key="k7"))).status == 303
    await service.move(timedelta(minutes=61))
    assert (await post(service, desk, form(service, key="k8"))).status == 303
