"""报修: a reader reports a fault, staff close the report, and the reader is notified."""

from __future__ import annotations

import re
from datetime import timedelta

from handlers.http.keys import service_key
from models.fault_reports.service import FaultReportService
from models.identity.roles import Role
from tests.api.browsing import Browser
from tests.api.console import log, post, staff
from tests.living import Living

SEAT = "2f-hall-012"
PATH = f"/seats/{SEAT}/faults"


async def test_a_closed_fault_report_is_notified_to_its_reader(service: Living) -> None:
    reader, desk = await service.reader(), await staff(service)
    made = await reader.reserve(SEAT, "09:00", "11:00")
    report = await reader.ok("POST", PATH, {"kind": "socket", "text": " 右边没有电 "})
    assert (report["seat_id"], report["kind"], report["text"]) == (SEAT, "socket", "右边没有电")
    assert "右边没有电" not in await service.all_documents(), "it is sealed"
    assert (await reader.ok("GET", f"/reservations/{made['id']}"))["state"] == "reserved"
    assert "2层二层中厅" in (await desk.get("/console")).body.split("需要处理")[1].split("</ol>")[0]
    page = (await desk.get("/console/faults")).body
    match = re.search(r"/console/faults/(\w+)/close", page)
    assert match and "右边没有电" in page and "插座" in page and "张三" in page
    seen = (await (await staff(service, Role.VIEWER)).get("/console/faults")).body
    assert "右边没有电" in seen and '<form method="post"' not in seen

    before = await service.books()
    for form in ({"outcome": "repaired", "reason": ""}, {"outcome": "x", "reason": "好了"}):
        refused = await post(service, desk, match[0], **form)
        assert refused.status == 400 and 'role="alert"' in refused.body
        assert form["reason"] in refused.body
        assert await service.books() == before
    done = await post(service, desk, match[0], outcome="repaired", reason="插座已更换")
    assert done.headers["Location"] == "/console/faults?done=close_fault"
    again = await post(service, desk, match[0], outcome="repaired", reason="插座已更换")
    assert again.status == 303, "the same again tells nobody twice"
    other = await post(service, desk, match[0], outcome="rejected", reason="看不出问题")
    assert other.status == 409 and "您写的是：看不出问题" in other.body
    results = [
        m for m in (await reader.ok("GET", "/messages"))["items"] if m["title"] == "报修结果"
    ]
    assert [m["text"] for m in results] == [
        "您报修的 图书馆2层二层中厅012号（插座）已修好。图书馆：插座已更换"
    ]
    closed = (await desk.get("/console/faults?state=closed")).body
    assert "右边没有电" in closed and "已修好" in closed and "插座已更换" in closed
    assert "没有待处理的报修" in (await desk.get("/console/faults")).body
    assert [(action, outcome) for action, _, outcome in await log(service)] == [
        ("close_fault", "done"),
        ("close_fault", "done"),
        ("close_fault", "wrong_state"),
    ]


async def test_repeated_and_excess_fault_reports_are_refused(service: Living) -> None:
    reader = await service.reader()
    first = await reader.ok("POST", PATH, {"kind": "chair"})
    assert (await reader.ok("POST", PATH, {"kind": "chair"}))["id"] == first["id"], "a repeat"
    await reader.refused("409 fault_reported", "POST", PATH, {"kind": "chair", "text": "还在晃"})
    for text in ({}, {"text": ""}, {"text": " \n"}):
        await reader.refused("400 malformed", "POST", PATH, {"kind": "other"} | text)
    await reader.refused("400 malformed", "POST", PATH, {"kind": "roof", "text": "漏水"})
    await reader.refused("400 malformed", "POST", PATH, {"kind": "lamp", "text": "a\u0000b"})
    await reader.refused("404 not_found", "POST", "/seats/none/faults", {"kind": "lamp"})
    for kind in ("lamp", "desk"):
        await reader.ok("POST", PATH, {"kind": kind})
    answer = await reader.refused("429 too_many_faults", "POST", PATH, {"kind": "socket"})
    assert 15 * 3600 < int(answer.headers["Retry-After"]) <= 16 * 3600, "until midnight"
    assert (await (await service.reader()).ok("POST", PATH, {"kind": "socket"}))["kind"] == "socket"
    await service.move(timedelta(days=1))
    await reader.ok("POST", PATH, {"kind": "socket"})


async def test_a_refused_fault_report_keeps_the_typed_text(service: Living) -> None:
    who = Browser(await service.web_reader())
    here = f"/seats/{SEAT}/fault"
    csrf = await who.token(here)
    wrong = await who.post(here, {"csrf": csrf, "kind": "", "text": "扶手松了"}, service.base)
    assert wrong.status == 400 and "请选择什么坏了" in wrong.body and "扶手松了" in wrong.body
    sent = await who.post(here, {"csrf": csrf, "kind": "chair", "text": "扶手松了"}, service.base)
    assert sent.headers["Location"] == f"{here}?sent=1"
    page = (await who.get(sent.headers["Location"])).body
    assert "已收到" in page and "您 9月7日 周一 08:00 报修了座椅" in page
    twice = await who.post(here, {"csrf": csrf, "kind": "chair", "text": "更松了"}, service.base)
    assert twice.status == 409 and "更松了" in twice.body and "还在处理" in twice.body
    for kind in ("desk", "lamp"):
        await who.post(here, {"csrf": csrf, "kind": kind, "text": ""}, service.base)
    full = await who.post(here, {"csrf": csrf, "kind": "other", "text": "漏水"}, service.base)
    assert full.status == 429 and "漏水" in full.body and "报修次数已用完" in full.body
    assert "/seats/2f-hall-012/fault" in (await who.get(f"/areas/2f-hall?seat={SEAT}")).body


async def test_staff_disable_a_seat_from_its_fault_report(service: Living) -> None:
    reader, desk = await service.reader(), await staff(service)
    await reader.ok("POST", PATH, {"kind": "chair", "text": "扶手松了"})
    page = (await desk.get("/console/faults")).body
    id = re.findall(r"/console/faults/(\w+)/close", page)[0]
    assert 'value="座椅报修"' in page
    form = {"was": "||", "fault": id, "reason": "座椅报修", "until": "2026-09-10"}
    answer = await post(service, desk, f"/console/seats/{SEAT}/outage", **form)
    assert answer.headers["Location"] == "/console/faults?done=plan"
    seat = await reader.ok("GET", f"/seats/{SEAT}")
    assert seat["disabled"] == "座椅报修"
    faults_page = (await desk.get("/console/faults")).body
    assert "已停用：座椅报修" in faults_page and "恢复使用" in faults_page
    await service.move(timedelta(days=4))
    assert "已停用" not in (await (await staff(service)).get("/console/faults")).body


async def test_closed_fault_reports_are_deleted_and_open_ones_stay(service: Living) -> None:
    reader, desk = await service.reader(), await staff(service)
    await reader.ok("POST", PATH, {"kind": "chair", "text": "扶手松了"})
    repository, later = (
        service.inside.stored.fault_reports,
        service.clock.now() + timedelta(days=1000),
    )
    assert await repository.prune(later, 100) == 0, "an open one stays"
    (report,), _ = await service.app[service_key(FaultReportService)].page_of(True, 0, 9)
    path = f"/console/faults/{report.id}/close"
    assert (await post(service, desk, path, outcome="rejected", reason="没有松动")).status == 303
    assert await repository.prune(service.clock.now() - timedelta(days=1), 100) == 0
    assert await repository.prune(later, 100) == 1
    assert await repository.get(report.id) is None
