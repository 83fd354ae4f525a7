"""The staff pages: the patrol on a phone, charts, reports and the archive, all accessible."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from models.statistics.daily import AreaDay
from tests.browser.conftest import DESKTOP, PHONE, Open, is_for_everybody
from tests.living import Living

pytestmark = pytest.mark.whole

SMALL: dict[str, Any] = {**PHONE, "viewport": {"width": 390, "height": 664}}
HERE = "/console/seats?area=2f-hall"


async def test_staff_disable_a_broken_seat_on_a_small_phone(service: Living, opened: Open) -> None:
    """A student reports the fault; staff find the seat on the plan, move its reader and disable it,
    all on one phone."""
    student = await opened("21071234", **SMALL)
    await student.go("/areas/2f-hall?seat=2f-hall-012")
    await student.page.click("text=报修")
    await student.page.wait_for_selector("dialog[open]")
    await student.page.click("dialog label:has-text('座椅')")
    await student.page.fill("#fault-text", "扶手松了")
    await student.page.click("dialog button:has-text('报修')")
    await student.page.wait_for_selector("text=已收到，谢谢")
    sitting = await service.reader()
    made = await sitting.reserve("2f-hall-012", "now", "18:00")
    qr = {"qr": await service.qr()}
    await sitting.ok("POST", f"/reservations/{made['id']}/check-in", qr)

    desk = await opened("librarian", **SMALL)
    await desk.go(HERE)
    assert await desk.page.locator("#patrol .bang").count() == 1
    await desk.page.locator("#s-2f-hall-012").click()
    await desk.page.wait_for_selector(".seat-panel")
    panel = await desk.text(".seat-panel")
    assert "使用中" in panel and "有 1 个报修" in panel and "张三" not in panel
    box = await desk.page.locator(".seat-panel").bounding_box()
    assert box is not None and box["y"] > 200 and box["y"] + box["height"] <= 665
    await desk.page.click("text=换座…")
    await desk.page.locator("#s-2f-hall-019").click()
    await desk.page.fill(".seat-panel [name=reason]", "椅子损坏")
    await desk.page.click("text=把读者换到 019 号")
    await desk.page.wait_for_selector("text=已办理：换座")
    moved = await sitting.ok("GET", f"/reservations/{made['id']}")
    assert (moved["seat"]["no"], moved["state"]) == ("019", "in_use")
    await desk.page.locator("#s-2f-hall-012").click()
    await desk.page.click("summary:has-text('停用这个座位')")
    await desk.page.fill(".seat-panel [name=reason]", "椅子损坏")
    await desk.page.click(".seat-panel button:has-text('停用')")
    await desk.page.wait_for_selector("#s-2f-hall-012.disabled")
    assert await desk.page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("device", [DESKTOP, SMALL], ids=["desktop", "phone"])
async def test_the_staff_pages_are_accessible(
    service: Living, opened: Open, axe: str, device: dict[str, Any]
) -> None:
    reader = await service.reader()
    made = await reader.reserve("2f-hall-066", "now", "18:00")
    await reader.ok("POST", "/seats/2f-hall-067/faults", {"kind": "socket", "text": "没有电"})
    now, inside = service.clock.now(), service.inside
    await inside.stored.feedback.add(reader.reader_id, "k", "插座不通电", now)
    await inside.stored.canned_answers.add("报修", "已转后勤，一周内处理。")
    areas = list(inside.reference.catalog.areas.values())
    used = (0,) * 8 + tuple(range(0, 1200, 120)) + (0,) * 6
    await inside.stored.daily_statistics.put(
        [AreaDay(date(2026, 9, 6), a.id, 40, 40 * 930, 50, 40, 3, 7, 2, 900, used) for a in areas]
    )
    tab = await opened("librarian", **device)
    days = "from=2026-09-05&to=2026-09-06"
    phone = device is SMALL
    for path in (
        f"{HERE}&seat=2f-hall-066",
        f"{HERE}&move={made['id']}&seat=2f-hall-068",
        "/console/faults",
        f"/console/statistics?{days}",
        f"/console/statistics/seats?{days}",
        "/console/questions?state=all",
        f"/console/readers/{reader.reader_id}/questions",
        "/console/canned-answers",
        "/seats/2f-hall-066/fault",
    ):
        await is_for_everybody(tab, axe, path, phone)
