"""The console in a browser: a librarian's patrol, and accessible pages."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from models.statistics.daily import AreaDay
from tests.api.affected_bookings import moved
from tests.api.feedback import add_question
from tests.browser.conftest import DEVICES, PHONE, Open, is_for_everybody, shows_everybody
from tests.living import Living

WHEREFORE = "手机没电，核对过校园卡"


async def test_a_librarian_checks_a_reader_in_from_the_patrol(
    service: Living, opened: Open
) -> None:
    """From the first page to a seat and its reader, and the resulting audit entries."""
    reader = await service.reader()
    await reader.reserve("2f-hall-065", "now", "18:00")
    tab = await opened("librarian", **PHONE)
    await tab.go("/me")
    await tab.go("/console")
    assert "管理后台" in await tab.text(".brand")
    await tab.page.click("text=菜单")
    await tab.page.click("text=巡视")
    await tab.page.click(".floors >> text=二层")
    await tab.page.click(".floors >> text=二层中厅")
    line = tab.page.locator(".patrol li", has_text="065")
    assert "未签到" in await line.inner_text() and "张三" in await line.inner_text()
    await line.click()

    # Without a reason the browser itself does not send it.
    await tab.page.click("button:has-text('到馆签到')")
    assert await tab.page.locator("#reason:invalid").count() == 1
    await tab.page.fill("#reason", WHEREFORE)
    await tab.page.click("button:has-text('到馆签到')")
    await tab.page.wait_for_selector(".done")
    assert await tab.text(".big") == "使用中"
    assert (await reader.ok("GET", "/me"))["active"][0]["state"] == "in_use"
    await tab.page.fill("#reason", WHEREFORE)
    await tab.page.click("button:has-text('结束')")
    await tab.page.wait_for_selector("text=结束使用")

    await tab.page.click("main a:has-text('张三')")
    assert "没有当前预约" in await tab.text("main")
    await tab.page.click("text=菜单")
    await tab.page.click("text=操作记录")
    assert "已预约 → 使用中" not in await tab.text("table"), "folded"
    for details in await tab.page.locator("table summary").all():
        await details.click()
    log = await tab.text("table")
    assert log.count("林静怡") == 2 and WHEREFORE in log and "状态 已预约 → 使用中" in log


async def test_the_menu_has_named_groups_and_opens_without_scripts(
    service: Living, opened: Open
) -> None:
    """A column on a desktop; on a phone behind one button. And no page hides its main action."""
    tab = await opened("administrator", java_script_enabled=False, **PHONE)
    page = tab.page
    await tab.go("/console/rules?x=1")
    assert not await page.locator("#menu").is_visible()
    await page.click("text=菜单")
    groups = await page.locator("#menu .group").all_inner_texts()
    assert groups == ["值班", "读者", "设置", "统计与系统"]
    assert await page.locator("#menu [aria-current]").inner_text() == "规则"
    await page.click("#menu >> text=操作记录")
    await page.wait_for_url("**/console/audit")
    assert not await page.locator("#menu").is_visible()
    await page.set_viewport_size({"width": 1280, "height": 800})
    for path in ("readers", "groups", "rules", "plans", "devices", "notices", "staff", "venues"):
        await tab.go(f"/console/{path}")
        assert await page.locator("#menu [aria-current]").is_visible()
        assert not await page.locator("text=菜单").first.is_visible()
        boxes = [await b.bounding_box() for b in await page.locator("main .button").all()]
        assert any(box and box["y"] + box["height"] <= 800 for box in boxes), path


async def test_a_long_canned_answer_stays_in_its_card_on_a_phone(
    service: Living, opened: Open
) -> None:
    await add_question(service, await service.reader(), "请问几点开门？")
    tab = await opened("librarian", **PHONE)
    await tab.go("/console/canned-answers")
    await tab.page.fill("[name=title]", "经济管理与法学外文期刊阅览及研究生研修空间开放时间说明")
    await tab.page.fill("[name=text]", "七点")
    await tab.page.click("button:text-is('新增')")
    await tab.page.wait_for_selector(".done")
    await tab.go("/console/questions")
    answers = tab.page.locator("[name=canned]")
    card = await answers.evaluate("one => one.closest('.card').getBoundingClientRect().right - 16")
    assert await answers.evaluate("one => one.getBoundingClientRect().right") <= card + 1


async def test_a_viewer_sees_the_console_without_actions(service: Living, opened: Open) -> None:
    reader = await service.reader()
    made = await reader.reserve("2f-hall-065", "now", "18:00")
    tab = await opened("viewer")
    await tab.page.click("text=管理后台")
    await tab.go(f"/console/reservations/{made['id']}")
    assert "图书馆2层二层中厅065号" in await tab.text("h1")
    assert await tab.page.locator("form[method=post]").count() == 0


async def test_a_student_cannot_open_the_console(service: Living, opened: Open) -> None:
    tab = await opened("21071234")
    assert await tab.page.locator("text=管理后台").count() == 0
    tab.expected = {403}
    await tab.go("/console")
    assert "没有" in await tab.text("main")


async def test_a_closure_asks_how_to_handle_affected_bookings(
    service: Living, opened: Open
) -> None:
    reader = await service.reader()
    made = await reader.reserve("2f-hall-065", "09:00", "12:00", service.tomorrow)
    tab = await opened("administrator")
    await tab.go("/console/calendar")
    await tab.page.fill("[name=first]", service.tomorrow)
    await tab.page.select_option("[name=place]", "a:2f-hall")
    await tab.page.fill("[name=reason]", "消防检修")
    await tab.page.click("text=下一步")
    assert "1 个预约不再符合开放时间" in await tab.text("main")
    await tab.page.click("a.chip:text-is('取消')")
    assert "没有，按平时的时间开放" in await tab.text("main")
    await tab.page.fill("[name=first]", service.tomorrow)
    await tab.page.select_option("[name=place]", "a:2f-hall")
    await tab.page.fill("[name=reason]", "消防检修")
    await tab.page.click("text=下一步")
    await tab.page.click("text=确认发布")
    await tab.page.wait_for_selector(".done")
    assert "消防检修" in await tab.text("main")
    assert (await reader.ok("GET", f"/reservations/{made['id']}"))["state"] == "cancelled"


@pytest.mark.whole
@pytest.mark.parametrize("device", DEVICES)
async def test_every_console_page_is_accessible(
    service: Living, opened: Open, axe: str, device: dict[str, Any]
) -> None:
    """axe-core reports nothing serious, and no page is wider than a small phone."""
    reader = await service.reader()
    made = await reader.reserve("2f-hall-066", "now", "18:00")
    await reader.ok("POST", f"/reservations/{made['id']}/report", {"kind": "occupied"})
    late = await service.reader()
    missed = await late.reserve("2f-hall-067", "now", "19:00")
    await service.move("16:50")
    violation = f"{missed['id']}:no_show"
    await service.settle()
    await late.ok("POST", f"/violations/{violation}/appeal", {"text": "地铁故障"})
    await service.inside.stored.feedback.add(late.reader_id, "k", "插座不通电", service.clock.now())
    # A Sunday that was busy, for the charts.
    day, areas = date(2026, 9, 6), service.inside.reference.catalog.areas.values()
    used = (0,) * 8 + tuple(range(0, 1200, 120)) + (0,) * 6
    await service.inside.stored.daily_statistics.put(
        [AreaDay(day, a.id, 40, 40 * 930, 50, 40, 3, 7, 2, 900, used) for a in areas]
    )
    tab = await opened("administrator", **device)
    tab.expected = {404}
    for path in (
        "/console",
        "/console/seats?area=2f-hall",
        "/console/reports",
        f"/console/reservations/{made['id']}",
        "/console/readers",
        f"/console/readers/{late.reader_id}",
        "/console/seat-history",
        "/console/appeals",
        "/console/questions",
        "/console/calendar",
        "/console/affected-bookings",
        "/console/plans",
        "/console/plans/2f-hall",
        "/console/rules",
        "/console/notices",
        "/console/notices/new",
        "/console/devices",
        "/console/deliveries",
        "/console/code-sharing",
        "/console/readers?q=nobody",
        "/console/statistics?from=2026-09-06&to=2026-09-07",
        "/console/audit",
        "/console/handbook",
        "/console/handbook/setup",
    ):
        await is_for_everybody(tab, axe, path, device is PHONE)


@pytest.mark.whole
@pytest.mark.parametrize("device", DEVICES)
async def test_the_reader_of_a_seat_at_a_time_is_found(
    service: Living, opened: Open, axe: str, device: dict[str, Any]
) -> None:
    reader = await service.reader()
    await reader.reserve("2f-hall-065", "now", "18:00")
    tab = await opened("librarian", **device)
    await tab.go("/console")
    if device is PHONE:
        await tab.page.click("text=菜单")
    await tab.page.click("text=座位查询")
    for clock, expected in (("16:30", False), ("16:08", True)):
        await tab.page.select_option("[name=area]", "2f-hall")
        await tab.page.fill("[name=no]", "065")
        await tab.page.fill("[name=start]", clock)
        await tab.page.fill("[name=reason]", "归还座位上的水杯")
        tab.expected = {400}
        await tab.page.click("main button")
        await tab.page.wait_for_selector(".stacked" if expected else "[role=alert]")
        await shows_everybody(tab, axe, clock, device is PHONE)
    assert "张三" in await tab.text("table")
    await tab.page.fill("[name=date]", "2026-09-06")
    await tab.page.fill("[name=reason]", "归还座位上的水杯")
    await tab.page.click("main button")
    await tab.page.wait_for_selector("text=没有人预约或使用这个座位")
    await shows_everybody(tab, axe, "nobody", device is PHONE)


@pytest.mark.whole
@pytest.mark.parametrize("device", DEVICES)
async def test_a_revealed_number_is_shown_on_one_page(
    service: Living, opened: Open, axe: str, device: dict[str, Any]
) -> None:
    reader = await service.reader()
    tab = await opened("librarian", **device)
    await tab.go(f"/console/readers/{reader.reader_id}")
    await tab.page.click("summary:has-text('显示学号')")
    await tab.page.fill("details[open] [name=reason]", "核对校园卡")
    await shows_everybody(tab, axe, "the form", device is PHONE)
    await tab.page.click("details[open] button")
    await tab.page.wait_for_selector("h2:has-text('学号')")
    assert reader.number in await tab.text("main")
    await shows_everybody(tab, axe, "the number", device is PHONE)
    await tab.go(f"/console/readers/{reader.reader_id}")
    assert reader.number not in await tab.text("main")


@pytest.mark.whole
async def test_staff_see_held_offers_and_the_question_before_retiring_an_area(
    service: Living, opened: Open, axe: str
) -> None:
    reader, offer, _ = await moved(service)
    await (await service.reader()).reserve("2f-hall-020", "09:00", "11:00", service.tomorrow)
    head = await opened("administrator", **PHONE)
    await is_for_everybody(head, axe, f"/console/readers/{reader.reader_id}", True)
    assert offer["seat"]["label"] in await head.text("main")
    assert await head.page.locator("button:has-text('代为接受')").is_visible()
    await head.go("/console/plans/2f-hall/settings")
    await head.page.click("text=下一步：查看影响")
    await head.page.wait_for_selector("text=不再符合平面图")
    await shows_everybody(head, axe, "the question before an area retires", True)
