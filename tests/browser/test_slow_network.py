"""Booking over a slow network: the page shows what it waits for, and books once."""

from __future__ import annotations

import pytest

from tests.browser.conftest import READER_SIZES, Open, Tab, whole
from tests.living import Living

SEAT = "2f-hall-063"


async def slow(tab: Tab) -> None:
    """Emulates the edge of a mobile network: 600 ms round trip, 50 KB a second."""
    session = await tab.context.new_cdp_session(tab.page)
    await session.send("Network.enable")
    await session.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": 600,
            "downloadThroughput": 50 * 1024,
            "uploadThroughput": 20 * 1024,
        },
    )


@pytest.mark.parametrize("size", ["390", pytest.param("375", marks=whole)])
async def test_a_seat_is_booked_once_over_a_slow_network(
    service: Living, opened: Open, size: str
) -> None:
    tab = await opened("21071234", **READER_SIZES[size])
    page = tab.page
    await slow(tab)
    await tab.go("/")
    # What is not there yet moves nothing: the proposal can be tapped as soon as it is seen.
    await page.click(".hero .go .button >> nth=0")
    await page.wait_for_selector("#panel .day")
    button = page.locator("#panel .panel-foot .button")
    await button.click()
    # Until the answer comes the page says so, and another tap does nothing.
    assert await button.inner_text() == "请稍候"
    assert await tab.text("#panel .panel-foot .state") == "正在预约…"
    await button.click(force=True)
    await page.wait_for_selector(".done >> text=预约成功")
    assert await service.db["reservations"].count_documents({}) == 1
    # A list of several days, and back, over the same network.
    await page.click(".menu >> text=我的预约")
    await page.wait_for_selector("h1 >> text=我的预约")
    assert "已预约" in await tab.text("#main")


async def test_a_seat_taken_meanwhile_is_refused_and_the_choice_is_kept(
    service: Living, opened: Open
) -> None:
    tab = await opened("21071234", **READER_SIZES["390"])
    page = tab.page
    await tab.go(f"/areas/2f-hall?seat={SEAT}")
    await page.wait_for_selector("#panel .day")
    await slow(tab)
    tab.expected.add(409)
    other = await service.reader()
    await other.reserve(SEAT, "17:00", "18:00")
    await page.click("#panel .panel-foot .button")
    await page.wait_for_selector("#panel .refusal")
    assert "附近空位" in await tab.text("#panel .refusal")
    rows = await service.db["reservations"].find({}).to_list(None)
    assert [row["reader"] for row in rows] == [other.reader_id]
