"""The panel of a seat: times and button are visible at every size, the choice is kept, and
obstacles are shown first."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest

from handlers.http.keys import SITE
from models.library.entities import AreaId
from tests.api.changes import with_rules
from tests.browser.booking_sheet import COVERED, STANDS_STILL
from tests.browser.conftest import (
    DESKTOP,
    DEVICES,
    PHONE,
    Open,
    Tab,
    is_for_everybody,
    screen,
    sizes,
)
from tests.browser.long_names import with_long_names
from tests.living import Living

SEAT = "2f-hall-063"
SIZES = sizes(
    (390, 664),
    (1280, 800),
    (1280, 720),
    (640, 400),
    (390, 844),
    (375, 553),
    (360, 740),
    (844, 390),
)
"""Of a desktop, the same at 200 %, and of phones, one of them on its side."""
DRAWN = ("#panel .track", "#panel .presets", "#panel .panel-foot .button")
BUTTON = "#panel .panel-foot .button"


async def open_seat(opened: Open, number: str = "21071234", **options: Any) -> Tab:
    tab = await opened(number, **options)
    await tab.go(f"/areas/2f-hall?seat={SEAT}")
    await tab.page.wait_for_selector("#panel .day")
    return tab


@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_both_times_and_the_button_are_visible_at_every_size(
    service: Living, opened: Open, width: int, height: int
) -> None:
    """In the morning there are the most starts; no scrolling is needed."""
    await service.move(timedelta(hours=17, minutes=6))  # Tuesday, 09:14
    tab = await open_seat(opened, **screen(width, height))
    assert await tab.times() == ("现在", "11:00")
    await tab.page.wait_for_function(STANDS_STILL)
    for selector in DRAWN:
        part = tab.page.locator(selector).first
        box = await part.bounding_box()
        assert box is not None, selector
        assert box["x"] >= 0 and box["x"] + box["width"] <= width, selector
        assert box["y"] >= 0 and box["y"] + box["height"] <= height, selector
    for selector in ("#panel .presets button", BUTTON):
        assert await tab.page.evaluate(COVERED, selector) == [], selector
    for end in await tab.page.locator("#panel .presets button").all():
        wide = "one => one.scrollWidth - one.clientWidth"
        assert await end.evaluate(wide) == 0, "an end fits into its button"
    await tab.page.click("#panel .presets >> text=到 10:00")
    assert await tab.times() == ("现在", "10:00")
    assert await tab.text(BUTTON) == "预约 063 号 · 现在–10:00"
    await tab.page.click("#panel .panel-foot .button")
    await tab.page.wait_for_selector(".done >> text=预约成功")


@pytest.mark.parametrize(("width", "height"), sizes((320, 568), (844, 390)))
async def test_the_longest_names_leave_the_ends_and_the_button_in_view(
    service: Living, opened: Open, width: int, height: int
) -> None:
    """In both languages; what explains may stand below, where the sheet scrolls to it."""
    await with_long_names(service)
    for locale in ("zh-CN", "en-GB"):
        tab = await open_seat(opened, locale=locale, **screen(width, height))
        await tab.page.wait_for_function(STANDS_STILL)
        assert await tab.page.locator("#panel .presets button").count() == 4
        for n in range(1, 5):
            end = f"#panel .presets button:nth-child({n})"
            assert await tab.page.evaluate(COVERED, end) == [], (locale, n)
        assert await tab.page.evaluate(COVERED, BUTTON) == [], locale
        last = tab.page.locator("#panel .panel-foot .state")
        await last.scroll_into_view_if_needed()
        assert await tab.page.evaluate(COVERED, "#panel .panel-foot .state") == [], locale


@pytest.mark.parametrize("size", DEVICES)
async def test_a_time_is_chosen_by_touch_and_by_step_buttons(
    service: Living, opened: Open, size: dict[str, Any]
) -> None:
    other = await service.reader()
    await other.reserve(SEAT, "19:00", "20:00")
    tab = await open_seat(opened, **size)
    page = tab.page
    assert await tab.choices("start") == ["现在", "17:00", "18:00", "20:00", "21:00", "22:00"]
    await tab.choose("17:00", "18:00")
    assert await tab.text(BUTTON) == "预约 063 号 · 17:00–18:00"
    assert "16:30–17:30" in await tab.text("#panel [data-sign-in-by]")
    # Another start keeps the length where it can; an end stops at what others have.
    await page.click("#panel .presets >> text=选时间")
    await page.select_option("#panel .exactly select >> nth=0", label="18:00")
    assert await tab.times() == ("18:00", "19:00")
    assert await page.locator("#panel .exactly select >> nth=1 >> option").count() == 1
    assert await page.locator("#panel .piece.taken").count() >= 1
    ends = await page.locator("#panel .presets [aria-pressed]").all_inner_texts()
    assert ends == ["到 19:00\n最长 1 小时"]
    # A tap on the bar moves the nearer time; a handle follows the finger and stops where it must.
    track = await page.locator("#panel .track").bounding_box()
    assert track is not None
    minute = track["width"] / (15.5 * 60)  # 07:00–22:30
    await page.mouse.click(track["x"] + (21.1 - 7) * 60 * minute, track["y"] + 10)
    assert await tab.times() == ("18:00", "19:00")
    handle = await page.locator("#panel .handle.start").bounding_box()
    assert handle is not None
    await page.mouse.move(handle["x"] + 22, handle["y"] + 22)
    await page.mouse.down()
    await page.mouse.move(track["x"] + (21 - 7) * 60 * minute, track["y"] + 60, steps=6)
    await page.mouse.up()
    assert await tab.times() == ("21:00", "22:00")
    query = parse_qs(urlparse(page.url).query)
    assert (query["begin"], query["until"]) == (["21:00"], ["22:00"]), "a reload loses nothing"
    await page.click("#panel .panel-foot .button")
    assert "21:00–22:00" in await tab.text(".pass")


async def test_another_readers_booking_shortens_the_times_in_the_open_panel(
    service: Living, opened: Open
) -> None:
    tab = await open_seat(opened)
    await tab.choose("现在", "20:00")
    other = await service.reader()
    await other.reserve(SEAT, "18:00", "19:00")
    await tab.page.wait_for_selector("#panel .handle.end[aria-valuemax='1080']")
    assert await tab.times() == ("现在", "18:00"), "the longest of what is left"


# --- what is chosen survives --------------------------------------------------------------------


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "none"])
async def test_a_signed_out_reader_returns_to_the_choice_after_signing_in(
    service: Living, opened: Open, scripts: bool
) -> None:
    if scripts:
        tab = await open_seat(opened)
        await tab.choose("18:00", "20:00")
    else:
        path = f"/areas/2f-hall?seat={SEAT}&begin=18:00"
        tab = await opened("21071234", java_script_enabled=False, **DESKTOP)
        await tab.go(path)
        await tab.page.check('input[name=end][value="20:00"]', force=True)
    tab.expected = {401}
    await tab.context.clear_cookies(name=service.app[SITE].session_cookie)
    # The campus still knows the reader, and sends them back at once.
    async with tab.page.expect_response("**/login?next=*"):
        await tab.page.click("#panel .panel-foot .button")
    await tab.page.wait_for_url("**/areas/2f-hall?**")
    await tab.page.wait_for_load_state()
    query = parse_qs(urlparse(tab.page.url).query)
    assert (query["seat"], query["begin"], query["until"]) == ([SEAT], ["18:00"], ["20:00"])
    assert "还没有预约" in await tab.text("#panel")
    await tab.page.click(BUTTON)
    await tab.page.wait_for_selector(".done >> text=预约成功")
    assert "18:00–20:00" in await tab.text(".pass")


async def test_without_a_network_the_choice_is_kept_and_sent_later(
    service: Living, opened: Open
) -> None:
    tab = await open_seat(opened)
    await tab.choose("18:00", "20:00")
    await tab.context.set_offline(True)
    await tab.page.click("#panel .panel-foot .button")
    await tab.page.wait_for_selector("#panel .panel-foot >> text=没有网络，恢复后自动再试")
    assert await tab.times() == ("18:00", "20:00")
    await tab.context.set_offline(False)
    await tab.page.wait_for_selector(".done >> text=预约成功")


async def test_a_booking_with_a_lost_answer_is_repeated_under_the_same_key(
    service: Living, opened: Open
) -> None:
    """The booking succeeded without an answer: the repeated request returns it and makes no second
    one."""
    reader = await service.web_reader()
    tab = await open_seat(opened, reader.number)
    sent = list[dict[str, list[str]]]()

    async def lose(route: Any) -> None:
        sent.append(parse_qs(route.request.post_data))
        if len(sent) == 1:
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await tab.page.route("**/reserve", lose)
    await tab.page.click("#panel .panel-foot .button")
    await tab.page.click("#panel button >> text=再试一次")
    await tab.page.wait_for_selector(".done >> text=预约成功")
    assert sent[0]["key"] == sent[1]["key"] and sent[1]["repeat"] == ["1"]
    assert (await reader.ok("GET", "/reservations"))["total"] == 1


# --- what bars a reader is said first -----------------------------------------------------------


async def test_hours_of_own_bookings_cannot_be_chosen(service: Living, opened: Open) -> None:
    reader = await service.web_reader()
    made = await reader.reserve("2f-hall-010", "18:00", "20:00")
    tab = await open_seat(opened, reader.number)
    assert await tab.choices("start") == ["现在", "17:00", "20:00", "21:00", "22:00"]
    await tab.choose("17:00")
    assert await tab.choices("end") == ["18:00"]
    note = tab.page.locator("#panel .note")
    assert "18:00–20:00 您已预约图书馆2层二层中厅010号" in await note.inner_text()
    assert await tab.page.locator("#panel .piece.own").count() >= 1
    await note.locator("a").click()
    await tab.page.wait_for_url(f"**/reservations/{made['id']}")


@pytest.mark.parametrize("size", DEVICES)
async def test_a_suspension_is_shown_first(
    service: Living, opened: Open, axe: str, size: dict[str, Any]
) -> None:
    reader = await service.web_reader()
    until = service.clock.now() + timedelta(days=3)
    assert await service.inside.stored.readers.set_suspended_until(reader.reader_id, None, until)
    tab = await opened(reader.number, **size)
    said = await tab.page.locator(".refusal").bounding_box()
    title = await tab.page.locator(".wish").bounding_box()
    assert said is not None and title is not None and said["y"] < title["y"]
    assert "暂停预约至" in await tab.text(".refusal")
    await is_for_everybody(tab, axe, f"/areas/2f-hall?seat={SEAT}", phone=size is PHONE)
    assert "暂停预约至" in await tab.text("#panel")
    assert await tab.page.locator("#panel .panel-foot .button").count() == 0


@pytest.mark.whole
@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
async def test_on_a_laptop_the_report_links_are_not_covered_by_the_button(
    service: Living, opened: Open, locale: str
) -> None:
    """The panel shows every note that a seat can have."""
    reader, other = await service.web_reader(), await service.reader()
    for one, seat, end in ((reader, "2f-hall-010", "17:00"), (other, SEAT, "18:00")):
        made = await one.reserve(seat, "now", end)
        code = {"qr": await service.qr()}
        await one.ok("POST", f"/reservations/{made['id']}/check-in", code)
        await service.leap(timedelta(seconds=20))
    tab = await open_seat(opened, reader.number, locale=locale, **screen(1280, 800))
    assert await tab.page.locator("#panel .note").count() == 1
    for what in ("report", "fault"):
        assert await tab.page.evaluate(COVERED, f"#panel [href='/seats/{SEAT}/{what}']") == [], what


async def test_the_number_of_remaining_bookings_is_shown(service: Living, opened: Open) -> None:
    reader = await service.web_reader()
    tab = await open_seat(opened, reader.number)
    assert "今天还可约 5 次" in await tab.text("#panel .panel-foot")
    for hour in range(17, 22):
        await reader.reserve("2f-hall-010", f"{hour}:00", f"{hour + 1}:00")
    await tab.go("/")
    assert "今天的 5 次已约满" in await tab.text("#main")
    await tab.go(f"/areas/2f-hall?seat={SEAT}")
    assert "5 次已约满" in await tab.text("#panel")
    assert await tab.page.locator("#panel .panel-foot .button").count() == 0
    await tab.go(f"/?date={service.tomorrow}")
    assert "还可约 5 次" in await tab.text(".quota")


async def test_a_draw_is_announced_before_the_opening_and_while_waiting(
    service: Living, opened: Open
) -> None:
    """On a phone the open sheet covers the plan and counts down itself."""
    await with_rules(service, booking_opens_at=time(16, 10), opening_draw=True)
    tab = await opened("21071234", **PHONE)
    here = f"/areas/2f-hall?date={service.tomorrow}&seat={SEAT}"
    await tab.go(here)
    await tab.page.wait_for_selector("#panel .day")
    assert "开放后前 10 秒的请求抽签" in await tab.text(".plan-notes .empty")
    said = tab.page.locator("#panel .panel-foot .state")
    await said.filter(has_text="16:10 开放预约，还有 ").wait_for()
    assert "前 10 秒抽签" in await said.inner_text() and await said.is_visible()
    held: list[Any] = []

    async def hold(route: Any) -> None:
        held.append(route)

    await tab.page.route("**/reserve", hold)
    await service.jump("16:10:00")
    await tab.go(here)
    await tab.page.evaluate("Date.now = (at => () => at)(Date.now())")
    await tab.page.click("#panel .panel-foot .button")
    await said.filter(has_text="抽签中…").wait_for()
    await held[0].continue_()
    await tab.page.wait_for_selector(".done >> text=预约成功")


async def test_a_time_longer_than_allowed_shows_no_free_count(
    opened: Open,
) -> None:
    tab = await opened("21071234")
    await tab.go("/?start=17:00&end=22:00")
    assert await tab.text(".tile:has-text('二层中厅') small") == "一次最长 4 小时"
    assert await tab.page.locator(".tile:has-text('二层中厅') .bars").count() == 0
    await tab.page.click(".tile:has-text('二层中厅')")
    assert "17:00–22:00 超过了这里一次最长的 4 小时" in await tab.text(".plan-notes .lost >> nth=0")
    assert await tab.text(".plan-top .count") == "一次最长 4 小时"
    await tab.page.click(f'[id="{SEAT}"]')
    await tab.page.wait_for_selector("#panel .note >> text=先约一段")


async def test_a_full_area_shows_its_next_free_time_and_offers_the_waitlist(
    service: Living, opened: Open
) -> None:
    inside = service.inside
    area = inside.reference.catalog.areas[AreaId("2f-hall")]
    small = replace(area, seats=area.seats[:2], rev=area.rev + 1)
    assert await inside.stored.catalogs.replace_area(small)
    await inside.reference.refresh()
    for seat in small.seats:
        await (await service.reader()).reserve(seat.id, "17:00", "19:00")
    await service.move("17:05")
    tab = await opened("21071234")
    assert "最早 19:00" in await tab.text(".tile:has-text('二层中厅')")
    assert "可候补" in await tab.text(".tile:has-text('二层中厅')")
    await tab.page.click(".tile:has-text('二层中厅')")
    form = tab.page.locator("form[action='/waitlist']")
    assert "最早 19:00 有空位" in await form.inner_text()
    await form.locator("select[name=end]").select_option("19:00")
    await form.locator("text=加入候补").click()
    assert "已加入候补" in await tab.text(".done")
    assert "17:05–19:00" in await tab.text("[aria-label=候补]")
