"""A library that is open past midnight, as a reader sees it on a phone and on a desktop."""

from __future__ import annotations

from datetime import time

import pytest

from models.policy.entities import OpeningRule
from tests.api.night import NIGHT, OTHER, clock, open_by
from tests.browser.conftest import PHONE, Open, is_for_everybody
from tests.living import SEAT, Living

pytestmark = pytest.mark.whole


async def test_a_booking_over_midnight_on_a_phone(service: Living, opened: Open, axe: str) -> None:
    await open_by(service, NIGHT)
    await clock(service, "20:00", 7)
    other = await service.reader()
    await other.reserve(OTHER, "23:00", "02:00")
    reader = await service.web_reader()
    tab = await opened(reader.number, **PHONE)
    await tab.go(f"/areas/2f-hall?date={service.today}&start=22:00&end=01:00&seat={SEAT}")
    page = tab.page
    chosen = [await page.input_value(f".wish [name={name}]") for name in ("start", "end")]
    assert chosen == ["22:00", "01:00"]
    assert await tab.times() == ("22:00", "次日01:00"), "what was looked for"
    label = await page.get_attribute(f"[id='{OTHER}']", "aria-label")
    assert label is not None and "该时段已约" in label
    # The page's own script writes the same words as the service does.
    free = f"[id='{SEAT}']"
    before = await page.get_attribute(free, "aria-label")
    assert before is not None and "可用至 次日02:00" in before
    await tab.choose(end="次日02:00")
    await page.click("#panel .panel-foot .button")
    await page.wait_for_url("**/reservations/*")
    assert "22:00–次日02:00" in await tab.text("main")
    for path in ("/reservations", "/", "/areas/2f-hall?seat=2f-hall-001&begin=22:00"):
        await is_for_everybody(tab, axe, path, phone=True)


async def test_the_time_bar_of_a_library_that_never_closes_spans_the_day(
    service: Living, opened: Open
) -> None:
    """From midnight to as long after the next midnight as a stay may last."""
    await open_by(service, OpeningRule(time(0), time(0)))
    tab = await opened("21071234", **PHONE)
    await tab.go(f"/areas/2f-hall?date={service.tomorrow}&seat={SEAT}")
    await tab.page.wait_for_selector("#panel .day")
    ticks = await tab.page.locator("#panel .ticks span").all_inner_texts()
    assert ticks == ["0", "4", "8", "12", "16", "20", "0"]
    assert (await tab.choices("start"))[:2] == ["00:00", "01:00"]
    await tab.choose("23:00", "次日03:00")
    chosen = await tab.page.locator("#panel .piece.chosen").bounding_box()
    track = await tab.page.locator("#panel .track").bounding_box()
    assert chosen is not None and track is not None
    assert chosen["x"] + chosen["width"] <= track["x"] + track["width"]
