"""The plan editor's tools in a browser: their effects, and undo."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import FilePayload

from tests.browser.conftest import PHONE, Open, Tab, shows_everybody
from tests.living import Living

pytestmark = pytest.mark.whole

PATH = "/console/plans/2f-hall"


async def plan(tab: Tab) -> dict[str, Any]:
    return dict(json.loads(await tab.page.input_value("#save [name=plan]")))


async def drag(tab: Tab, no: str, dx: float, dy: float) -> None:
    x, y = await middle(tab, no)
    await tab.page.mouse.move(x, y)
    await tab.page.mouse.down()
    await tab.page.mouse.move(x + dx / 2, y + dy / 2)
    await tab.page.mouse.move(x + dx, y + dy)
    await tab.page.mouse.up()


async def places(tab: Tab) -> dict[str, tuple[int, int]]:
    return {seat["no"]: (seat["x"], seat["y"]) for seat in (await plan(tab))["seats"]}


async def saved(tab: Tab) -> dict[str, tuple[int, int]]:
    """Saves by the confirmation page. Returns the stored plan."""
    await tab.page.click("#next")
    await tab.page.fill("[name=reason]", "调整座位")
    await tab.page.click("text=确认保存")
    await tab.page.wait_for_selector(".done")
    answer = await tab.context.request.get(f"{tab.service.base}{PATH}.json")
    return {seat["no"]: (seat["x"], seat["y"]) for seat in (await answer.json())["seats"]}


async def on_screen(tab: Tab, x: float, y: float) -> tuple[float, float]:
    """The position on the screen of a point of the plan."""
    box = await tab.page.locator("#drawing").bounding_box()
    assert box is not None
    unit = box["width"] / (await plan(tab))["width"]
    return box["x"] + x * unit, box["y"] + y * unit


async def undone(tab: Tab, before: object, after: object) -> None:
    """Undoes one step and redoes it."""
    await tab.page.keyboard.press("Control+z")
    assert await places(tab) == before
    assert "已撤销" in await tab.text("#status")
    await tab.page.keyboard.press("Control+y")
    assert await places(tab) == after


async def middle(tab: Tab, no: str) -> tuple[float, float]:
    box = await tab.page.locator(f"#drawing [aria-label^='{no} 号']").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


async def lasso(tab: Tab, first: str, last: str, edge: float = 0.62) -> None:
    """Draws a selection frame around two seats, starting on the empty floor."""
    (left, top), (right, bottom) = await middle(tab, first), await middle(tab, last)
    edge *= await size(tab)
    await tab.page.mouse.move(left - edge, top - edge)
    await tab.page.mouse.down()
    await tab.page.mouse.move(right, bottom)
    await tab.page.mouse.move(right + edge, bottom + edge)
    await tab.page.mouse.up()


async def size(tab: Tab) -> float:
    """The size of a seat on the screen."""
    box = await tab.page.locator("#drawing .seat rect").first.bounding_box()
    assert box is not None
    return float(box["width"])


async def test_seats_selected_by_a_frame_are_removed_and_copied(opened: Open) -> None:
    tab = await opened("administrator")
    await tab.go(PATH)
    before = await places(tab)
    await lasso(tab, "004", "009")
    frame = {f"{n:03}" for n in (*range(1, 13),)}
    assert await tab.page.locator("#drawing .seat.chosen").count() == len(frame)
    assert await tab.text("#status") == "68 座，停用 0；选中 12"
    assert await tab.page.is_enabled("[data-do=copy]")
    assert await tab.page.is_enabled("[data-do=remove]")
    await tab.page.keyboard.press("Delete")
    left = await places(tab)
    assert left.keys() == before.keys() - frame
    assert (await tab.text("#status")).startswith("移除 12 项。56 座")
    await undone(tab, before, left)
    await tab.page.keyboard.press("Control+z")
    await lasso(tab, "004", "002")
    await tab.page.click("[data-do=copy]")
    copied = await places(tab)
    assert copied.keys() - before.keys() == {"069", "070", "071"}
    assert await tab.page.locator("#drawing .seat.chosen").count() == 3
    # The whole block goes to where nothing stands, and keeps its shape.
    assert [copied[no][1] - copied["069"][1] for no in ("070", "071")] == [46, 92]
    await undone(tab, before, copied)


async def test_the_tools_lay_out_rows_of_seats(opened: Open) -> None:
    """A row between two points, aligned, evenly spaced, and copied to the pointer's position."""
    tab = await opened("administrator")
    await tab.go(PATH)
    mouse, keyboard = tab.page.mouse, tab.page.keyboard
    before = await places(tab)
    await tab.page.click("[data-do=row]")
    await tab.page.fill("#of-row [name=count]", "9")
    assert await tab.page.input_value("#of-row [name=first]") == "069"
    await tab.page.fill("#of-row [name=first]", "101")
    # Too near: nothing is made, and what was typed stays.
    await mouse.click(*await on_screen(tab, 70, 285))
    await mouse.click(*await on_screen(tab, 240, 285))
    assert "两点之间只放得下 5 座" in await tab.text("#status")
    assert await places(tab) == before
    assert await tab.page.input_value("#of-row [name=count]") == "9"
    await mouse.click(*await on_screen(tab, 840, 293))
    row = await places(tab)
    assert row.keys() - before.keys() == {str(n) for n in range(101, 110)}
    assert row["101"] == (50, 260) and row["105"] == (435, 260) and row["109"] == (820, 260)
    assert (await tab.text("#status")).startswith("新增 9 座：101 至 109")
    assert await tab.page.input_value("#of-row [name=first]") == "110"
    await keyboard.press("Escape")
    await undone(tab, before, row)

    # Askew by hand, then in line and evenly apart again.
    await drag(tab, "105", 30, -12)
    askew = await places(tab)
    assert askew["105"] != row["105"]
    await lasso(tab, "101", "109", edge=1.2)
    assert await tab.page.locator("#drawing .chosen").count() == 9
    await tab.page.click("[data-do=bottom]")
    assert {y for no, (_, y) in (await places(tab)).items() if no > "100"} == {260}
    await tab.page.click("[data-do=across]")
    assert await places(tab) == row
    await keyboard.press("Control+z")
    await undone(tab, askew, (await places(tab)) | {"105": (askew["105"][0], 260)})
    await keyboard.press("Control+y")

    await keyboard.press("Control+c")
    await mouse.move(*await on_screen(tab, 440, 340))
    await keyboard.press("Control+v")
    pasted = await places(tab)
    assert pasted.keys() - row.keys() == {str(n) for n in range(110, 119)}
    assert {y for no, (_, y) in pasted.items() if no >= "110"} == {320}
    assert "重叠" in await tab.text("#problem") and await tab.page.is_disabled("#next")
    await undone(tab, row, pasted)
    await keyboard.press("Control+z")
    assert await saved(tab) == row


async def test_a_row_with_custom_seat_names_is_added_by_keyboard(opened: Open) -> None:
    tab = await opened("administrator")
    await tab.go(PATH)
    before = await places(tab)
    await tab.page.focus("[data-do=row]")
    await tab.page.keyboard.press("Enter")
    for name, value in (("count", "3"), ("first", "067"), ("x1", "20"), ("y1", "250")):
        await tab.page.fill(f"#of-row [name={name}]", value)
    await tab.page.keyboard.press("Enter")
    assert "请先点或填写起点和终点" in await tab.text("#status")
    await tab.page.fill("#of-row [name=x2]", "20")
    await tab.page.fill("#of-row [name=y2]", "350")
    await tab.page.keyboard.press("Enter")
    # Names that are taken are left out.
    new = {no: at for no, at in (await places(tab)).items() if no not in before}
    assert new == {"069": (20, 250), "070": (20, 300), "071": (20, 350)}
    names = await tab.page.evaluate(
        """["A-12", "2F-B09", "A-9号", "099", "西"].map((name) => SeatNames.after(name))"""
    )
    assert names == ["A-13", "2F-B10", "A-10号", "100", "西1"]
    series = "SeatNames.series('A-08', 4, new Set(['A-09']))"
    assert await tab.page.evaluate(series) == ["A-08", "A-10", "A-11", "A-12"]


async def test_a_dragged_seat_snaps_to_lines_unless_disabled(opened: Open) -> None:
    tab = await opened("administrator", viewport={"width": 1024, "height": 768})
    await tab.go(PATH)
    view = tab.page.locator(".viewport")
    whole = "one => one.scrollWidth <= one.clientWidth && one.scrollHeight <= one.clientHeight"
    assert await view.evaluate(whole), "the first sight is of the whole plan"
    box = await view.bounding_box()
    assert box is not None and box["y"] + box["height"] <= 768
    await tab.page.click("[data-do=in]")
    await tab.page.click("[data-do=in]")
    assert not await view.evaluate(whole)
    await tab.page.click("[data-do=fit]")
    assert await view.evaluate(whole)

    # 004 stands alone; let go near the line of 005, it stands in it.
    before = await places(tab)
    unit = await size(tab) / 40
    await drag(tab, "004", -60 * unit, 43 * unit)
    snapped = await places(tab)
    assert snapped["004"][1] == before["006"][1]
    assert snapped["004"][0] != before["004"][0] - 60, "in line, or on the grid"
    await undone(tab, before, snapped)
    await tab.page.keyboard.press("Control+z")
    await tab.page.click("[data-do=snap]")
    assert await tab.page.get_attribute("[data-do=snap]", "aria-pressed") == "false"
    await drag(tab, "004", -60 * unit, 43 * unit)
    x, y = (await places(tab))["004"]
    assert abs(y - before["004"][1] - 43) <= 3 and abs(before["004"][0] - x - 60) <= 3
    # A block stops at the edge as a whole.
    await tab.page.keyboard.press("Control+a")
    for _ in range(30):
        await tab.page.keyboard.press("Shift+ArrowRight")
    after = await places(tab)
    assert max(x for x, _ in after.values()) == 820
    assert after["057"][0] - after["065"][0] == before["057"][0] - before["065"][0]


def picture(width: int, height: int) -> FilePayload:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "#f4e6c8").save(file, "PNG")
    return png(file.getvalue())


def png(content: bytes) -> FilePayload:
    return {"name": "floor.png", "mimeType": "image/png", "buffer": content}


async def test_a_picture_is_placed_under_the_plan(service: Living, opened: Open, axe: str) -> None:
    tab = await opened("administrator")
    page = tab.page
    await tab.go(PATH)
    await page.locator("#drawing [aria-label^='010 号']").click()
    await page.keyboard.press("ArrowRight")
    drawn = await plan(tab)
    await page.click("#picture-panel summary")
    tab.expected = {400}
    await page.set_input_files("[name=file]", png(b"<svg/>"))
    await page.wait_for_selector("#picture-wrong:not(:empty)")
    assert "这不是能读取的 PNG 或 JPEG 图片" in await tab.text("#picture-wrong")
    await page.set_input_files("[name=file]", png(b"x" * (12 * 2**20 + 1)))
    assert "最大 12 MB" in await tab.text("#picture-wrong")
    await page.set_input_files("[name=file]", picture(1720, 1160))
    await page.wait_for_selector("#status:has-text('底图已上传')")
    assert await page.locator("#picture").evaluate(
        "one => one.decode().then(() => one.naturalWidth)"
    )
    assert await plan(tab) == drawn, "what was drawn stays"

    async def place() -> list[int]:
        fields = ("x", "y", "width", "opacity")
        return [int(await page.input_value(f"#picture-panel [name={name}]")) for name in fields]

    assert await place() == [0, 0, 860, 50]
    await page.click("[data-do=move-picture]")
    start, end = await on_screen(tab, 400, 300), await on_screen(tab, 430, 260)
    await page.mouse.move(*start)
    await page.mouse.down()
    await page.mouse.move(*end)
    await page.mouse.up()
    moved = await place()
    assert abs(moved[0] - 30) <= 1 and abs(moved[1] + 40) <= 1
    await page.keyboard.press("Control+z")
    assert await place() == [0, 0, 860, 50]
    await page.keyboard.press("Control+y")
    await page.keyboard.press("Escape")
    await page.fill("#picture-panel [name=width]", "800")
    await page.locator("#picture-panel [name=opacity]").fill("30")
    expected = [*moved[:2], 800, 30]
    assert await place() == expected
    await shows_everybody(tab, axe, PATH, phone=False)
    await page.click("[data-do=save-picture]")
    await page.wait_for_selector("#status:has-text('底图位置已保存')")
    assert await page.is_disabled("[data-do=save-picture]")
    await page.click("[data-do=hide-picture]")
    assert await page.is_hidden("#picture")

    page.on("dialog", lambda dialog: dialog.accept())
    await tab.go(PATH)
    assert await place() == expected
    student = await opened("21071234")
    questions: list[str] = []
    student.page.on("request", lambda request: questions.append(request.url))
    await student.go("/areas/2f-hall")
    assert not [url for url in questions if "picture" in url]
    # Somebody else moves it: this one is told, keeps what was typed, and may save it with the plan.
    moved_by_another = {"place": {"x": 5, "y": 5, "width": 600, "opacity": 50}, "version": "other"}
    pictures = service.inside.db["plan_pictures"]
    await pictures.update_one({}, {"$set": moved_by_another})
    await page.fill("#picture-panel [name=width]", "700")
    await page.locator("#drawing [aria-label^='010 号']").click()
    await page.keyboard.press("ArrowRight")
    tab.expected = {409}
    await page.click("#next")
    await page.wait_for_selector("#picture-wrong:has-text('刚刚被其他人')")
    assert (await place())[2] == 700
    await page.click("#next")
    await page.wait_for_selector("text=返回修改")
    (document,) = await pictures.find().to_list(None)
    assert document["place"]["width"] == 700

    await tab.go(PATH)
    await page.click("[data-do=remove-picture]")
    await page.wait_for_selector("#status:has-text('底图已移除')")
    assert await page.is_hidden("#picture")
    assert await pictures.count_documents({}) == 0


async def test_the_editor_works_on_a_phone(opened: Open, axe: str) -> None:
    tab = await opened("administrator", **PHONE)
    await tab.go(PATH)
    assert await size(tab) >= 27, "to be hit with a finger"
    await tab.page.locator("#drawing [aria-label^='004 号']").tap()
    await tab.page.tap("[data-do=many]")
    await tab.page.locator("#drawing [aria-label^='003 号']").tap()
    await tab.page.tap("[data-do=copy]")
    assert len(await places(tab)) == 70
    await tab.page.tap("[data-do=row]")
    await tab.page.fill("#of-row [name=count]", "2")
    for x in (300, 360):
        await tab.page.touchscreen.tap(*await on_screen(tab, x, 285))
    assert len(await places(tab)) == 72
    await shows_everybody(tab, axe, PATH, phone=True)
