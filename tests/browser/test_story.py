"""The manual's story from signing in to 结束, step by step, on a desktop and on a phone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import zxingcpp
from PIL import Image

from tests.browser.conftest import DESKTOP, PHONE, Open, Tab
from tests.living import Living


async def scan(service: Living, opened: Open, tmp_path: Any, kiosk: str = "2f-south") -> str:
    """The content of the kiosk's code."""
    keys = (await service.anonymous.ok("GET", "//sandbox/kiosks"))["items"]
    key = next(item["key"] for item in keys if item["id"] == kiosk)
    screen = await opened(path=f"/kiosk/{kiosk}#key={key}", viewport={"width": 1080, "height": 720})
    await screen.page.wait_for_selector("#code svg")
    await screen.page.wait_for_selector(".mini-code img")
    await screen.page.wait_for_load_state("networkidle")
    assert key not in screen.page.url, "the key has left the address"
    file = tmp_path / "kiosk.png"
    await screen.page.screenshot(path=file)
    await screen.page.close()
    codes = {str(code.text) for code in zxingcpp.read_barcodes(Image.open(file))}
    assert f"sandbox:k={kiosk}" in codes, "a seat kiosk shows the mini-program's code as well"
    (kiosk_code,) = (code for code in codes if "/k/" in code)
    return kiosk_code


@pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_the_manuals_story_works_step_by_step(
    service: Living, opened: Open, tmp_path: Any, device: dict[str, Any]
) -> None:
    tab = await opened("21071234", **device)
    page = tab.page

    # 1.3 自选座位: an area, a seat, 现在 to 18:00.
    assert "北京工业大学图书馆座位预约系统" in await tab.text(".bar")
    await page.click('[data-area="2f-hall"]')
    await page.click('[id="2f-hall-065"]')
    await page.wait_for_selector("#panel .day")
    starts = await tab.choices("start")
    assert starts == ["现在", "17:00", "18:00", "19:00", "20:00", "21:00", "22:00"]
    await tab.choose("现在")
    assert await tab.choices("end") == ["17:00", "18:00", "19:00", "20:00"]
    if device is DESKTOP:
        box = await page.locator("#panel .panel-foot .button").bounding_box()
        assert box is not None and box["y"] + box["height"] <= 800, "no scrolling to 立即预约"
    await tab.choose(end="18:00")
    await page.click("#panel .panel-foot .button")
    assert await tab.text(".done") == "预约成功"
    assert await tab.text(".pass .big") == "16:38 前签到"

    # 1.4 我的预约.
    await page.click("nav:visible >> text=/^(我的预约|预约记录)$/")
    assert await page.get_attribute(".pass", "aria-label") == "当前预约：图书馆2层二层中厅065号"
    assert await tab.text(".pass .pass-head span") == "已预约"

    # 2.5 签到 by the kiosk's code, which a camera opens in this browser.
    await page.goto(await scan(service, opened, tmp_path))
    assert "c=" not in page.url, "the code has left the address"
    await page.click("main >> text=签到 >> nth=-1")
    assert await tab.text(".done") == "签到成功"
    assert await tab.text(".pass .pass-head span") == "使用中"
    assert "065 号" in await tab.text(".pass") and "二层中厅" in await tab.text(".pass")

    # 暂离 says until when before it is pressed (it touches a meal: 60 minutes).
    await service.move("16:30")
    await page.reload()
    await page.click(".pass >> text=暂离")
    assert "请在 17:30 前返回" in await tab.text("dialog[open]")
    await page.click("text=确定暂离")
    assert await tab.text(".pass .big") == "请在 17:30 前返回"

    # 返回 by another code.
    await service.move(timedelta(minutes=10))
    await page.goto(await scan(service, opened, tmp_path))
    await page.click("text=返回座位")
    assert await tab.text(".done") == "已返回，继续使用"

    # 续约 in the last hour, 结束 after a question.
    await service.move("17:10")
    await page.reload()
    await page.click(".pass >> text=续约")
    await page.check('dialog input[value="19:00"]', force=True)
    await page.click("text=确定续约")
    assert await tab.text(".done") == "续约成功"
    await page.click(".pass >> text=结束")
    assert "确认结束当前座位吗" in await tab.text("dialog[open]")
    await page.click("dialog >> text=再想想")
    assert await page.locator("dialog[open]").count() == 0
    await page.click(".pass >> text=结束")
    await page.click("button >> text=确认结束")
    await page.wait_for_selector(".done >> text=已结束使用")
    assert "结束使用" in await tab.text("main .more")
    history = await page.locator(".history li").all_inner_texts()
    words = [line.split(" ")[-1] for line in history]
    assert words == ["预约", "签到", "暂离", "返回", "续约", "结束使用"]

    # 1.2 退出 asks first.
    await page.goto(f"{service.base}/me")
    await page.click("a:visible:has-text('退出') >> nth=-1")
    await page.click("dialog >> button")
    await page.goto(f"{service.base}/")
    await page.wait_for_selector("text=统一身份认证登录")


async def test_cancelling_asks_for_confirmation_and_reports_success(opened: Open) -> None:
    tab = await opened("21071234")
    await _book(tab, "066")
    await tab.go("/reservations")
    assert await tab.page.locator("tbody tr").count() == 0, "what the pass has, once"
    await tab.page.click(".pass >> text=取消")
    assert "将取消该预约" in await tab.text("dialog[open]")
    await tab.page.click("text=确定取消")
    assert await tab.text(".done") == "已取消预约"
    assert await tab.text("tbody .state") == "已取消"
    await tab.page.go_back()
    await tab.page.wait_for_selector("tbody .state >> text=已取消")


async def _book(tab: Tab, no: str) -> None:
    await tab.page.click('[data-area="2f-hall"]')
    await tab.page.click(f'[id="2f-hall-{no}"]')
    await tab.page.click("#panel .panel-foot .button")
    await tab.page.wait_for_selector(".done")


async def test_without_scripts_a_seat_is_booked_and_cancelled(opened: Open) -> None:
    tab = await opened("21071234", java_script_enabled=False, **DESKTOP)
    page = tab.page
    await page.click('[data-area="2f-hall"]')
    await page.click('[id="2f-hall-012"]')
    await page.click("#panel >> text=18:00 >> nth=0")
    await page.check('input[name=end][value="20:00"]', force=True)
    await page.click("#panel .panel-foot .button")
    assert await tab.text(".done") == "预约成功"
    assert "18:00–20:00" in await tab.text(".pass")
    await page.click(".pass >> text=取消")
    await page.click("text=确定取消")
    assert await tab.text(".done") == "已取消预约"


async def test_the_activation_code_survives_a_reload_and_the_binding_is_shown(
    service: Living, opened: Open
) -> None:
    tab = await opened("21071234")
    await tab.go("/activation")
    digits = await tab.text(".digits")
    await tab.page.reload()
    assert await tab.text(".digits") == digits, "the same one after a reload"
    await tab.page.click("text=换一个激活码")
    renewed = await tab.text(".digits")
    assert renewed != digits
    phone = await service.wx_user()
    await phone.ok("POST", "/bindings", {"activation_code": renewed})
    await tab.page.wait_for_selector("text=已绑定小程序", timeout=4000)
    await tab.page.click("button >> text=解除绑定")
    await tab.page.wait_for_selector(".digits")


async def test_a_refused_change_keeps_the_old_booking(service: Living, opened: Open) -> None:
    reader = await service.web_reader()
    made = await reader.reserve("2f-hall-066", "17:00", "18:00")
    tab = await opened(reader.number)
    page = tab.page
    await page.route("**/events*", lambda route: route.abort())  # so that it is late
    await tab.go("/reservations")
    await page.click(".pass >> text=更改")
    assert "正在更改 图书馆2层二层中厅066号" in await tab.text(".lost")
    assert await tab.times() == ("17:00", "18:00"), "its own time is free for it"
    await page.click('[id="2f-hall-064"]')
    await page.wait_for_selector('#panel h2 >> text="064 号"')
    rival = await service.reader()
    await rival.reserve("2f-hall-064", "17:00", "19:00")
    tab.expected = {409}
    await page.click("#panel .panel-foot .button")
    assert "已被预约" in await tab.text(".refusal")
    assert (await reader.ok("GET", f"/reservations/{made['id']}"))["rev"] == made["rev"]
    await page.click(".refusal .chip >> nth=0")
    await page.wait_for_selector(".refusal", state="detached")
    await page.click("#panel .panel-foot .button")
    assert await tab.text(".done") == "已更改预约"
    now = await reader.ok("GET", f"/reservations/{made['id']}")
    assert now["seat"]["id"] not in ("2f-hall-064", "2f-hall-066")
    assert now["start"][11:16] == "17:00"
