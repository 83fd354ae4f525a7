"""The card of the current booking: the next action, its deadline, and updates."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from models.identity.roles import Role
from tests.browser.conftest import (
    DESKTOP,
    NAMES_OF_SIZES,
    READER_SIZES,
    Open,
    is_for_everybody,
    screen,
    shows_everybody,
    sizes,
)
from tests.living import Living

LATER = "ms => { const real = Date.now; Date.now = () => real() + ms; tick(); }"
"""The browser's clock goes on; the service's does not."""
COLOUR = "one => getComputedStyle(one).color"
GREEN = """() => {
  const one = document.body.appendChild(document.createElement("p"));
  one.className = "done";
  return getComputedStyle(one).color;
}"""
GRIP = "getComputedStyle(document.querySelector('.handle'), '::before').backgroundColor"
CHOSEN = "getComputedStyle(document.querySelector('.piece.chosen')).backgroundColor"
PICTURE_SIZE = """
async (src) => {
  const picture = await createImageBitmap(await (await fetch(src)).blob());
  return `${picture.width}x${picture.height}`;
}
"""


@pytest.mark.parametrize("size", NAMES_OF_SIZES)
async def test_a_stopped_deadline_shows_no_countdown_and_reloads_nothing(
    service: Living, opened: Open, axe: str, size: str
) -> None:
    reader = await service.web_reader()
    made = await reader.reserve(start="now", end="18:00")
    report = {"kind": "occupied", "qr": await service.qr()}
    await reader.ok("POST", f"/reservations/{made['id']}/report", report)
    tab = await opened(reader.number, **READER_SIZES[size])
    await service.move(timedelta(minutes=35))
    for path in ("/", "/reservations", f"/reservations/{made['id']}"):
        await tab.go(path)
        card = await tab.text(".pass")
        assert "不计签到时限" in card and "图书馆正在处理" in card
        assert "不会记违约" in card and "否则" not in card and "还有" not in card
        assert await tab.page.locator(".pass [data-until]").count() == 0
        for more in await tab.page.locator("details.more > summary").all():
            box = await more.bounding_box()
            assert box is not None and box["height"] >= 44
        await tab.page.evaluate(LATER, 3_600_000)
        assert await tab.page.evaluate("due") == 0, "the page does not renew itself"
    if size in ("1280", "375"):
        await is_for_everybody(tab, axe, "/", phone=size != "1280")
    await tab.page.click(".pass >> text=换到附近的空位")
    await tab.page.wait_for_selector("text=换到附近的空位 >> nth=0")


@pytest.mark.parametrize(("width", "height"), sizes((320, 568), (390, 844), (1280, 800)))
async def test_a_report_without_presence_proof_warns_that_the_deadline_runs(
    service: Living, opened: Open, width: int, height: int
) -> None:
    """A reader without a presence proof is warned before and after the tap."""
    reader = await service.web_reader()
    made = await reader.reserve(start="now", end="18:00")
    tab = await opened(reader.number, **screen(width, height))
    page = tab.page
    await page.click(".pass >> text=座位被占")
    question = await tab.text("dialog[open]")
    assert "现在报告只告诉图书馆，时限照常" in question and "不占用" not in question, question
    await page.click("dialog >> text=只告诉图书馆 >> nth=-1")
    assert "时限照常：请到选座机或查询机扫码后再报告" in await tab.text(".done.warning")
    assert await page.locator(".done.warning").evaluate(COLOUR) != await page.evaluate(GREEN)
    # Who has checked in keeps what is promised, as often as reports of a day stop a deadline.
    await reader.ok("POST", f"/reservations/{made['id']}/check-in", {"qr": await service.qr()})
    for _ in range(2):
        await page.reload()
        await page.click(".pass >> text=座位被占")
        assert "可以马上换到附近的空位，不占用当天的预约次数" in await tab.text("dialog[open]")
        await page.click("dialog >> text=报告图书馆 >> nth=-1")
        assert await tab.text(".done:not(.warning)") == "已告诉图书馆，请选一个附近的空位"
        await page.click("section:has(h2:text-is('换到附近的空位')) button >> nth=0")
        assert "已更改" in await tab.text(".done")
    await page.click(".pass >> text=座位被占")
    assert "图书馆已经知道，时限照常" in await tab.text("dialog[open]")
    assert await page.locator("dialog button").count() == 0
    staff = await service.web_reader(role=Role.LIBRARIAN)
    await staff.ok("POST", f"/staff/reports/{made['id']}/resolve")
    await page.reload()
    await page.click(".pass >> text=座位被占")
    assert "今天停止时限的次数已用完" in await tab.text("dialog[open]")
    await page.click("dialog >> text=只告诉图书馆 >> nth=-1")
    assert "今天停止时限的次数已用完" in await tab.text(".done.warning")


async def test_a_passed_deadline_reloads_the_page_once(service: Living, opened: Open) -> None:
    reader = await service.web_reader()
    await reader.reserve(start="now", end="18:00")
    tab = await opened(reader.number)
    page = tab.page
    assert await tab.text(".pass .big") == "16:38 前签到"
    assert "还有 30 分钟" in await tab.text(".pass") or "还有 29 分钟" in await tab.text(".pass")
    # Not while somebody answers a question.
    await page.click(".pass >> text=取消")
    await page.wait_for_selector("dialog[open]")
    assert await page.evaluate(
        "document.querySelector('dialog').getAttribute('aria-labelledby')"
    ) == await page.evaluate("document.querySelector('dialog h1').id"), "it has a name"
    await page.evaluate(LATER, 3_600_000)
    assert await page.evaluate("due") == 0
    await page.click("dialog >> text=再想想")
    await page.evaluate("tick()")
    assert await page.evaluate("due") != 0
    await page.reload()
    await page.evaluate(LATER, 3_600_000)
    assert await page.evaluate("due") == 0, "for the same deadline no second time"


@pytest.mark.parametrize("size", NAMES_OF_SIZES)
async def test_actions_are_shown_once_most_needed_first(
    service: Living, opened: Open, axe: str, size: str
) -> None:
    reader = await service.web_reader()
    made = await reader.reserve(start="now", end="18:00")
    tab = await opened(reader.number, **READER_SIZES[size])
    await tab.go("/reservations")
    actions = tab.page.locator(".pass :is(.button, .acts a)")
    assert await actions.all_inner_texts() == ["扫码签到", "座位被占", "取消"]
    assert await tab.page.locator("text=/^(取消|扫码签到|座位被占)$/").count() == 3
    later = await reader.reserve("2f-hall-010", start="20:00", end="21:00")
    await tab.page.reload()
    seat = await tab.page.locator(".records .where").first.bounding_box()
    state = await tab.page.locator(".records .state span").first.bounding_box()
    assert seat is not None and state is not None
    middle = seat["y"] + seat["height"] / 2, state["y"] + state["height"] / 2
    assert abs(middle[0] - middle[1]) < 4, "seat and state stand on one line"
    await reader.ok("POST", f"/reservations/{later['id']}/cancel")
    await reader.ok("POST", f"/reservations/{made['id']}/check-in", {"qr": await service.qr()})
    await tab.page.reload()
    assert await actions.all_inner_texts() == ["暂离", "结束", "提前到", "座位被占"]
    assert await tab.text(".pass .big") in ("还剩 1 小时 52 分", "还剩 1 小时 51 分")
    if size in ("1280", "375"):
        await shows_everybody(tab, axe, "/reservations in use", phone=size != "1280")


async def test_forced_colours_keep_the_time_left_and_the_grips(
    service: Living, opened: Open
) -> None:
    """On a light page, whose background is not the pass's."""
    reader = await service.web_reader()
    made = await reader.reserve(start="now", end="18:00")
    tab = await opened(reader.number)
    await tab.page.emulate_media(forced_colors="active", color_scheme="light")
    await tab.go(f"/reservations/{made['id']}")
    for part, paint in ((".ring text", "fill"), (".ring .rest", "stroke")):
        colour = await tab.page.locator(part).evaluate(f"one => getComputedStyle(one).{paint}")
        assert colour != await tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
    await tab.go("/areas/2f-hall?seat=2f-hall-063")
    await tab.page.wait_for_selector("#panel .handle")
    assert await tab.page.evaluate(GRIP) != await tab.page.evaluate(CHOSEN)


async def test_an_action_done_in_another_tab_is_shown(service: Living, opened: Open) -> None:
    reader = await service.web_reader()
    made = await reader.reserve(start="17:00", end="18:00")
    tab = await opened(reader.number)
    await tab.go("/reservations")
    await reader.ok("POST", f"/reservations/{made['id']}/cancel")
    await tab.page.click(".pass >> text=取消")
    await tab.page.wait_for_selector(".done >> text=这次预约的状态已经变了")
    assert "已取消" in await tab.text("main .more")


async def test_without_scripts_the_card_shows_the_times(service: Living, opened: Open) -> None:
    reader = await service.web_reader()
    made = await reader.reserve(start="now", end="18:00")
    tab = await opened(reader.number, java_script_enabled=False, **DESKTOP)
    assert await tab.text(".pass .big") == "16:38 前签到"
    await reader.ok("POST", f"/reservations/{made['id']}/check-in", {"qr": await service.qr()})
    await tab.page.reload()
    assert await tab.text(".pass .big") == "可用到 18:00"


# --- around every page --------------------------------------------------------------------------


@pytest.mark.whole
async def test_the_web_manifest_has_a_name_and_icons(service: Living, opened: Open) -> None:
    tab = await opened("21071234")
    page = tab.page
    assert "座位预约" in str(await page.get_attribute("meta[name=description]", "content"))
    assert await page.locator("meta[name=theme-color]").count() == 2
    devtools = await tab.context.new_cdp_session(page)
    manifest_found: Any = await devtools.send("Page.getAppManifest")
    assert manifest_found["errors"] == [] and manifest_found["url"].endswith(
        "/manifest.webmanifest"
    )
    manifest = await page.evaluate("fetch('/manifest.webmanifest').then((a) => a.json())")
    assert manifest["name"] == "北京工业大学图书馆座位预约系统"
    for icon in manifest["icons"]:
        assert await page.evaluate(PICTURE_SIZE, icon["src"]) == icon["sizes"]


@pytest.mark.whole
async def test_the_choice_is_visible_in_forced_colours(opened: Open) -> None:
    tab = await opened("21071234", forced_colors="active", **DESKTOP)
    await tab.go("/areas/2f-hall?seat=2f-hall-063")
    await tab.page.wait_for_selector("#panel .day")
    edge = "one => getComputedStyle(one).outlineStyle"
    for chosen in (".menu [aria-current]", ".presets [aria-pressed=true]"):
        assert await tab.page.locator(chosen).first.evaluate(edge) == "solid", chosen
