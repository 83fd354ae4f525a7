"""The hall display: at three sizes, in Chromium 70, without the service, with many floors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from models.library.entities import AreaId
from models.notices.entities import Notice
from tests.api.changes import with_rules
from tests.api.counted_days import remember
from tests.browser.conftest import Open, shows_everybody
from tests.browser.oldest import OldTab, chromium_70
from tests.living import Living

pytestmark = pytest.mark.whole

SIZES = ((1920, 1080), (1280, 720), (1080, 1920))
HERE = "/display/library"

# What is cut off or lies outside the screen, of what is shown.
CUT = """[...document.querySelectorAll(
  "h1, h2, .sum, th, td, .notices li, footer p, .qr"
)].filter((one) => {
  const box = one.getBoundingClientRect();
  return one.offsetParent && box.width > 1
    && (box.right > innerWidth + 1 || box.bottom > innerHeight + 1
      || one.scrollWidth > one.clientWidth + 1);
}).map((one) => one.textContent.trim().slice(0, 30))"""


@pytest_asyncio.fixture(loop_scope="session")
async def old(tmp_path: Path) -> AsyncIterator[OldTab]:
    async with chromium_70(tmp_path) as tab:
        yield tab


@pytest_asyncio.fixture(loop_scope="session")
async def with_display(service: Living) -> Living:
    """A service with the hall display enabled and three notices."""
    await with_rules(service, hall_display=True)
    for n, title in enumerate(("国庆期间开放时间", "新生入馆教育", "二层中厅地面维修")):
        day = service.clock.now().replace(hour=1, minute=n)
        await service.inside.stored.notices.add(Notice(f"n{n}", title, "x", day))
    return service


async def many_floors(service: Living) -> None:
    """Adds six floors with as many areas each as the second floor has."""
    areas = service.inside.reference.catalog.areas.values()
    for floor in range(5, 11):
        for area in [a for a in areas if a.floor == 2]:
            seats = tuple(replace(s, area_id=AreaId(f"f{floor}-{area.id}")) for s in area.seats[:3])
            seats = tuple(replace(s, id=type(s.id)(f"f{floor}-{s.id}")) for s in seats)
            new = replace(area, id=AreaId(f"f{floor}-{area.id}"), floor=floor, seats=seats)
            assert await service.inside.stored.catalogs.add_area(new)
    await service.inside.reference.refresh()


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
    await page.evaluate("(real => { Date.now = () => real() + 130000 })(Date.now)")
    await page.wait_for_selector("#age:has-text('数据更新于 16:08')")
    assert await page.is_visible(".floors")
    await page.evaluate("(real => { Date.now = () => real() + 600000 })(Date.now)")
    await page.wait_for_selector(".floors", state="hidden")
    assert await page.is_visible(".notices") and await page.is_visible("#time")
    await page.unroute("**/board")
    await page.wait_for_selector(".floors", state="visible", timeout=15_000)
    assert not await page.is_visible("#age")


@pytest.mark.parametrize("size", SIZES, ids=[f"{width}x{height}" for width, height in SIZES])
async def test_every_area_is_visible_with_a_forecast(
    with_display: Living, opened: Open, size: tuple[int, int]
) -> None:
    """Three floors of six areas each fit on one page with each area on one row, however long its
    name; in a lower window the rest is shown in turn."""
    await remember(with_display, 42, 0.01)
    area = with_display.inside.reference.catalog.areas[AreaId("2f-hall")]
    renamed = replace(area, name="Doktorandenzimmer Nord", rev=area.rev + 1)
    assert await with_display.inside.stored.catalogs.replace_area(renamed)
    await with_display.inside.reference.refresh()
    width, height = size
    tab = await opened(path=HERE, viewport={"width": width, "height": height})
    rows = tab.page.locator(".floor:visible tbody tr")
    then = await rows.locator(".then").all_inner_texts()
    assert len(then) == 18 and all("±" in words for words in then), then
    assert await tab.page.evaluate(CUT) == []
    names = tab.page.locator("tbody th span")
    lines = "all => all.every(n => n.scrollHeight < 1.4 * n.clientHeight)"
    assert await names.evaluate_all(lines), "a third line is cut off"
    heights = {
        round((await row.bounding_box() or {"height": 0})["height"]) for row in await rows.all()
    }
    assert max(heights) < 1.1 * 3.6 * (width / 120 if width > height else width / 67.5), heights
    assert "按往日情况估计" in await tab.text("#column")
    # Nothing is left out where the room is lower than one card.
    low = height // 2 + 60 if width > height else width
    await tab.page.set_viewport_size({"width": width, "height": low})
    seen = set[str]()
    pages = int((await tab.text(".turns") or "1 / 1").split("/")[1])
    assert pages > 1
    for turn in range(1, pages + 1):
        await tab.page.wait_for_selector(f"text={turn} / {pages}")
        assert await tab.page.evaluate(CUT) == []
        seen |= set(await tab.page.locator(".floor:visible tbody th").all_inner_texts())
        await tab.page.evaluate("(real => { Date.now = () => real() + 16000 })(Date.now)")
    assert len(seen) == 18


async def test_many_floors_are_shown_in_turn(with_display: Living, opened: Open) -> None:
    await many_floors(with_display)
    tab = await opened(path=HERE, viewport={"width": 1920, "height": 1080})
    seen: set[str] = set()
    for turn in range(1, 4):
        await tab.page.wait_for_selector(f"text={turn} / 3")
        assert await tab.page.evaluate(CUT) == []
        seen |= set(await tab.page.locator(".floor:visible h2").all_inner_texts())
        await tab.page.evaluate("(real => { Date.now = () => real() + 16000 })(Date.now)")
    assert seen == {f"{floor}层" for floor in range(2, 11)}
