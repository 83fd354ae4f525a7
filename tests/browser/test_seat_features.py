"""The library's own seat features in a browser: defined, set on seats, filtered, shown, booked."""

from __future__ import annotations

from typing import Any, Final

from models.library.seat_features import SeatFeature, SeatFeatures
from tests.api.changes import with_seat
from tests.api.kiosk import CARD, carded, key_of
from tests.browser.conftest import DESKTOP, PHONE, Open, shows_everybody
from tests.living import Living

ENGLISH: Final[dict[str, Any]] = {**PHONE, "locale": "en-US"}
STAND: Final = "height-adjustable-desk-1-2-m"


async def test_two_features_are_defined_drawn_filtered_and_booked_in_english(
    service: Living, opened: Open, axe: str
) -> None:
    desk = await opened("administrator", path="/", **DESKTOP)
    for name, english, icon, filters in (
        ("台灯", "Desk lamp", "lamp", True),
        ("升降桌", "Height-adjustable desk (1.2 m)", "desk", False),
    ):
        await desk.go("/console/features")
        form = desk.page.locator("form[action='/console/features']")
        await form.locator("[name=name]").fill(name)
        await form.locator("[name=english]").fill(english)
        await form.locator(f"[name=icon][value={icon}]").check()
        await form.locator("[name=filter]").set_checked(filters)
        await form.locator("button:text-is('新增')").click()
        await desk.page.wait_for_selector(".done")
    await shows_everybody(desk, axe, "座位条件", phone=False)

    # On several seats at once; a box is half ticked if only some of them have the feature.
    await desk.go("/console/plans/2f-hall")
    drawing, fields = desk.page.locator("#drawing"), desk.page.locator("#of-seats")
    lamp, stand = (fields.locator(f"[value={id}]") for id in ("desk-lamp", STAND))
    await drawing.locator("[aria-label^='063 号']").click()
    await drawing.locator("[aria-label^='064 号']").click(modifiers=["Shift"])
    await lamp.check()
    await drawing.locator("[aria-label^='010 号']").click()
    await drawing.locator("[aria-label^='064 号']").click()
    await stand.check()
    await drawing.locator("[aria-label^='063 号']").click(modifiers=["Shift"])
    assert await lamp.is_checked() and not await stand.is_checked()
    assert await stand.evaluate("box => box.indeterminate")
    assert await drawing.locator("[aria-label^='064 号'][aria-label*='台灯 升降桌']").count() == 1
    await desk.page.click("#next")
    await desk.page.fill("[name=reason]", "新桌子")
    await desk.page.click("text=确认保存")
    await desk.page.wait_for_selector(".done")

    phone = await opened("21071234", **ENGLISH)
    page = phone.page
    await page.click(".sentence summary")
    await page.check("label:has-text('Desk lamp')")
    await page.wait_for_url("**features=desk-lamp**")
    assert await page.inner_text("[data-area='2f-hall'] .n") == "2"
    assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["viewport"]["width"]
    await page.click("[data-area='2f-hall']")
    await page.wait_for_selector("#plan .seat")
    fitting = page.locator("#plan .seat:not(.aside)")
    assert await fitting.evaluate_all("seats => seats.map((seat) => seat.dataset.no)") == [
        *("063", "064"),
    ]
    assert await page.locator(f"#plan [data-no='064'] use[href='#o-{STAND}']").count() == 1
    legend = await phone.text(".legend")
    assert "Desk lamp" in legend and "Height-adjustable desk (1.2 m)" in legend
    assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["viewport"]["width"]
    await shows_everybody(phone, axe, "a plan with own features", phone=True)
    await page.set_viewport_size(PHONE["viewport"])
    await page.click("#as-list")
    assert "Desk lamp, Height-adjustable desk (1.2 m)" in await phone.text("#list")
    await page.click("#as-list")
    await page.click("#plan [data-no='064']")
    await page.wait_for_selector("#panel .day")
    having = page.locator("#panel .panel-head p").last
    marks = "Socket\xa0· Window\xa0· Desk lamp\xa0· Height-adjustable desk (1.2 m)"
    assert (await having.inner_text()).endswith(marks)
    assert await having.evaluate("line => line.scrollWidth <= line.clientWidth"), "not cut off"
    assert not {*"台灯升降桌电源"} & {*await page.inner_text("body")}
    await page.click("#panel .panel-foot .button")
    await page.wait_for_selector(".done >> text=Booked")


async def test_a_kiosk_names_the_features_of_the_library(service: Living, opened: Open) -> None:
    await carded(service)
    catalogs = service.inside.stored.catalogs
    lamp = SeatFeature("desk-lamp", {"zh": "台灯", "en": "Desk lamp"}, "lamp")
    assert await catalogs.replace_features(SeatFeatures((lamp,), 1))
    await with_seat(service, features=("desk-lamp",))
    key = await key_of(service, "2f-south")
    tab = await opened(path=f"/kiosk/2f-south#key={key}")
    await tab.page.wait_for_selector("#code svg")
    await tab.page.keyboard.type(CARD)
    await tab.page.keyboard.press("Enter")
    await tab.page.click("#touch button:has-text('二层中厅')")
    await tab.page.click("#touch [data-no='065']")
    await tab.page.wait_for_selector("#touch .foot >> text=电源 · 靠窗 · 台灯")
