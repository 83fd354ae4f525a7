"""The readers' pages in English: nothing is covered or cut off, and a seat is booked."""

from __future__ import annotations

from typing import Any, Final

import pytest

from models.identity.roles import Role
from tests.api.changes import with_rules
from tests.api.console import staff
from tests.api.floor_files import confirm, hidden_plans, upload
from tests.api.kiosk import CARD, carded, key_of
from tests.api.library_profile import save
from tests.browser.booking_sheet import COVERED, STANDS_STILL
from tests.browser.conftest import DESKTOP, NAMES_OF_SIZES, READER_SIZES, Open, shows_everybody
from tests.living import Living

SEAT: Final = "2f-hall-063"
ENGLISH: Final = {"locale": "en-US"}
OTHERS: Final = ("/", "/?start=18:00&end=20:00", "/reservations", "/rules", "/draws", "/rooms")
MAPS: Final = ("/console/seats?area=1f-1", "/console/plans/1f-1")
BESIDE_SEATS: Final = """[...document.querySelectorAll(".seat")].filter((seat) => {
  const name = seat.querySelector("text")?.getBoundingClientRect();
  const box = seat.querySelector("rect, use").getBoundingClientRect();
  return name && (name.left < box.left || name.right > box.right);
}).map((seat) => seat.textContent)"""
FIRST_COLUMN: Final = """Math.max(0, ...[...document.querySelectorAll(
  ":is(td, th[scope=row]):first-child")].map((one) => one.offsetWidth))"""
"""The width of a table's first column, beside which others have room."""
TOUCHING: Final = """[...document.querySelectorAll("#free li")].filter((row) => {
  const name = document.createRange(), number = row.querySelector("b");
  name.setStart(row, 0);
  name.setEndBefore(number);
  return name.getBoundingClientRect().right > number.getBoundingClientRect().left - 4;
}).map((row) => row.textContent)"""


@pytest.mark.parametrize("size", NAMES_OF_SIZES)
async def test_a_seat_is_booked_in_english(
    service: Living, opened: Open, axe: str, size: str
) -> None:
    device: dict[str, Any] = {**READER_SIZES[size], **ENGLISH}
    tab = await opened("21071234", **device)
    page = tab.page
    assert await page.get_attribute("html", "lang") == "en"
    assert "Most seats are free here" in await tab.text(".hero")
    if size in ("1280", "375"):
        await shows_everybody(tab, axe, "/ in English", phone=size != "1280")
        await page.set_viewport_size(device["viewport"])
    await tab.go(f"/areas/2f-hall?seat={SEAT}")
    await page.wait_for_selector("#panel .day")
    await page.wait_for_function(STANDS_STILL)
    for selector in ("#panel .presets button", "#panel .panel-foot .button"):
        assert await page.evaluate(COVERED, selector) == [], selector
    assert await tab.times() == ("Now", "18:00")
    assert await tab.text("#panel .panel-foot .button") == "Book No. 063 · Now–18:00"
    if size in ("1280", "375"):
        await shows_everybody(tab, axe, "a seat in English", phone=size != "1280")
        await page.set_viewport_size(device["viewport"])
    await tab.go(f"/seats/{SEAT}/fault")
    await page.set_viewport_size({"width": 320, "height": 640})
    assert await page.evaluate("document.documentElement.scrollWidth") == 320
    await page.set_viewport_size(device["viewport"])
    await page.go_back()
    await page.click("#panel .panel-foot .button")
    await page.wait_for_selector(".done >> text=Booked")
    assert "Check in before 16:38" in await tab.text(".pass")
    await page.click(".pass >> text=Cancel")
    await page.click("dialog >> text=Cancel it")
    await page.wait_for_selector(".done >> text=Booking cancelled")


async def test_the_language_can_be_switched(service: Living, opened: Open) -> None:
    """By the link at the head of a page, on a phone under 我的; the choice persists."""
    tab = await opened("21071234", **DESKTOP)
    await tab.page.click(".bar >> text=English")
    await tab.page.wait_for_selector("h1 >> text=Choose a seat")
    await tab.go("/notices")
    assert "Messages" in await tab.text("#main")
    phone = await opened("21071235", **{**READER_SIZES["390"], **ENGLISH})
    await phone.go("/me")
    await phone.page.click("#main >> text=中文")
    await phone.page.wait_for_selector("html[lang^=zh]")
    await phone.go("/notices")
    await phone.page.wait_for_selector("h2 >> text=消息")


async def test_long_names_widen_no_page(service: Living, opened: Open) -> None:
    """A word that is longer than a phone's line breaks, in both languages and in the console; the
    name of a seat stays on the seat."""
    head = await staff(service, Role.ADMINISTRATOR)
    room, seat = "Wirtschaftswissenschaftlicher Lesesaal N", "Carrel-Nord-Ost-0003"
    table = f"area,floor,seat,row,column\n{room},1,{seat},1,1\n{room},1,{seat[:-1]}4,1,2\n"
    table += f"{room},1,{seat[:-1]}5,1,3\n"
    title = "Sitzplatzreservierungssystem der Staats- und Universitätsbibliothek Niedersachs."
    assert (len(title), len(room), len(seat)) == (80, 40, 20), "the longest that are accepted"
    assert (await save(service, head, title=title)).status == 303
    preview = await upload(service, head, table, venue="library")
    assert (await confirm(service, head, hidden_plans(preview.body))).status == 303
    await with_rules(service, party_share_percent=100)
    together = "/together?seat=1f-1-scarrelnordost0004&start=now&end=18:00"
    small = {**READER_SIZES["390"], "viewport": {"width": 320, "height": 640}}
    chinese = await opened("21071234", **small)
    await chinese.go("/areas/1f-1?seat=1f-1-scarrelnordost0003")
    await chinese.page.click("#panel .panel-foot .button")
    await chinese.page.wait_for_selector(".done")
    here = chinese.page.url.removeprefix(service.base).partition("?")[0]
    english = await opened("21071234", **small, **ENGLISH)
    for tab in (chinese, english):
        for path in (*OTHERS, here, together):
            await tab.go(path)
            wide = await tab.page.evaluate("document.documentElement.scrollWidth")
            assert wide == 320, path
    other = await opened("21071235", **small)
    await other.go("/areas/1f-1")
    await other.page.wait_for_selector("#plan .occupied")
    assert await other.page.evaluate(BESIDE_SEATS) == []
    desk = await opened("administrator", **small)
    for path in ("/console", "/console/rules", f"/console{here}", *MAPS):
        await desk.go(path)
        assert await desk.page.evaluate("document.documentElement.scrollWidth") == 320, path
        assert await desk.page.evaluate(BESIDE_SEATS) == [], path
        assert await desk.page.evaluate(FIRST_COLUMN) <= 160, path
    await desk.go("/console/seats?area=1f-1")
    width = await desk.page.evaluate("document.querySelector('.patrol .grow').offsetWidth")
    assert width > 40, "the reader stands beside the seat's name"
    kiosk = await opened(path=f"/kiosk/2f-north#key={await key_of(service, '2f-north')}")
    await kiosk.page.wait_for_selector("#free li")
    assert await kiosk.page.evaluate(TOUCHING) == []
    await carded(service)
    await kiosk.page.keyboard.type(CARD)
    await kiosk.page.keyboard.press("Enter")
    chosen = kiosk.page.locator("#touch button:has-text('Lesesaal N')")
    assert await chosen.evaluate("one => one.scrollWidth <= one.clientWidth")
    await chosen.click()
    await kiosk.page.wait_for_selector(f"#touch [aria-label='{seat}']")
    view = kiosk.page.locator("#touch .view")
    assert await view.evaluate("view => view.scrollTop") == 0, "the first row is whole"
    assert await kiosk.page.evaluate(BESIDE_SEATS) == []


async def test_language_and_colours_are_chosen_on_a_desktop(opened: Open) -> None:
    tab = await opened("21071236")
    await tab.go("/me")
    await tab.page.click("[name=theme][value=dark]")
    await tab.page.wait_for_selector("html[data-theme=dark]")
    await tab.page.click("[name=language][value=en]")
    await tab.page.wait_for_selector("h2 >> text=How we reach you")
