"""Kiosks and query terminals at the sizes of their screens, with names as long as they may be."""

from __future__ import annotations

from itertools import product
from typing import Final

import pytest

from tests.api.kiosk import CARD, carded, key_of
from tests.browser.conftest import Open, shows_everybody, sizes
from tests.browser.long_names import (
    with_floors,
    with_long_names,
    with_long_words,
    with_one_long_name,
)
from tests.browser.what_is_cut import BROKEN, COVERED, CUT, NEAR
from tests.living import Living

FIRST_SIZE: Final = (1280, 800)
OTHER_SIZES: Final = ((1080, 1920), (1920, 1080), (1080, 720), (480, 800))
TERMINAL_SIZES: Final = (
    *((1280, 800), (1080, 1920), (1920, 1080)),
    *((480, 800), (800, 480), (400, 480)),
)
UNDER_FLOORS: Final = """[...document.querySelectorAll("#free li:not([hidden])")].map((row) => [
  row.closest("section").querySelector("h3").textContent, row.querySelector("span").textContent,
])"""
LATER: Final = """(real => { Date.now = () => real() + 9000 })(Date.now);
document.dispatchEvent(new Event("pointerdown"))"""
CODE: Final = """() => {
  const box = document.querySelector("#code svg")?.getBoundingClientRect();
  return box?.width ? box.toJSON() : null;
}"""
"""The place of the code, once it is there."""
TYPE: Final = "one => parseFloat(getComputedStyle(one).fontSize)"


@pytest.mark.parametrize(
    "screens",
    [
        pytest.param((FIRST_SIZE,), id="first"),
        pytest.param(OTHER_SIZES, id="others", marks=pytest.mark.whole),
    ],
)
async def test_a_kiosk_shows_each_area_under_its_floor_and_cuts_off_nothing(
    service: Living, opened: Open, screens: tuple[tuple[int, int], ...]
) -> None:
    """Floors that find no room take turns."""
    await with_floors(service, range(5, 8))
    await with_long_names(service)
    catalog = service.inside.reference.catalog
    areas = [a for a in catalog.bookable_areas if a.venue_id == "library"]
    expected = [[str(catalog.venues[a.venue_id].floor(a.floor).name), a.name] for a in areas]
    tab = await opened(path=f"/kiosk/2f-north#key={await key_of(service, '2f-north')}")
    page = tab.page
    for query, (width, height) in product(("", "?language=en"), screens):
        await page.set_viewport_size({"width": width, "height": height})
        await tab.go(f"/kiosk/2f-north{query}")
        await page.wait_for_selector("#code svg")
        await page.evaluate("document.getElementById('digits').textContent = '482 913'")
        await page.evaluate("dispatchEvent(new Event('resize'))")
        pages = int((await tab.text("#turn") or "1 / 1").split("/")[1])
        seen = list[list[str]]()
        for turn in range(1, pages + 1):
            if pages > 1:
                await page.wait_for_selector(f"#turn >> text={turn} / {pages}")
            for problems in (CUT, COVERED, NEAR):
                assert await page.evaluate(problems) == [], (query, width, height)
            seen += await page.evaluate(UNDER_FLOORS)
            await page.evaluate(LATER)
        assert seen == expected, (query, width, height)
        # While the floors took turns it may have ended; the next one comes by itself.
        code = await (await page.wait_for_function(CODE)).json_value()
        assert min(code["width"], code["height"]) > 0.25 * min(width, height)


@pytest.mark.whole
async def test_a_query_terminal_has_its_words_beside_or_below_its_code(
    service: Living, opened: Open
) -> None:
    await with_long_names(service)
    tab = await opened(path=f"/kiosk/3f-north#key={await key_of(service, '3f-north')}")
    page = tab.page
    for width, height in TERMINAL_SIZES:
        await page.set_viewport_size({"width": width, "height": height})
        await page.reload()
        await page.wait_for_selector("#code svg")
        await page.evaluate("document.getElementById('digits').textContent = '482 913'")
        for problems in (CUT, COVERED, NEAR):
            assert await page.evaluate(problems) == [], (width, height)
        assert await page.evaluate("document.documentElement.scrollHeight") <= height
        code, digits = [await page.locator(f"#{id}").bounding_box() for id in ("code", "digits")]
        assert code is not None and digits is not None
        if width > height:
            assert code["x"] + code["width"] < digits["x"] and code["height"] > height / 2
        else:
            assert code["y"] + code["height"] < digits["y"]


@pytest.mark.whole
@pytest.mark.parametrize(("width", "height"), (FIRST_SIZE, *OTHER_SIZES))
async def test_what_a_card_opens_is_whole_and_its_buttons_stand_apart(
    service: Living, opened: Open, axe: str, width: int, height: int
) -> None:
    """From the areas to a refusal; what a finger scrolls may stand below the screen."""
    await carded(service)
    await with_floors(service, range(5, 8))
    await with_long_names(service)
    path = f"/kiosk/2f-south#key={await key_of(service, '2f-south')}"
    tab = await opened(path=path, viewport={"width": width, "height": height})
    page = tab.page
    await page.wait_for_selector("#code svg")
    await page.keyboard.type(CARD)
    await page.keyboard.press("Enter")
    for touched, ready in (
        ("", "#touch .areas"),
        (".areas button >> nth=1", "#touch .seat.free"),
        ("[data-no^='065']", "#touch .ends"),
        (".foot > button", "#touch.done"),
        (".two button >> nth=0", "#touch .pass"),
        (".large button:text-is('结束')", "#touch .bad"),
    ):
        if touched:
            await page.click(f"#touch {touched}")
        await page.wait_for_selector(ready)
        for problems in (CUT, NEAR):
            assert await page.evaluate(problems) == [], ready
        if (width, height) == FIRST_SIZE:
            await shows_everybody(tab, axe, ready, phone=False)
        last = page.locator("#touch button:visible").last
        await last.scroll_into_view_if_needed()
        box = await last.bounding_box()
        assert box is not None and box["y"] + box["height"] <= height
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("width", "height"), sizes((1920, 1080), (1080, 1920), (1280, 800)))
async def test_one_long_name_leaves_the_others_as_large_and_long_words_break_at_syllables(
    service: Living, opened: Open, width: int, height: int
) -> None:
    tab = await opened(
        path=f"/kiosk/2f-south#key={await key_of(service, '2f-south')}",
        viewport={"width": width, "height": height},
    )
    page, large = tab.page, list[float]()
    for _ in range(2):
        await page.reload()
        await page.wait_for_selector("#code svg")
        large.append(await page.locator("#free li:visible b").first.evaluate(TYPE))
        await with_one_long_name(service)
    small = await page.locator("#free span:visible", has_text="Wirtschaft").evaluate(TYPE)
    assert large[1] > 0.75 * large[0] and 0.5 <= small / large[1] < 0.8, (large, small)
    assert await page.evaluate(CUT) == []
    await with_long_words(service)
    await page.reload()
    await page.wait_for_selector("#code svg")
    assert await page.locator("#free span", has_text="Zweigbibl.").count() == 6
    assert await page.evaluate(BROKEN, "#free span, #free h3") == []
    assert await page.evaluate(CUT) == []
    await carded(service)
    await page.keyboard.type(CARD)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#touch .areas")
    assert await page.evaluate(BROKEN, "#touch .areas button, #touch .floor h2") == []
    assert await page.evaluate(CUT) == []
