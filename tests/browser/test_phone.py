"""A phone's browser: unread messages, and a large plan under the finger."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import zxingcpp
from PIL import Image

from models.library.entities import AreaId, Seat, SeatId
from tests.browser.conftest import PHONE, Open
from tests.browser.effort import effort_of
from tests.living import Living

GESTURES = 3
MOST_YARDSTICKS = 4.0
"""For a pan and two pinches: it is 1.7, and a phone, four times as slow, has time for 4 between its
frames."""


async def test_unread_messages_are_marked_until_they_are_read(
    service: Living, opened: Open
) -> None:
    reader = await service.web_reader()
    await reader.reserve(start="now", end="17:00")
    await service.settle()  # 预约成功 has been told
    tab = await opened(reader.number, **PHONE)
    badge = tab.page.locator("[data-unread]:visible .badge")
    await badge.wait_for()
    assert (await badge.inner_text()).startswith("1")
    asked: list[str] = []
    tab.page.on("request", lambda sent: asked.append(sent.url))
    await tab.go("/notices")
    assert "1 条未读" in await tab.text("#main")
    await tab.page.click("text=全部已读")
    await tab.page.wait_for_selector("text=全部已读", state="detached")
    assert not [url for url in asked if "/messages?unread" in url], "the page says it itself"
    async with tab.page.expect_response("**/messages?unread*"):
        await tab.go("/")
    assert await badge.count() == 0


async def test_the_code_of_a_query_terminal_is_readable_in_a_small_window(
    service: Living, opened: Open, tmp_path: Any
) -> None:
    keys = (await service.anonymous.ok("GET", "//sandbox/kiosks"))["items"]
    key = next(item["key"] for item in keys if item["id"] == "3f-north")
    tab = await opened(path=f"/kiosk/3f-north#key={key}", viewport={"width": 300, "height": 360})
    await tab.page.wait_for_selector("#code svg")
    fits = "document.documentElement.scrollHeight <= innerHeight && scrollX === 0"
    assert await tab.page.evaluate(fits)
    file = tmp_path / "corner.png"
    await tab.page.screenshot(path=file)
    (code,) = zxingcpp.read_barcodes(Image.open(file))
    assert "/k/3f-north?c=" in code.text


@pytest.mark.whole
async def test_a_plan_of_three_hundred_seats_scrolls_smoothly(
    service: Living, opened: Open
) -> None:
    inside = service.inside
    area = inside.reference.catalog.areas[AreaId("2f-hall")]
    seats = tuple(
        Seat(SeatId(f"2f-hall-{n:03}"), area.id, f"{n:03}", 20 + n % 20 * 52, 20 + n // 20 * 60)
        for n in range(300)
    )
    wide = replace(area, seats=seats, width=20 * 52 + 40, height=15 * 60 + 40)
    assert await inside.stored.catalogs.replace_area(replace(wide, rev=area.rev + 1))
    await inside.reference.refresh()
    tab = await opened("21071234", **PHONE)
    await tab.go("/areas/2f-hall")
    page = tab.page
    assert await page.locator("#plan .seat").count() == 300
    devtools = await tab.context.new_cdp_session(page)
    middle = {"x": 195, "y": 400}
    async with effort_of(page) as effort:
        for _ in range(GESTURES):
            pan = {**middle, "xDistance": -200, "yDistance": -150, "speed": 800}
            await devtools.send("Input.synthesizeScrollGesture", pan)
            pinch = {**middle, "scaleFactor": 1.6, "relativeSpeed": 400}
            await devtools.send("Input.synthesizePinchGesture", pinch)
            pinch["scaleFactor"] = 0.6
            await devtools.send("Input.synthesizePinchGesture", pinch)
    assert effort.yardsticks / GESTURES < MOST_YARDSTICKS
    rival = await service.reader()
    await rival.reserve("2f-hall-063", "now", "17:00")
    await page.wait_for_selector('[id="2f-hall-063"].occupied')
