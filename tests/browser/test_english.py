"""The readers' pages in English: nothing is covered or cut off, and a seat is booked."""

from __future__ import annotations

from typing import Any, Final

import pytest

from models.identity.roles import Role
from tests.api.console import staff
from tests.api.floor_files import confirm, hidden_plans, upload
from tests.browser.booking_sheet import COVERED, STANDS_STILL
from tests.browser.conftest import DESKTOP, NAMES_OF_SIZES, READER_SIZES, Open, shows_everybody
from tests.living import Living

SEAT: Final = "2f-hall-063"
ENGLISH: Final = {"locale": "en-US"}


@pytest.mark.parametrize("size", NAMES_OF_SIZES)
async def test_a_seat_is_booked_in_english(
    service: Living, opened: Open, axe: str, size: str
) -> None:
    device: dict[str, Any] = {**READER_SIZES[size], **ENGLISH}
    tab = await opened("21071234", **device)
    page = tab.page
    assert await page.get_attribute("html", "lang") == "en"
    assert "most seats are free here" in await tab.text(".proposed")
    if size in ("1280", "375"):
        await shows_everybody(tab, axe, "/ in English", phone=size != "1280")
        await page.set_viewport_size(device["viewport"])
    await tab.go(f"/areas/2f-hall?seat={SEAT}")
    await page.wait_for_selector("#panel .when")
    await page.wait_for_function(STANDS_STILL)
    for selector in ("#panel .stepper", "#panel .panel-foot .sum", "#panel .panel-foot .button"):
        assert await page.evaluate(COVERED, selector) == [], selector
    assert await tab.times() == ("Now", "18:00")
    assert await tab.text("#panel .sum") == "Now–18:00 · 1 h 52 min"
    if size in ("1280", "375"):
        await shows_everybody(tab, axe, "a seat in English", phone=size != "1280")
        await page.set_viewport_size(device["viewport"])
    await tab.go(f"/seats/{SEAT}/fault")
    await page.set_viewport_size({"width": 320, "height": 640})
    assert await page.evaluate("document.documentElement.scrollWidth") == 320
    await page.set_viewport_size(device["viewport"])
    await page.go_back()
    await page.click("text=Book now")
    await page.wait_for_selector(".done >> text=Booked")
    assert "Check in before 16:38" in await tab.text(".now")
    await page.click(".now >> text=Cancel")
    await page.click("dialog >> text=Cancel it")
    await page.wait_for_selector(".done >> text=Booking cancelled")


async def test_the_language_can_be_switched(service: Living, opened: Open) -> None:
    """By the link at the head of a page, on a phone under 我的; the choice persists."""
    tab = await opened("21071234", **DESKTOP)
    await tab.page.click(".bar >> text=English")
    await tab.page.wait_for_selector("h1 >> text=Choose a seat")
    await tab.go("/me")
    assert "Messages" in await tab.text("#main")
    phone = await opened("21071235", **{**READER_SIZES["390"], **ENGLISH})
    await phone.go("/me")
    await phone.page.click("#main >> text=中文")
    await phone.page.wait_for_selector("h2 >> text=消息")


async def test_long_names_widen_no_page(service: Living, opened: Open) -> None:
    """A word longer than a phone's line wraps, in both languages."""
    head = await staff(service, Role.ADMINISTRATOR)
    room, seat = "Wirtschaftswissenschaftlicher Lesesaal", "Carrel Nord 003"
    table = f"area,floor,seat,row,column\n{room},1,{seat},1,1\n"
    preview = await upload(service, head, table, venue="library")
    assert (await confirm(service, head, hidden_plans(preview.body))).status == 303
    small = {**READER_SIZES["390"], "viewport": {"width": 320, "height": 640}}
    chinese = await opened("21071234", **small)
    await chinese.go("/areas/1f-1?seat=1f-1-scarrelnord003")
    await chinese.page.click("text=立即预约")
    await chinese.page.wait_for_selector(".done")
    here = chinese.page.url.removeprefix(service.base).partition("?")[0]
    english = await opened("21071234", **small, **ENGLISH)
    for tab in (chinese, english):
        for path in ("/", "/?start=18:00&end=20:00", "/reservations", here, "/rules"):
            await tab.go(path)
            wide = await tab.page.evaluate("document.documentElement.scrollWidth")
            assert wide == 320, path
