"""The plan editor in a browser: by mouse and by keyboard, with the confirmation before saving."""

from __future__ import annotations

import json
from typing import Any

import pytest

from models.library.entities import AreaId, SeatId
from tests.browser.conftest import Open, Tab
from tests.living import Living

PATH = "/console/plans/2f-hall"


async def drag(tab: Tab, no: str, dx: int, dy: int) -> None:
    box = await tab.page.locator(f"#drawing [aria-label^='{no} 号']").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    await tab.page.mouse.move(x, y)
    await tab.page.mouse.down()
    await tab.page.mouse.move(x + dx / 2, y + dy / 2)
    await tab.page.mouse.move(x + dx, y + dy)
    await tab.page.mouse.up()


async def plan(tab: Tab) -> dict[str, Any]:
    return dict(json.loads(await tab.page.input_value("#save [name=plan]")))


async def seat(tab: Tab, no: str) -> dict[str, Any]:
    return next(s for s in (await plan(tab))["seats"] if s["no"] == no)


async def test_a_removed_seat_gives_its_reader_an_offer_of_another(
    service: Living, opened: Open
) -> None:
    reader = await service.reader()
    made = await reader.reserve("2f-hall-065", "09:00", "11:00", service.tomorrow)
    tab = await opened("administrator")
    await tab.go(PATH)
    before = await seat(tab, "010")

    await drag(tab, "010", 0, 9)
    moved = await seat(tab, "010")
    assert moved["x"] == before["x"] and moved["y"] > before["y"]
    await tab.page.keyboard.press("Control+z")
    assert await seat(tab, "010") == before
    # By keys: the chosen seat goes right, twice.
    await tab.page.locator("#drawing [aria-label^='010 号']").focus()
    await tab.page.keyboard.press("ArrowRight")
    await tab.page.keyboard.press("ArrowRight")
    assert (await seat(tab, "010"))["x"] == before["x"] + 4

    await tab.page.click("[data-do=add]")
    assert await tab.page.input_value("#of-seats [name=no]") == "069"
    await tab.page.check("#of-seats [name=power]")
    # A number that there is: the page says so and does not go on.
    await tab.page.fill("#of-seats [name=no]", "010")
    await tab.page.press("#of-seats [name=no]", "Tab")
    assert await tab.text("#problem") == "座位号 010 重复"
    assert await tab.page.is_disabled("#next")
    await tab.page.fill("#of-seats [name=no]", "088")
    await tab.page.press("#of-seats [name=no]", "Tab")
    await tab.page.locator("#drawing [aria-label^='065 号']").click()
    await tab.page.fill("#of-seats [name=disabled]", "插座维修")
    await tab.page.fill("#of-seats [name=disabled_from]", service.tomorrow)
    await tab.page.fill("#of-seats [name=disabled_until]", service.tomorrow)
    await tab.page.press("#of-seats [name=disabled_until]", "Tab")
    await tab.page.click("#next")

    said = await tab.text("section.card ul")
    assert said.split("\n") == ["新增 088", "移动 010", "停用 065"]
    assert "1 个预约不再符合平面图" in await tab.text("main")
    await tab.page.fill("[name=reason]", "插座维修")
    await tab.page.click("text=确认保存")
    await tab.page.wait_for_selector(".done")

    area = service.inside.reference.catalog.areas[AreaId("2f-hall")]
    assert area.rev == 1 and area.seats[-1].number == "088" and area.seats[-1].power
    assert (await reader.ok("GET", f"/reservations/{made['id']}"))["state"] == "cancelled"
    await service.settle()
    (wait,) = (await reader.ok("GET", "/waitlist"))["items"]
    assert wait["offer"]["start"][11:16] == "09:00" and wait["offer"]["seat"]["no"] == "064"
    titles = [m["title"] for m in (await reader.ok("GET", "/messages"))["items"]]
    assert titles == ["预约已取消，为您保留了另一个座位", "座位预约成功"]
    taken = await reader.ok("POST", f"/reservations/{wait['offer']['id']}/accept")
    assert taken["state"] == "reserved"


@pytest.mark.whole
async def test_an_open_plan_updates_to_the_changed_one(service: Living, opened: Open) -> None:
    student, head = await opened("21071234"), await opened("administrator")
    await student.go("/areas/2f-hall")
    await head.go(PATH)
    await head.page.locator("#drawing [aria-label^='010 号']").click()
    await head.page.click("text=移除")
    await head.page.click("#next")
    assert "没有预约受影响" in await head.text("main")
    await head.page.fill("[name=reason]", "改为书架")
    await head.page.click("text=确认保存")
    await head.page.wait_for_selector(".done")
    await student.page.evaluate("dispatchEvent(new Event('offline'))")  # asks once more
    await student.page.wait_for_selector("[id='2f-hall-010']", state="detached")
    await student.page.wait_for_function(
        "() => document.querySelectorAll('#plan .seat').length === 67"
    )


@pytest.mark.whole
async def test_librarians_only_disable_seats_and_viewers_change_nothing(
    service: Living, opened: Open
) -> None:
    tab = await opened("librarian")
    await tab.go(PATH)
    before = await plan(tab)
    assert await tab.page.locator("[data-do=add]").count() == 0
    await drag(tab, "010", 0, 60)
    await tab.page.keyboard.press("Delete")
    assert await plan(tab) == before
    assert await tab.page.is_disabled("#of-seats [name=no]")
    await tab.page.fill("#of-seats [name=disabled]", "漏水")
    await tab.page.press("#of-seats [name=disabled]", "Tab")
    await tab.page.click("#next")
    assert await tab.text("section.card ul") == "停用 010"
    await tab.page.fill("[name=reason]", "漏水")
    await tab.page.click("text=确认保存")
    await tab.page.wait_for_selector(".done")
    seats = service.inside.reference.catalog.seats
    assert seats[SeatId("2f-hall-010")].disabled == "漏水"

    tab = await opened("viewer")
    await tab.go(PATH)
    await tab.page.locator("#drawing [aria-label^='010 号']").click()
    assert "停用：漏水" in await tab.text("#facts")
    assert await tab.page.locator("main form button").count() == 0


async def test_the_second_of_two_editors_keeps_their_drawing(service: Living, opened: Open) -> None:
    first, second = await opened("administrator"), await opened("administrator")
    for tab, no in ((first, "011"), (second, "012")):
        await tab.go(PATH)
        await tab.page.locator(f"#drawing [aria-label^='{no} 号']").click()
        await tab.page.check("#of-seats [name=computer]")
    for tab in (first, second):
        tab.expected = {409}
        await tab.page.click("#next")
        if await tab.page.locator("text=确认保存").count():
            await tab.page.fill("[name=reason]", "新电脑")
            await tab.page.click("text=确认保存")
            await tab.page.wait_for_selector(".done")
    assert "刚刚被其他人修改过" in await second.text(".refusal")
    assert (await seat(second, "012"))["computer"] and "computer" not in await seat(second, "011")
    seats = service.inside.reference.catalog.seats
    assert seats[SeatId("2f-hall-011")].computer and not seats[SeatId("2f-hall-012")].computer


@pytest.mark.whole
async def test_the_editor_works_by_keyboard_and_warns_before_losing_changes(
    service: Living, opened: Open
) -> None:
    tab = await opened("administrator")
    await tab.go(PATH)
    assert await tab.page.is_disabled("#next"), "nothing has changed yet"
    first = tab.page.locator("#drawing [tabindex='0']")
    await first.focus()
    before = await plan(tab)
    chosen = tab.page.locator("#drawing .chosen")
    await tab.page.keyboard.press("Control+ArrowRight")
    assert await chosen.count() == 1
    await tab.page.keyboard.press("Control+Shift+ArrowRight")
    assert await chosen.count() == 2
    await tab.page.keyboard.press("Space")
    assert await chosen.count() == 1
    await tab.page.keyboard.press("Control+a")
    assert await chosen.count() == 68
    await tab.page.keyboard.press("Escape")
    assert await chosen.count() == 0
    await tab.page.keyboard.press("Control+a")
    await tab.page.keyboard.press("Shift+ArrowDown")
    moved = await plan(tab)
    assert moved != before
    await tab.page.keyboard.press("Control+z")
    assert await plan(tab) == before and await chosen.count() == 68
    assert await tab.page.is_disabled("#next")
    await tab.page.keyboard.press("Control+y")
    assert await plan(tab) == moved
    # On to the question, and back to the drawing: it is still there, and leaving asks.
    await tab.page.click("#next")
    await tab.page.click("text=返回修改")
    await tab.page.wait_for_selector("#editor[data-unsaved]")
    drawing = await plan(tab)
    assert [(s["no"], s["y"]) for s in drawing["seats"]] == [
        (s["no"], s["y"]) for s in moved["seats"]
    ]
    assert await tab.page.is_enabled("#next")
    questions: list[str] = []

    async def stay(dialog: Any) -> None:
        questions.append(dialog.type)
        await dialog.accept()

    tab.page.on("dialog", stay)
    await tab.page.click("main >> text=平面图")
    await tab.page.wait_for_selector("text=新增区域")
    assert questions == ["beforeunload"]
    assert service.inside.reference.catalog.areas[AreaId("2f-hall")].rev == 0
