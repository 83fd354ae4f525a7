"""选座机 without a phone: a card, a seat, check-in, leave, return, finish."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.library.entities import AreaId
from models.library.rooms import LONGEST_ROOM_NAME, RoomPlace
from tests.api.kiosk import CARD, carded, key_of
from tests.api.rooms import book, put_on_plan
from tests.browser.conftest import Open, Tab, sizes
from tests.browser.long_names import lengthened
from tests.living import Living


async def kiosk(service: Living, opened: Open, width: int = 1080, height: int = 720) -> Tab:
    key = await key_of(service, "2f-south")
    size = {"width": width, "height": height}
    tab = await opened(path=f"/kiosk/2f-south#key={key}", viewport=size)
    await tab.page.wait_for_selector("#code svg")
    return tab


async def touch(tab: Tab, card: str = CARD) -> None:
    await tab.page.keyboard.type(card)
    await tab.page.keyboard.press("Enter")


async def test_a_card_books_leaves_returns_and_finishes_at_the_kiosk(
    service: Living, opened: Open
) -> None:
    reader = await carded(service)
    tab = await kiosk(service, opened)
    page = tab.page
    await touch(tab)
    await page.click("#touch button:has-text('二层中厅')")
    await page.click("#touch [data-no='065']")
    await page.click("#touch button:text-is('到 18:00')")
    await page.click("#touch button:text-is('坐这里')")
    await page.wait_for_selector("#touch h1 >> text=已入座 图书馆2层二层中厅065号")
    (made,) = (await reader.ok("GET", "/reservations"))["items"]
    assert made["state"] == "in_use" and made["end"][11:16] == "18:00"
    for verb, state in (("暂离", "away"), ("返回", "in_use"), ("结束", "finished")):
        await page.click("#touch button:text-is('继续')")
        await service.move(timedelta(seconds=20))
        await page.click(f"#touch button:text-is('{verb}')")
        if verb == "结束":
            await page.wait_for_selector("#touch h1 >> text=确认结束使用吗")
            safe = "document.activeElement.textContent"
            assert await page.evaluate(safe) == "继续使用"
            await page.click("#touch button:text-is('继续使用')")
            assert (await reader.ok("GET", f"/reservations/{made['id']}"))["state"] == "in_use"
            await page.click("#touch button:text-is('结束')")
            await page.click("#touch button.bad")
        await page.wait_for_selector(f"#touch h1 >> text={verb}成功")
        assert (await reader.ok("GET", f"/reservations/{made['id']}"))["state"] == state
    await page.click("#touch header button:text-is('退出')")
    assert await page.locator("#touch:visible").count() == 0
    history = (await reader.ok("GET", f"/reservations/{made['id']}"))["history"]
    assert {e["via"] for e in history} == {"kiosk"}


@pytest.mark.whole
async def test_a_card_reports_occupied_and_empty_seats(service: Living, opened: Open) -> None:
    """The card reports an empty seat of another reader and its own reader's occupied one."""
    reader, sits = await carded(service), await service.reader()
    theirs = await sits.reserve("2f-hall-066", "now", "18:00")
    scan = {"qr": await service.qr("2f-north")}
    await sits.ok("POST", f"/reservations/{theirs['id']}/check-in", scan)
    made = await reader.reserve("2f-hall-065", "now", "18:00")
    tab = await kiosk(service, opened)
    page = tab.page
    await touch(tab)
    await page.click("#touch button:text-is('签到')")
    await page.click("#touch button:text-is('继续')")
    await page.click("#touch button:text-is('反映座位无人')")
    await page.click("#touch [data-no='066']")
    await page.click("#touch button:text-is('反映无人')")
    await page.wait_for_selector("#touch h1 >> text=已请该座位的读者确认")
    assert (await sits.ok("GET", f"/reservations/{theirs['id']}"))["presence_wanted"]
    await page.click("#touch button:text-is('继续')")
    await page.click("#touch button:text-is('座位被占')")
    await page.click("#touch .choices button >> nth=0")
    await page.wait_for_selector("#touch h1 >> text=已换到")
    moved = await reader.ok("GET", f"/reservations/{made['id']}")
    assert moved["state"] == "in_use" and moved["seat"]["id"] != "2f-hall-065"


async def test_the_kiosk_signs_out_after_inactivity(service: Living, opened: Open) -> None:
    await carded(service)
    tab = await kiosk(service, opened)
    await tab.page.clock.install()
    await touch(tab)
    await tab.page.wait_for_selector("#touch h1 >> text=选区域")
    async with tab.page.expect_request("**/sessions/current"):
        await tab.page.clock.run_for(31_000)
    assert await tab.page.locator("#touch:visible").count() == 0


async def test_one_tap_changes_the_language_until_the_reader_has_gone(
    service: Living, opened: Open
) -> None:
    """The session goes on; the library's language comes back when nobody touches the screen."""
    reader = await carded(service)
    await reader.reserve("2f-hall-065", "17:00", "18:00")
    tab = await kiosk(service, opened)
    page = tab.page
    await touch(tab)
    await page.wait_for_selector("#touch p:text-is('已预约')")
    await page.click("#touch button:text-is('English')")
    await page.wait_for_selector("#touch p:text-is('Reserved')")
    await page.wait_for_selector("#touch h1 >> text=no. 065")
    assert await page.evaluate("sessionStorage.length") == 0
    await page.click("#touch header button:text-is('Sign out')")
    await page.wait_for_selector("h1 >> text=扫码签到")
    await page.wait_for_selector("#code svg")
    # Without a card.
    await page.clock.install()
    await page.click("#languages button:text-is('English')")
    await page.wait_for_selector("h1 >> text=Scan to check in")
    await page.wait_for_selector("#code svg")
    assert "language=en" in page.url
    await page.clock.run_for(31_000)
    await page.wait_for_selector("h1 >> text=扫码签到")
    assert "language" not in page.url


@pytest.mark.whole
async def test_an_unknown_card_is_refused(service: Living, opened: Open) -> None:
    tab = await kiosk(service, opened)
    tab.expected = {422}
    await touch(tab, "99999999")
    await tab.page.wait_for_selector("#touch p >> text=没有认出这张卡")
    await tab.page.click("#touch button:text-is('关闭')")
    assert await tab.page.locator("#touch:visible").count() == 0


async def test_cancelling_at_the_kiosk_asks_for_confirmation(service: Living, opened: Open) -> None:
    reader = await carded(service)
    made = await reader.reserve("2f-hall-065", "17:00", "18:00")
    tab = await kiosk(service, opened)
    page = tab.page
    await touch(tab)
    await page.click("#touch button:text-is('取消预约')")
    await page.click("#touch button:text-is('保留预约')")
    assert (await reader.ok("GET", f"/reservations/{made['id']}"))["state"] == "reserved"
    await page.click("#touch button:text-is('取消预约')")
    await page.click("#touch button.bad")
    await page.wait_for_selector("#touch h1 >> text=取消预约成功")
    assert (await reader.ok("GET", f"/reservations/{made['id']}"))["state"] == "cancelled"


@pytest.mark.parametrize(("width", "height"), sizes((1080, 1920), (1080, 720), (1280, 800)))
async def test_a_seat_is_chosen_on_the_plan(
    service: Living, opened: Open, width: int, height: int
) -> None:
    """An area of 222 seats: touch targets are large, and the whole area is found on one screen. A
    study room is shown with its state."""
    reader = await carded(service)
    rival = await service.reader()
    await rival.reserve("2f-east-002", "now", "18:00")
    name = lengthened("研修间", LONGEST_ROOM_NAME)
    await put_on_plan(service, RoomPlace(AreaId("2f-east"), 40, 0, 100, 60), name=name)
    await book(service, await service.reader(), start="now", end="18:00")
    tab = await kiosk(service, opened, width, height)
    await touch(tab)
    page = tab.page
    await page.click("#touch button:has-text('二层东区')")
    room = page.locator("#touch .room.taken div")
    assert str(await room.text_content()).replace("\u00ad", "") == f"{name}已约"
    assert await room.evaluate("room => room.scrollHeight <= room.clientHeight"), (
        "the state is seen"
    )
    seat = await page.locator("#touch [data-no='001'] .hit").bounding_box()
    assert seat is not None and seat["width"] >= 60
    assert await page.locator("#touch [data-no='002'].occupied:not(.can)").count() == 1
    assert await page.evaluate("document.getElementById('touch').scrollHeight <= innerHeight")
    await page.click("#touch [aria-label=全图]")
    await page.click("#touch [aria-label=放大]")
    await page.click("#touch [data-no='001']")
    await page.click("#touch button:text-is('坐这里')")
    await page.wait_for_selector("#touch h1 >> text=已入座")
    (made,) = (await reader.ok("GET", "/reservations"))["items"]
    assert made["seat"]["no"] == "001"


async def test_a_portrait_screen_uses_its_whole_height(service: Living, opened: Open) -> None:
    """Areas are grouped by floor and fill the height; a small area is shown completely, a large one
    indicates the rest; questions and refusals are large and within reach."""
    reader = await carded(service)
    tab = await kiosk(service, opened, 1080, 1920)
    page = tab.page
    await touch(tab)
    await page.wait_for_selector("#touch h1 >> text=选区域")
    assert await page.locator("#touch h2").all_inner_texts() == ["2层", "3层", "4层"]
    out_of_reach = """[...document.querySelectorAll("#touch button")]
      .filter((one) => one.getBoundingClientRect().top < innerHeight / 3)
      .map((one) => one.innerText)"""
    last = await page.locator("#touch .areas button").last.bounding_box()
    assert last is not None and 1300 < last["y"] + last["height"] <= 1920
    assert await page.evaluate(out_of_reach) == []
    await page.click("#touch button:has-text('二层东区')")
    await page.wait_for_selector("#touch .foot >> text=拖动看其他座位")
    await page.click("#touch .side button:text-is('返回')")
    await page.click("#touch button:has-text('二层中厅')")
    await page.wait_for_selector("#touch .foot >> text=/^请点图上的座位$/")
    view = await page.locator("#touch .view").bounding_box()
    assert view is not None
    for seat in await page.locator("#touch .seat .hit").all():
        box = await seat.bounding_box()
        assert box is not None and box["width"] >= 44 and view["y"] <= box["y"]
        assert view["x"] <= box["x"] and box["x"] + box["width"] <= view["x"] + view["width"]
        assert box["y"] + box["height"] <= view["y"] + view["height"]
    await page.click("#touch [data-no='065']")
    sit = await page.locator("#touch button:text-is('坐这里')").bounding_box()
    back = await page.locator("#touch button:text-is('返回')").bounding_box()
    assert sit is not None and back is not None and back["y"] - sit["y"] - sit["height"] >= 16
    await page.click("#touch button:text-is('坐这里')")
    assert await page.evaluate(out_of_reach) == []
    await page.click("#touch button:text-is('继续')")
    await page.wait_for_selector("#touch .pass")
    assert await page.evaluate(out_of_reach) == []
    await page.click("#touch button:text-is('结束')")
    heading = await page.locator("#touch h1").bounding_box()
    assert heading is not None and heading["y"] > 400 and heading["height"] > 40
    await page.route("**/finish", lambda route: route.abort())
    await page.click("#touch button.bad")
    said = page.locator("#touch p >> text=暂时连不上服务")
    assert await said.evaluate("one => parseFloat(getComputedStyle(one).fontSize)") >= 24
    (made,) = (await reader.ok("GET", "/reservations"))["items"]
    assert made["state"] == "in_use"


async def test_without_a_network_the_kiosk_hides_free_seats_and_code(
    service: Living, opened: Open
) -> None:
    await carded(service)
    tab = await kiosk(service, opened)
    page = tab.page
    assert await page.locator("#free li").count() == 18
    await tab.context.set_offline(True)
    await page.evaluate("(real => { Date.now = () => real() + 60000 })(Date.now)")
    await page.wait_for_selector("#code >> text=请到服务台办理")
    assert not await page.locator("#free").is_visible()
    assert not await page.locator("text=没带手机？请刷校园卡").is_visible()
    assert not await page.locator(".mini-code").is_visible()
    await touch(tab)
    await page.wait_for_selector("#touch p >> text=暂时连不上服务")
    await tab.context.set_offline(False)
    await page.wait_for_selector("#code svg")
    assert await page.locator("#free").is_visible()
