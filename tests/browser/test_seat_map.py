"""A plan in two browsers, by keyboard alone, and over a lost connection."""

from __future__ import annotations

from typing import Any

from models.library.entities import AreaId
from models.library.rooms import RoomPlace
from tests.api.rooms import SMALL, book, put_on_plan
from tests.browser.conftest import PHONE, Open
from tests.browser.long_names import with_long_names
from tests.living import Living

SEEN_WITHIN_MS = 1000


async def test_a_booking_appears_at_once_in_another_browser(service: Living, opened: Open) -> None:
    """A third browser, whose view is late, gets a friendly refusal. A study room that is taken
    follows, with or without the stream of events, and leads to its page."""
    await put_on_plan(service, RoomPlace(AreaId("2f-hall"), 20, 250, 120, 70))
    first, second, late = [await opened(f"2107000{n}") for n in range(3)]
    await late.page.route("**/events*", lambda route: route.abort())
    for tab in (first, second, late):
        await tab.page.click('[data-area="2f-hall"]')
        await tab.page.wait_for_selector("#plan")
        await tab.page.click('[id="2f-hall-065"]')
        await tab.page.wait_for_selector("#panel .panel-foot .button")
    assert await second.text("#free") == "68"
    await first.page.click("#panel .panel-foot .button")
    await second.page.wait_for_selector('[id="2f-hall-065"].occupied', timeout=SEEN_WITHIN_MS)
    await first.page.wait_for_selector(".done")
    assert await second.text("#free") == "67"
    # The panel has followed: nothing stands ready that is gone.
    await second.page.wait_for_selector("#panel >> text=现在 开始的时间没有了")
    assert await second.page.locator("#panel .panel-foot .button").count() == 0

    await second.page.wait_for_selector(".plan-room.free >> text=空闲")
    booker = await service.reader()
    made = await book(service, booker, start="now", end="18:00")
    await second.page.wait_for_selector(".plan-room.taken >> text=已约")
    await second.page.route("**/events*", lambda route: route.abort())
    await booker.ok("POST", f"/room-bookings/{made['id']}/cancel")
    await second.page.evaluate("dispatchEvent(new Event('online'))")
    await second.page.wait_for_selector(".plan-room.free >> text=空闲")
    await second.page.click(".plan-room")
    await second.page.wait_for_url(f"**/rooms/{SMALL}?date={service.today}")

    late.expected = {409}
    await late.choose(end="19:00")
    await late.page.click("#panel .panel-foot .button")
    assert "已被预约" in await late.text(".refusal")
    assert await late.text("#panel h2") == "065 号"
    assert await late.page.locator("#panel .panel-foot .button").count() == 0
    near = await late.page.locator(".refusal .chip").all_inner_texts()
    assert len(near) == 3 and near[0] in ("064 号", "066 号")
    await late.page.click(".refusal .chip >> nth=0")
    await late.page.wait_for_selector(f"#panel h2 >> text={near[0]}")
    assert await late.times() == ("现在", "19:00"), "the chosen end stays"
    await late.page.click("#panel .panel-foot .button")
    assert await late.text(".done") == "预约成功"


async def test_a_seat_is_booked_by_keyboard_alone(opened: Open) -> None:
    tab = await opened("21071234")
    page = tab.page
    await page.focus('[data-area="2f-hall"]')
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#plan")
    await page.focus('#plan .seat[tabindex="0"]')
    focused = "document.activeElement.id"
    began = await page.evaluate(focused)
    await page.keyboard.press("ArrowRight")
    assert await page.evaluate(focused) != began
    await page.keyboard.press("ArrowLeft")
    assert await page.evaluate(focused) == began
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#panel .panel-foot .button")
    assert await page.evaluate(focused) == "panel"
    await page.keyboard.press("Escape")
    await page.wait_for_selector("#panel .panel-foot .button", state="detached")
    assert await page.evaluate(focused) == began
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#panel .panel-foot .button")
    for _ in range(20):
        await page.keyboard.press("Tab")
        if str(await page.evaluate("document.activeElement.innerText")).startswith("预约 "):
            break
    await page.keyboard.press("Enter")
    assert await tab.text(".done") == "预约成功"


async def test_a_reload_keeps_the_choice_and_back_closes_the_sheet(opened: Open) -> None:
    tab = await opened("21071234", **PHONE)
    page = tab.page
    await page.click('[data-area="2f-hall"]')
    await page.click('[id="2f-hall-063"]')
    await page.wait_for_selector("#panel .panel-foot .button")
    await tab.choose("19:00", "21:00")
    await page.reload()
    assert await tab.times() == ("19:00", "21:00"), "nothing chosen was lost"
    await page.click('[id="2f-hall-062"]')
    await page.wait_for_selector('#panel h2 >> text="062 号"')
    assert await tab.times() == ("19:00", "21:00")
    # Whatever was chosen, one press of Back closes the sheet.
    await page.go_back()
    await page.wait_for_selector("#panel .panel-foot .button", state="detached")
    assert page.url.endswith("/areas/2f-hall") or "seat=" not in page.url
    # So does a tap beside it.
    await page.click('[id="2f-hall-063"]')
    await page.wait_for_selector("#panel .panel-foot .button")
    await page.locator(".viewport").click(position={"x": 6, "y": 6})
    await page.wait_for_selector("#panel .panel-foot .button", state="detached")


async def test_a_lost_connection_is_shown_until_it_is_restored(
    service: Living, opened: Open
) -> None:
    tab = await opened("21071234")
    await tab.page.click('[data-area="2f-hall"]')
    await tab.page.wait_for_selector("#plan")
    await tab.context.set_offline(True)
    await tab.page.wait_for_selector("#lost:visible")
    other = await service.reader()
    await other.reserve("2f-hall-064", "17:00", "18:00")
    await other.ok("POST", "/reservations", {
        "seat_id": "2f-hall-063", "date": service.today, "start": "now", "end": "17:00",
    })  # fmt: skip
    await tab.context.set_offline(False)
    await tab.page.wait_for_selector('[id="2f-hall-063"].occupied')
    await tab.page.wait_for_selector("#lost", state="hidden")


async def test_the_panel_shows_the_seat_chosen_last(opened: Open) -> None:
    """The answer for the seat chosen before arrives late."""
    tab = await opened("21071234")
    page = tab.page
    await page.click('[data-area="2f-hall"]')
    held: list[Any] = []

    async def hold(route: Any) -> None:
        held.append(route)

    await page.route("**/areas/2f-hall?*seat=2f-hall-041*", hold)
    await page.click('[id="2f-hall-041"]')
    await page.wait_for_function("() => document.querySelector('#panel').ariaBusy === 'true'")
    await page.click('[id="2f-hall-042"]')
    await page.wait_for_selector('#panel h2 >> text="042 号"')
    async with page.expect_response("**seat=2f-hall-041*"):
        await held[0].continue_()
    await page.evaluate("new Promise(requestAnimationFrame)")
    assert await tab.text("#panel h2") == "042 号"
    assert await page.input_value("#panel [name=seat_id]") == "2f-hall-042"


async def test_seats_have_accessible_names(opened: Open) -> None:
    tab = await opened("21071234")
    await tab.page.click('[data-area="2f-hall"]')
    seat = tab.page.locator('[id="2f-hall-065"]')
    name = await seat.get_attribute("aria-label")
    assert name == "065号 当前无人，可用至 22:30，电源，靠窗"
    await tab.page.click("#as-list")
    assert not await tab.page.locator("#overview").is_visible(), "it lies over no row"
    rows = tab.page.locator("#list a")
    assert await rows.count() == 68
    assert await rows.filter(has_text="065号").inner_text() == name
    await rows.filter(has_text="065号").click()
    await tab.page.wait_for_selector("#panel .panel-foot .button")


async def test_a_long_name_stays_inside_its_seat(service: Living, opened: Open) -> None:
    """A seat with its back at the side is 30 wide, any other 40."""
    await with_long_names(service)
    tab = await opened("21071234")
    await tab.go("/areas/2f-hall")
    assert await tab.page.locator("#plan [href='#faces-l']").count()
    outside = await tab.page.evaluate("""[...document.querySelectorAll("#plan a.seat")]
      .filter((one) => one.querySelector("text").getBBox().width
        > (/[lr]$/.test(one.querySelector("use").getAttribute("href")) ? 30 : 40))
      .map((one) => one.dataset.no)""")
    assert outside == []
