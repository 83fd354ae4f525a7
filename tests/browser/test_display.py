"""The hall display: at three sizes, in Chromium 70, without the service, with many floors."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import chain

import pytest
import pytest_asyncio

from models.library.entities import AreaId
from models.notices.entities import Notice
from tests.api.changes import with_rules
from tests.api.counted_days import remember
from tests.browser.conftest import Open, Tab, shows_everybody
from tests.browser.long_names import with_floors, with_long_names, with_long_words
from tests.browser.oldest import OldTab
from tests.browser.what_is_cut import BROKEN, CUT
from tests.living import Living

pytestmark = pytest.mark.whole

SIZES = ((1920, 1080), (1280, 720), (1080, 1920))
HERE = "/display/library"


@pytest_asyncio.fixture(loop_scope="session")
async def with_display(service: Living) -> Living:
    """A service with the hall display enabled and three notices."""
    await with_rules(service, hall_display=True)
    for n, title in enumerate(("国庆期间开放时间", "新生入馆教育", "二层中厅地面维修")):
        day = service.clock.now().replace(hour=1, minute=n)
        await service.inside.stored.notices.add(Notice(f"n{n}", title, "x", day))
    return service


async def turns(tab: Tab) -> list[list[str]]:
    """The names of the floors on each page, on which nothing is cut. Begins at the first page."""
    pages = int((await tab.text("#turns") or "1 / 1").split("/")[1])
    seen = list[list[str]]()
    for turn in range(1, pages + 1):
        if pages > 1:
            await tab.page.wait_for_selector(f"#turns >> text={turn} / {pages}")
        assert await tab.page.evaluate(CUT) == []
        seen.append(await tab.page.locator(".floor:visible h2").all_inner_texts())
        await tab.page.evaluate("(real => { Date.now = () => real() + 16000 })(Date.now)")
    return seen


async def test_the_oldest_screen_shows_all_areas_and_keeps_updating(
    with_display: Living, old: OldTab
) -> None:
    for width, height in SIZES:
        await old.size(width, height)
        await old.go(f"{with_display.base}{HERE}")
        assert await old.evaluate("document.querySelectorAll('.floor:not([hidden])').length") == 3
        assert await old.evaluate(CUT) == [], (width, height)
        assert await old.evaluate("document.querySelectorAll('tbody tr').length") == 18
    assert with_display.base + "/" in await old.codes()
    free = "document.querySelector('tbody .now').textContent"
    before = int(await old.evaluate(free))
    seat = with_display.inside.reference.area("2f-east").seats[3].id
    reader = await with_display.reader()
    await reader.reserve(seat, "now", "18:00")
    await with_display.move(timedelta(seconds=6))
    await old.evaluate("(real => { Date.now = () => real() + 20000 })(Date.now)")
    await old.wait_for(f"{free} === '{before - 1}'")


async def test_the_display_is_accessible_and_survives_a_service_outage(
    with_display: Living, opened: Open, axe: str
) -> None:
    tab = await opened(path=HERE, viewport={"width": 1280, "height": 720})
    page = tab.page
    await shows_everybody(tab, axe, HERE, phone=False)
    # Three notices, two at a time.
    assert await page.locator(".notices li:visible").count() == 2
    first = await page.inner_text(".notices li:visible >> nth=0")
    await page.evaluate("(real => { Date.now = () => real() + 13000 })(Date.now)")
    await page.wait_for_function(
        "first => [...document.querySelectorAll('.notices li')].find(l => !l.hidden).innerText"
        " !== first",
        arg=first,
    )
    await page.route("**/board", lambda route: route.abort())
    # An answer that is still on its way would make the board a new one after the jump.
    async with page.expect_event("requestfailed"):
        await page.evaluate("(real => { Date.now = () => real() + 20000 })(Date.now)")
    await page.evaluate("(real => { Date.now = () => real() + 130000 })(Date.now)")
    await page.wait_for_selector("#age:has-text('数据更新于 16:08')")
    assert await page.is_visible(".floors")
    await page.evaluate("(real => { Date.now = () => real() + 600000 })(Date.now)")
    await page.wait_for_selector(".floors", state="hidden")
    assert await page.is_visible(".notices") and await page.is_visible("#time")
    await page.unroute("**/board")
    await page.wait_for_selector(".floors", state="visible", timeout=15_000)
    assert not await page.is_visible("#age")


async def test_every_area_is_visible_with_a_forecast(with_display: Living, opened: Open) -> None:
    """Three floors of six areas each fit on one page; in a lower window the rest is shown in
    turn."""
    await remember(with_display, 42, 0.01)
    area = with_display.inside.reference.catalog.areas[AreaId("2f-hall")]
    renamed = replace(area, name="Doktorandenzimmer Nord", rev=area.rev + 1)
    assert await with_display.inside.stored.catalogs.replace_area(renamed)
    await with_display.inside.reference.refresh()
    tab = await opened(path=HERE)
    for width, height in SIZES:
        await tab.page.set_viewport_size({"width": width, "height": height})
        await tab.go(HERE)
        rows = tab.page.locator(".floor:visible tbody tr")
        then = await rows.locator(".then").all_inner_texts()
        assert len(then) == 18 and all("±" in words for words in then), then
        assert await turns(tab) == [["2层", "3层", "4层"]], (width, height)
        assert "按往日情况估计" in await tab.text("#column")
        # Nothing is left out where the room is lower than one card.
        low = height // 2 + 60 if width > height else width // 3
        await tab.page.set_viewport_size({"width": width, "height": low})
        await tab.page.wait_for_selector("#turns:has-text('/')")
        seen = await turns(tab)
        assert len(seen) > 1, (width, low)
        names = await tab.page.locator("tbody th").all_text_contents()
        assert len(names) >= 18 and len(set(names)) == 18, (width, low)


async def test_floors_fill_as_few_pages_as_they_can_evenly(
    with_display: Living, opened: Open
) -> None:
    """With the longest names, too, and in type that is read from afar."""
    tab = await opened(path=HERE)
    type_size = "parseFloat(getComputedStyle(document.querySelector('.floors')).fontSize)"
    for floors, pages in ((range(5, 6), [4]), (range(6, 8), [3, 3]), (range(8, 11), [5, 4])):
        await with_floors(with_display, floors)
        await with_display.move(timedelta(minutes=1))
        await remember(with_display, 42, 0.01)
        await with_display.move(timedelta(seconds=6))
        for width, height in SIZES:
            await tab.page.set_viewport_size({"width": width, "height": height})
            await tab.go(HERE)
            seen = await turns(tab)
            assert [len(one) for one in seen] in (pages, [sum(pages)]), (width, height)
            assert list(chain(*seen)) == [f"{floor}层" for floor in range(2, floors.stop)]
            root = width / (120 if width > height else 67.5)
            assert await tab.page.evaluate(type_size) > 1.39 * root, (width, height)
    await with_long_names(with_display)
    await with_display.move(timedelta(seconds=6))
    for width, height in SIZES:
        await tab.page.set_viewport_size({"width": width, "height": height})
        await tab.go(HERE)
        assert [name[0] for name in chain(*await turns(tab))] == [*"23456789", "1"]
    await with_long_words(with_display)
    await with_display.move(timedelta(seconds=6))
    await tab.go(HERE)
    await tab.page.wait_for_selector("th:visible >> text=Rechts\u00adwissen\u00adschaft\u00adliche")
    assert await tab.page.evaluate(BROKEN, "tbody th") == []
