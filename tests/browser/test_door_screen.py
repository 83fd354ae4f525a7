"""The example of a screen at a door, served by another site than the service."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page, expect

from handlers.display.made_once import MADE_EVERY_S
from tests.api.changes import with_rules
from tests.living import Living
from tests.stand_in import StandIn

pytestmark = pytest.mark.whole

EXAMPLE = Path(__file__).parents[2] / "examples" / "door_screen"


@pytest_asyncio.fixture(loop_scope="session")
async def elsewhere(stand_in: StandIn) -> str:
    """The address at which another site serves the page."""
    url = await stand_in([web.static("/", EXAMPLE)])
    return f"{url}/index.html"


async def look_at(browser: Browser, address: str) -> Page:
    page = await browser.new_page(viewport={"width": 1080, "height": 720})
    await page.clock.install()
    await page.goto(address)
    return page


async def test_a_screen_on_another_site_shows_one_areas_free_seats(
    service: Living, browser: Browser, elsewhere: str
) -> None:
    await with_rules(service, public_occupancy=True)
    page = await look_at(browser, f"{elsewhere}?service={service.base}&area=2f-hall")
    free = page.locator(".free")
    await expect(free).to_have_text("68")
    await expect(page.locator("footer")).to_have_text("16:08 的情况")
    await (await service.reader()).reserve(start="now", end="18:00")
    await service.move(timedelta(seconds=MADE_EVERY_S))
    await page.clock.run_for(15_000)
    await expect(free).to_have_text("67")
    # Without the service the number stays for two minutes, and says of when it is.
    await with_rules(service, public_occupancy=False)
    await page.clock.run_for(15_000)
    await expect(page.locator("footer")).to_have_text("16:08 的情况。暂时读不到空座数")
    await expect(free).to_have_text("67")
    await page.clock.run_for(120_000)
    await expect(free).to_have_count(0)
    await expect(page.locator("footer")).to_have_text("暂时读不到空座数")
    await page.close()


async def test_all_areas_fit_on_a_wall_and_beside_each_other_on_a_phone(
    service: Living, browser: Browser, elsewhere: str
) -> None:
    await with_rules(service, public_occupancy=True)
    page = await look_at(browser, f"{elsewhere}?service={service.base}")
    await expect(page.locator("section")).to_have_count(20)
    await expect(page.locator("section p:text-is('Juridicum')")).to_have_count(2)
    for width, height in ((1080, 720), (1080, 1920)):
        await page.set_viewport_size({"width": width, "height": height})
        await page.wait_for_function("() => document.documentElement.scrollHeight <= innerHeight")
    await page.set_viewport_size({"width": 390, "height": 844})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await page.close()
