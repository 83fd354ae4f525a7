"""The console over HTTP: rights, effects on readers, and the audit log."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from urllib.parse import urlencode

import pytest

from models.identity.roles import Role
from tests.api.console import WHEREFORE, forms, log, post, staff
from tests.api.violations import WHY, missed
from tests.living import Living

PAGES = (
    "/console",
    "/console/seats",
    "/console/seats?area=3f-north",
    "/console/reports",
    "/console/readers",
    "/console/appeals",
    "/console/questions",
    "/console/calendar",
    "/console/affected-bookings",
    "/console/statistics",
    "/console/bookings.csv",
    "/console/room-bookings.csv",
    "/console/audit",
    "/console/notices",
    "/console/devices",
    "/console/deliveries",
    "/console/code-sharing",
    "/console/rules",
    "/console/plans",
)


@pytest.mark.parametrize("role", [None, Role.VIEWER])
async def test_actions_beyond_a_role_are_refused_by_the_server(
    service: Living, role: Role | None
) -> None:
    reader = await missed(service, 1)
    who = await staff(service, role)
    made = await forms(service, reader)
    before = await service.books()
    for path, form in made.items():
        answer = await post(service, who, path, **form)
        assert answer.status == 403, path
        assert await service.books() == before, path
    assert await log(service) == []
    for path in PAGES:
        status = (await who.get(path)).status
        assert status == (200 if role is not None else 403), path
    if role is None:
        assert (await who.get("/console/bookings.xlsx")).status == 403
    else:
        for path in PAGES:
            assert '<form method="post"' not in (await who.get(path)).body, path


async def test_staff_check_in_move_and_finish_a_readers_booking(service: Living) -> None:
    desk, reader = await staff(service), await service.reader()
    made = await reader.reserve("2f-hall-010", "09:00", "11:00")
    here = f"/console/reservations/{made['id']}"

    async def state() -> str:
        return str((await reader.ok("GET", f"/reservations/{made['id']}"))["state"])

    # Too early: the page says so, keeps the reason, and nothing has changed.
    refused = await post(service, desk, f"{here}/check_in")
    assert refused.status == 422 and WHEREFORE in refused.body and "08:30" in refused.body
    assert await state() == "reserved"
    answer = await post(service, desk, f"{here}/move", seat="2f-hall-011")
    assert answer.status == 303 and answer.headers["Location"] == f"{here}?done=move"
    assert (await reader.ok("GET", f"/reservations/{made['id']}"))["seat"]["id"] == "2f-hall-011"
    # Any other seat, by its number; one that there is not is said.
    other = {"by": "no", "area": "3f-north", "seat": "2f-hall-012"}
    wrong = await post(service, desk, f"{here}/move", **other, no="999")
    assert wrong.status == 400 and "没有这个座位" in wrong.body and WHEREFORE in wrong.body
    assert (await post(service, desk, f"{here}/move", **other, no="003")).status == 303
    assert (await reader.ok("GET", f"/reservations/{made['id']}"))["seat"]["id"] == "3f-north-003"

    await service.move("08:40")
    for verb, expected in (
        ("check_in", "in_use"),
        ("leave", "away"),
        ("check_in", "in_use"),
        ("finish", "finished"),
    ):
        answer = await post(service, desk, f"{here}/{verb}")
        assert answer.status == 303, (verb, answer.body)
        assert await state() == expected
    again = await post(service, desk, f"{here}/finish")
    assert again.status == 409 and await state() == "finished"
    assert (await post(service, desk, f"{here}/dance")).status == 404
    assert (await post(service, desk, "/console/reservations/none/cancel")).status == 404

    target = f"reservation:{made['id']}"
    assert await log(service) == [
        ("check_in", target, "too_early"),
        ("move", target, "done"),
        ("move", target, "done"),
        ("check_in", target, "done"),
        ("leave", target, "done"),
        ("check_in", target, "done"),
        ("finish", target, "done"),
        ("finish", target, "wrong_state"),
    ]
    history = (await reader.ok("GET", f"/reservations/{made['id']}"))["history"]
    assert [(h["event"], h["by"]) for h in history[1:]] == [
        ("change", "librarian"),
        ("change", "librarian"),
        ("check_in", "librarian"),
        ("leave", "librarian"),
        ("return", "librarian"),
        ("finish", "librarian"),
    ]
    assert desk.client.reader_id not in str(history)
    page = (await desk.get("/console/audit")).body
    assert "林静怡" in page and WHEREFORE in page
    assert "二层中厅010号" in page and "二层中厅011号" in page  # before and after


async def test_an_action_without_a_reason_is_refused(service: Living) -> None:
    desk, reader = await staff(service), await service.reader()
    made = await reader.reserve("2f-hall-010", "now", "11:00")
    answer = await post(service, desk, f"/console/reservations/{made['id']}/cancel", reason="")
    assert answer.status == 400 and "请写明原因" in answer.body
    unbind = f"/console/readers/{reader.reader_id}/unbind"
    assert (await post(service, desk, unbind, reason="")).status == 400
    assert (await reader.ok("GET", f"/reservations/{made['id']}"))["state"] == "reserved"
    assert await log(service) == []


async def test_staff_settle_appeals_waive_violations_and_answer_questions(service: Living) -> None:
    reader, desk = await missed(service, 2), await staff(service)
    newest, oldest = (await reader.ok("GET", "/violations"))["items"]
    await reader.ok("POST", f"/violations/{newest['id']}/appeal", {"text": WHY})
    assert WHY in (await desk.get("/console/appeals")).body
    assert '<a href="/console/appeals">未按时签到</a>' in (await desk.get("/console")).body
    path = f"/console/appeals/{newest['id']}"
    assert (await post(service, desk, path, granted="maybe", text="x")).status == 400
    assert (await post(service, desk, path, granted="no", text="")).status == 400
    answer = await post(service, desk, path, granted="yes", text="情况属实，本次免除。")
    assert answer.status == 303
    waived = await post(service, desk, f"/console/violations/{oldest['id']}/waive")
    assert waived.headers["Location"] == f"/console/readers/{reader.reader_id}?done=waive"
    assert all(v["waived"] for v in (await reader.ok("GET", "/violations"))["items"])

    await service.inside.stored.feedback.add(
        reader.reader_id, "k", "插座不通电", service.clock.now()
    )
    page = (await desk.get("/console/questions")).body
    match = re.search(r"/console/questions/(\w+)", page)
    assert "插座不通电" in page and match
    assert (await post(service, desk, match[0], text="已报修")).status == 303
    assert "没有待答复的留言" in (await desk.get("/console/questions")).body
    texts = [m["text"] for m in (await reader.ok("GET", "/messages"))["items"]]
    assert any("已报修" in text for text in texts)
    assert [action for action, _, _ in await log(service)] == ["settle_appeal", "waive", "answer"]


async def test_all_violations_of_an_interval_are_waived(service: Living) -> None:
    reader, desk = await missed(service, 1), await staff(service)
    path = "/console/violations/waive"
    for start, end in (("2026-09-08T00:00", "2026-09-07T00:00"), ("x", "2026-09-08T00:00")):
        answer = await post(service, desk, path, **{"from": start, "to": end})
        assert answer.status == 400
    answer = await post(
        service, desk, path, **{"from": "2026-09-07T09:00", "to": "2026-09-07T10:00"}
    )
    assert answer.headers["Location"] == "/console/appeals?done=waive_all-1"
    assert (await reader.ok("GET", "/violations"))["window"]["count"] == 0


async def test_a_reader_found_by_number_is_shown_with_the_number_masked(service: Living) -> None:
    reader, desk = await service.reader(), await staff(service)
    await reader.reserve("2f-hall-010", "now", "11:00")
    answer = await desk.get(f"/console/readers?{urlencode({'q': f' {reader.number} '})}")
    assert answer.status == 303
    page = (await desk.get(answer.headers["Location"])).body
    assert "张三" in page and reader.number not in page and "2f-hall-010" not in page
    assert "二层中厅010号" in page
    assert (await desk.get("/console/readers?q=99999999")).status == 404
    assert (await desk.get("/console/readers/none")).status == 404
    assert await service.inside.stored.bindings.is_bound(reader.reader_id)
    await post(service, desk, f"/console/readers/{reader.reader_id}/unbind")
    assert not await service.inside.stored.bindings.is_bound(reader.reader_id)
    assert (await post(service, desk, f"/console/readers/{reader.reader_id}/unbind")).status == 404


async def test_what_waits_is_one_list_with_the_longest_waiting_first(service: Living) -> None:
    """Twelve tasks are listed, and the rest is counted by kind; an idle day has a sentence of its
    own. A question begins with its first words."""
    reader, desk = await service.reader(), await staff(service)
    assert "现在没有需要处理的事" in (await desk.get("/console")).body
    made = await reader.reserve("2f-hall-066", "now", "11:00")
    await reader.ok("POST", f"/reservations/{made['id']}/report", {"kind": "occupied"})
    feedback, now = service.inside.stored.feedback, service.clock.now()
    for n in range(13):
        at = now + timedelta(minutes=n - 5)
        await feedback.add(reader.reader_id, f"k{n}", f"<b>插座</b>不通电 {n} {'请' * 99}", at)
    page = (await desk.get("/console")).body
    kinds = re.findall(r'<li><span class="badge quiet">(\w+)</span>', page)
    assert kinds == ["留言"] * 5 + ["座位被占"] + ["留言"] * 6
    questions = [unescape(words) for words in re.findall(r'questions">(&lt;.*?)</a>', page)]
    assert questions[:2] == [f"<b>插座</b>不通电 {n} {'请' * 99}"[:59] + "…" for n in (0, 1)]
    assert "还有 留言 2" in page and "现在没有需要处理的事" not in page


async def test_each_page_says_what_its_last_form_has_saved(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    for path, action, text in (
        ("/console", "setup", "已保存：首次设置。"),
        ("/console/reports", "reject", "已办理：没有被占"),
        ("/console/venues", "venue_removed", "已保存：删除场馆。"),
        ("/console/features", "feature_retired", "已保存：停用座位条件，读者的页面几秒内更新。"),
        ("/console/devices", "devices_ordered", "已保存：更改设备顺序。"),
        ("/console/plans", "delete_area", "已保存：删除区域。"),
        ("/console/plans/2f-hall/settings", "change_area", "已保存：更改区域，"),
        ("/console/canned-answers", "canned_answer", "已保存：常用答复。"),
        ("/console/library", "profile", "已保存：更改图书馆信息，"),
        ("/console/staff", "grant", "已保存：更改馆员权限。"),
    ):
        page = (await head.get(f"{path}?done={action}")).body
        assert f'<p class="done" role="status">{text}' in page, path
        assert 'class="done"' not in (await head.get(f"{path}?done=<b>")).body, path


async def test_todays_figures_equal_a_recount(service: Living) -> None:
    desk, readers = await staff(service, Role.VIEWER), [await service.reader() for _ in range(6)]
    made = [
        await r.reserve(f"2f-hall-{n:03}", "09:00", "11:00") for n, r in enumerate(readers, start=1)
    ]
    await service.move("08:50")
    for n in (0, 1, 2):
        qr = {"qr": await service.qr()}
        await readers[n].ok("POST", f"/reservations/{made[n]['id']}/check-in", qr)
    await readers[1].ok("POST", f"/reservations/{made[1]['id']}/leave")
    await readers[3].ok("POST", f"/reservations/{made[3]['id']}/cancel")
    await service.move("10:10")
    await readers[5].reserve("2f-hall-001", "13:00", "14:00")
    page = (await desk.get("/console")).body
    figures = dict(re.findall(r"<dt>(\w+)</dt><dd>(\d+)</dd>", page))
    assert figures == {
        "预约": "7",
        "已签到": "3",
        "使用中": "2",
        "暂离": "0",
        "失约": "2",
        "暂离超时": "1",
        "取消": "1",
    }
    row = page[page.index("二层中厅") :]
    spoken = re.search(r'aria-label="([^"]+)"', row)
    assert spoken is not None
    hours = dict(part.split(" 时 ") for part in spoken[1].split("，"))
    assert (hours["08"], hours["09"], hours["10"], hours["12"], hours["13"]) == (
        "0",
        "3",
        "2",
        "0",
        "1",
    )


async def test_a_readers_page_links_to_the_audit_entries_about_them(service: Living) -> None:
    reader, desk = await missed(service, 1), await staff(service)
    (v,) = (await reader.ok("GET", "/violations"))["items"]
    await reader.ok("POST", f"/violations/{v['id']}/appeal", {"text": WHY})
    await post(service, desk, f"/console/violations/{v['id']}/waive")
    # The appeal that waited has got what it asked for.
    assert "没有待处理的申诉" in (await desk.get("/console/appeals")).body
    (mine,) = (await reader.ok("GET", "/violations"))["items"]
    assert mine["waived"] and mine["appeal"]["answer"] == WHEREFORE
    again = await post(service, desk, f"/console/appeals/{v['id']}", granted="no", text="不予免除")
    assert again.status == 409
    page = (await desk.get(f"/console/readers/{reader.reader_id}")).body
    match = re.search(r"/console/audit\?reader=\w+", page)
    assert match is not None
    listed = (await desk.get(match[0])).body
    assert "免除违约" in listed and "答复申诉" in listed


async def test_invalid_addresses_and_forms_are_refused(service: Living) -> None:
    who, waive = await staff(service, Role.ADMINISTRATOR), "/console/violations/waive"
    for path in (
        "/console/statistics?from=2026-09-01&to=0001-01-20",
        "/console/bookings.csv?to=9999-12-31",
        "/console/bookings.xlsx?from=9999-01-01&to=9999-12-31",
        "/console/statistics?from=1969-01-01&to=1969-02-01",
        "/console/audit?page=99999999999999999999&by=%00&reader=%ED%A0%80",
        "/console/seats?area=%00",
        "/console/readers?q=%00%E2%80%AE",
    ):
        assert (await who.get(path)).status in (200, 400, 404), path
    odd = {"from": "0001-01-01T00:00", "to": "2026-09-08T00:00"}
    assert (await post(service, who, waive, **odd)).status == 400
    number = {"base": "1", "operation": "remove", "number": "9" * 5000}
    assert (await post(service, who, "/console/calendar", **number)).status in (404, 409)


async def test_a_cancellation_by_the_library_is_notified_and_costs_the_reader_nothing(
    service: Living,
) -> None:
    desk, reader = await staff(service), await service.reader()
    made = [
        await reader.reserve("2f-hall-010", f"{h:02}:00", f"{h + 1:02}:00") for h in range(9, 14)
    ]
    here = f"/console/reservations/{made[0]['id']}/cancel"
    assert (await post(service, desk, here)).status == 303
    await service.settle()
    message = (await reader.ok("GET", "/messages"))["items"][0]
    assert (message["template"], message["title"]) == ("MOVED", "预约已被图书馆取消")
    await reader.reserve("2f-hall-010", "14:00", "15:00")  # the day's five are five again
    assert (await reader.ok("GET", "/violations"))["total"] == 0
