"""Viewing a plan: legible numbers, the visible part, and switching areas."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from models.library.entities import AreaId
from tests.browser.conftest import (
    DESKTOP,
    DEVICES,
    PHONE,
    Open,
    Tab,
    chromium,
    is_for_everybody,
    screen,
)
from tests.living import Living

LARGE, SHEET = "2f-east", "/areas/2f-hall?seat=2f-hall-063"
SMALLEST = """
() => Math.min(...[...document.querySelectorAll("#plan .seat text")].map((one) =>
  parseFloat(getComputedStyle(one).fontSize) * one.ownerSVGElement.getScreenCTM().a))
"""
"""The smallest type of a seat's number, in pixels of the page."""
NARROWEST = """
() => Math.min(...[...document.querySelectorAll("#plan .seat use:not(.tag)")].map((one) =>
  one.getBoundingClientRect().width))
"""
SCROLLED = "[...[document.querySelector('.viewport')]].map(v => [v.scrollLeft, v.scrollTop])[0]"
PHONES = ((390, 844), (375, 553), (360, 740))
DESKTOPS = ((1280, 720), (1366, 768), (1920, 1080), (900, 720))


@pytest.mark.parametrize(
    "screens",
    [
        pytest.param(PHONES[:1], id="phone"),
        pytest.param(PHONES[1:], id="phones", marks=pytest.mark.whole),
        pytest.param(DESKTOPS, id="desktops", marks=pytest.mark.whole),
    ],
)
async def test_every_seat_number_is_legible_at_first(
    service: Living, opened: Open, screens: tuple[tuple[int, int], ...]
) -> None:
    inside = service.inside
    area = inside.reference.catalog.areas[AreaId(LARGE)]
    named = replace(area.seats[0], number="2F-B07"), replace(area.seats[1], number="2F-B-0008")
    renamed = replace(area, seats=(*named, *area.seats[2:]), rev=area.rev + 1)
    other = await service.reader()
    await other.reserve(area.seats[30].id, start="now", end="18:00")
    tab = await opened("21071234", **screen(*screens[0]))
    for width, height in screens:
        await tab.page.set_viewport_size({"width": width, "height": height})
        await tab.go(f"/areas/{LARGE}")
        await tab.page.wait_for_selector(f'[id="{area.seats[30].id}"].occupied')
        assert await tab.page.evaluate(SMALLEST) >= 12, width
        assert await tab.page.evaluate(NARROWEST) >= (44 if width < 900 else 40), width
        wide = await tab.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, "only the plan scrolls sideways"
    # Long names have smaller type, so their plan begins nearer.
    assert await inside.stored.catalogs.replace_area(renamed)
    await inside.reference.refresh()
    for width, height in screens:
        await tab.page.set_viewport_size({"width": width, "height": height})
        await tab.page.reload()
        assert await tab.page.evaluate(SMALLEST) >= 12, width


@pytest.mark.parametrize("device", DEVICES)
async def test_the_overview_scrolls_to_hidden_parts_of_the_plan(
    opened: Open, axe: str, device: dict[str, Any]
) -> None:
    tab = await opened("21071234", **device)
    await tab.go(f"/areas/{LARGE}")
    page = tab.page
    overview = page.locator("#overview")
    box = await overview.bounding_box()
    assert box is not None
    await page.mouse.click(box["x"] + 3, box["y"] + 3)
    await page.wait_for_function(f"() => {SCROLLED}[0] === 0")
    await page.mouse.click(box["x"] + box["width"] - 3, box["y"] + box["height"] - 20)
    await page.wait_for_function(f"() => {SCROLLED}[0] > 100 && {SCROLLED}[1] > 50")
    # The whole of it, and nearer again, by one hand.
    await page.click("#whole")
    await page.wait_for_selector("#overview", state="hidden")
    for _ in range(4):
        await page.click("[aria-label=放大]")
    await overview.wait_for(state="visible")
    for button in await page.locator(".view-tools button").all():
        button_box = await button.bounding_box()
        assert button_box is not None and min(button_box["width"], button_box["height"]) >= 44
    await is_for_everybody(tab, axe, f"/areas/{LARGE}", phone=device is PHONE)


ON_TOP = """
selector => {
  const one = document.querySelector(selector), box = one.getBoundingClientRect();
  const middle = [box.left + box.width / 2, box.top + box.height / 2];
  return one.contains(document.elementFromPoint(...middle));
}
"""
"""Whether the middle of the element is under nothing else."""
LEGIBLE = """
() => {
  const name = document.querySelector(".plan-top h1"), box = name.getBoundingClientRect();
  const cut = name.scrollWidth > name.clientWidth || box.width < 60;
  const wrong = cut ? [`name ${box.width}`] : [];
  const time = document.querySelector(".at-time > summary"), place = time.getBoundingClientRect();
  if (time.scrollWidth > time.clientWidth || place.left < 0 || place.right > innerWidth) {
    wrong.push(`time ${place.left}–${place.right}`);
  }
  return wrong;
}
"""
"""What cannot be read of an area's name and of the time that its plan is of."""


OUTSIDE = """parts => [...document.querySelectorAll(parts)].filter((one) => {
  const box = one.getBoundingClientRect();
  return one.scrollWidth > one.clientWidth || box.left < 0 || box.right > innerWidth;
}).map((one) => one.textContent.trim())"""


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
async def test_a_zoom_of_400_percent_leaves_menu_and_sheet_whole(opened: Open, locale: str) -> None:
    """The window of 1280 × 800 is 320 × 200 then."""
    zoomed = {"width": 320, "height": 200}
    tab = await opened("21071234", locale=locale, viewport=zoomed)
    await tab.go("/areas/2f-hall")
    assert await tab.page.evaluate(LEGIBLE) == []
    for path, parts in (("/", ".menu a:not(.wide) span"), (SHEET, "#panel .presets button")):
        await tab.go(path)
        await tab.page.wait_for_selector(parts)
        assert await tab.page.evaluate(OUTSIDE, parts) == [], path
    await tab.page.click("#panel .panel-foot .button")
    await tab.page.wait_for_selector(".done")


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
async def test_a_plan_shows_its_area_and_time(opened: Open, locale: str) -> None:
    tab = await opened("21071234", locale=locale, **PHONE)
    for width, height in ((320, 568), (390, 844), (844, 390)):
        await tab.page.set_viewport_size({"width": width, "height": height})
        for search in ("", "?start=17:00&end=18:00"):
            await tab.go(f"/areas/{LARGE}{search}")
            assert await tab.page.evaluate(LEGIBLE) == [], (width, search)
            wide = await tab.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, search


@pytest.mark.parametrize(
    ("width", "height", "search"),
    [
        (390, 844, "?start=17:00&end=22:00"),
        (844, 390, ""),
        pytest.param(640, 400, "", marks=pytest.mark.whole),
        pytest.param(320, 568, "", marks=pytest.mark.whole),
    ],
)
async def test_what_floats_over_a_plan_is_never_covered(
    opened: Open, width: int, height: int, search: str
) -> None:
    """Also with a note over the plan and on a phone in landscape."""
    tab = await opened("21071234", **screen(width, height))
    await tab.go(f"/areas/{LARGE}{search}")
    assert await tab.page.locator(".plan-notes .lost:visible").count() == bool(search)
    floating = [".back", "#as-list", ".at-time > summary", "#nearer", "#farther", "#whole"]
    for selector in (*floating, ".go-to a >> nth=0", *(["#overview"] if height > 480 else [])):
        box = await tab.page.locator(selector).bounding_box()
        assert box is not None and box["y"] >= 0 and box["y"] + box["height"] <= height, selector
        if ">>" not in selector:
            assert await tab.page.evaluate(ON_TOP, selector), selector
    if height > 480:
        seen = await tab.page.locator(".overview-frame").bounding_box()
        inside = await tab.page.locator("#overview").bounding_box()
        assert seen is not None and inside is not None
        assert inside["y"] - 3 <= seen["y"] <= inside["y"] + inside["height"]


@pytest.mark.whole
async def test_a_plan_that_fits_the_screen_has_no_overview(opened: Open) -> None:
    tab = await opened("21071234", viewport={"width": 1920, "height": 1080})
    await tab.go("/areas/2f-hall")
    assert await tab.page.evaluate(SMALLEST) >= 12
    assert not await tab.page.locator("#overview").is_visible()


@pytest.mark.whole
async def test_classic_scrollbars_go_when_the_whole_plan_is_visible(service: Living) -> None:
    """Scrollbars of most desktops take room."""
    async with chromium(ignore_default_args=["--hide-scrollbars"]) as running:
        context = await running.new_context(locale="zh-CN", **DESKTOP)
        tab = Tab(service, context, await context.new_page())
        await tab.go("/login")
        await tab.sign_in()
        await tab.go(f"/areas/{LARGE}")
        bars = "one => [one.offsetWidth - one.clientWidth, one.offsetHeight - one.clientHeight]"
        view = tab.page.locator(".viewport")
        assert min(await view.evaluate(bars)) > 2, "they take room"
        await tab.page.click("#whole")
        assert max(await view.evaluate(bars)) == 0
        assert tab.wrong == []


@pytest.mark.whole
async def test_dragging_the_plan_with_a_mouse_selects_no_seat(opened: Open) -> None:
    tab = await opened("21071234")
    await tab.go(f"/areas/{LARGE}")
    page = tab.page
    seat = page.locator(".seat", has_text="091")
    await seat.scroll_into_view_if_needed()
    box = await seat.bounding_box()
    assert box is not None
    before = await page.evaluate(SCROLLED)
    await page.mouse.move(box["x"] + 10, box["y"] + 10)
    await page.mouse.down()
    for way in (-60, 60):  # one of them is not the plan's end
        await page.mouse.move(box["x"] + 10 + way, box["y"] + 10, steps=5)
        if await page.evaluate(SCROLLED) != before:
            break
    await page.mouse.up()
    assert await page.evaluate(SCROLLED) != before
    assert "seat=" not in page.url and await page.locator("#panel.open").count() == 0
    await seat.click()
    await page.wait_for_selector("#panel .day")


@pytest.mark.parametrize("device", DEVICES)
async def test_the_area_selector_opens_another_area(
    service: Living, opened: Open, device: dict[str, Any]
) -> None:
    """The selector shows the free seats at the same time; without scripts only the names."""
    other = await service.reader()
    await other.reserve("3f-east-001", "18:00", "20:00")
    tab = await opened("21071234", **device)
    await tab.go(f"/areas/{LARGE}?start=18:00&end=20:00")
    await tab.page.click(".switch summary")
    link = tab.page.locator(".switch [data-area='3f-east']")
    listed = await other.ok("GET", f"/areas?date={service.today}&start=18:00&end=20:00")
    free = next(one["seats_free"] for one in listed["items"] if one["id"] == "3f-east")
    await tab.page.wait_for_selector(f".switch [data-area='3f-east'] .n >> text=/^{free}$/")
    if device is PHONE:
        await tab.page.set_viewport_size({"width": 320, "height": 568})
    assert await tab.page.evaluate(OUTSIDE, ".switch nav a") == []
    await link.click()
    assert await tab.text("h1") == "三层东区"
    assert "start=18%3A00" in tab.page.url or "start=18:00" in tab.page.url
    plain: Tab = await opened("21071235", java_script_enabled=False, **device)
    await plain.go(f"/areas/{LARGE}")
    await plain.page.click(".switch summary")
    await plain.page.click(".switch >> text=三层东区")
    assert await plain.text("h1") == "三层东区"
