"""签到 on a phone and at a desk: the camera opens by itself, or the digits are typed at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import segno
from PIL import Image, ImageFilter

from tests.api.kiosk import key_of
from tests.browser.conftest import DESKTOP, PHONE, Open, Tab, chromium, shows_everybody, whole
from tests.living import Client, Living

SMALL = {**PHONE, "viewport": {"width": 320, "height": 568}}
NO_CAMERA = "navigator.mediaDevices.enumerateDevices = async () => [];"
REFUSED = """
navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", "NotAllowedError"));
"""
WITH_LIGHT = """
navigator.permissions.query = () => Promise.reject(new TypeError("camera is unknown"));
MediaStreamTrack.prototype.getCapabilities = () => ({ torch: true });
MediaStreamTrack.prototype.applyConstraints = async (asked) => {
  window.asked = asked.advanced[0];
};
"""
"""A browser that does not say whether it would ask, such as Firefox, and a camera with a light."""
DETECTOR = """
window.BarcodeDetector = class {
  static async getSupportedFormats() { return ["qr_code"]; }
  async detect() { return window.before ? [{ rawValue: window.before }] : []; }
};
"""
"""Chromium has a detector on phones and none here, so this one stands in; the camera is
Chromium's own (a moving test picture)."""


def film(file: Path, code: str) -> None:
    """Writes what a camera sees of the code on a screen: at an angle, blurred, in grey light."""
    png = BytesIO()
    segno.make(code, error="m").save(png, kind="png", scale=5, border=4, dark="#333", light="#bbb")
    size = (640, 480)
    scene = Image.new("L", size, 90)
    screen = Image.open(png).convert("L").rotate(17, expand=True, fillcolor=90)
    scene.paste(screen, ((size[0] - screen.width) // 2, (size[1] - screen.height) // 2))
    scene = scene.transform(size, Image.Transform.QUAD, (0, 0, 30, 480, 600, 450, 640, 20))
    grey = scene.filter(ImageFilter.GaussianBlur(1.2)).tobytes()
    frame = b"FRAME\n" + grey + bytes([128]) * (size[0] * size[1] // 2)
    file.write_bytes(b"YUV4MPEG2 W640 H480 F10:1 Ip A1:1 C420jpeg\n" + frame * 2)


@asynccontextmanager
async def phone_with_camera(service: Living, film: Path) -> AsyncIterator[Tab]:
    async with chromium(f"--use-file-for-fake-video-capture={film}") as running:
        context = await running.new_context(locale="zh-CN", **PHONE)
        tab = Tab(service, context, await context.new_page())
        yield tab
        assert tab.wrong == []


async def here(service: Living) -> tuple[Client, Any]:
    reader = await service.web_reader()
    return reader, await reader.reserve(start="now", end="17:00")


@pytest.mark.parametrize("language", ["zh-CN", pytest.param("en", marks=whole)])
async def test_the_digits_are_reachable_beside_an_open_camera(
    service: Living, opened: Open, language: str
) -> None:
    """Without scrolling, on short phones and on one that lies on its side."""
    reader, _ = await here(service)
    tab = await opened(reader.number, **PHONE | {"locale": language})
    for width, height in ((320, 568), (375, 553), (390, 664), (844, 390)):
        await tab.page.set_viewport_size({"width": width, "height": height})
        await tab.go("/check-in")
        await tab.page.wait_for_selector("#scan-said >> text=/请对准二维码|Point the camera/")
        menu = await tab.page.locator(".menu").bounding_box()
        assert menu, "the bar below covers what lies under it"
        for part in (".viewfinder", "#digits", ".digits-form .button"):
            box = await tab.page.locator(part).bounding_box()
            assert box and box["y"] + box["height"] <= menu["y"], (part, width, height)
            assert box["height"] >= 44 and box["x"] + box["width"] <= width, (part, width, height)


async def state_of(reader: Client, made: Any) -> str:
    return str((await reader.ok("GET", f"/reservations/{made['id']}"))["state"])


async def test_the_camera_opens_by_itself_and_reads_a_code_where_the_browser_cannot(
    service: Living, tmp_path: Path
) -> None:
    reader, made = await here(service)
    picture = tmp_path / "camera.y4m"
    async with phone_with_camera(service, picture) as tab:
        await tab.go("/")
        await tab.page.click("text=统一身份认证登录")
        await tab.sign_in(reader.number)
        assert not await tab.page.evaluate("'BarcodeDetector' in window")
        film(picture, await service.qr())
        loaded = list[str]()
        tab.page.on("request", lambda request: loaded.append(request.url))
        await tab.go("/check-in")
        await tab.page.wait_for_url("**/k/2f-south/check-in")
        assert [url for url in loaded if "/static/qr." in url], "the decoder, here only"
        await tab.page.click("main button >> text=签到")
        assert await tab.text(".done") == "签到成功"
    assert await state_of(reader, made) == "in_use"


async def test_scanning_in_the_page_checks_in_and_a_used_code_leads_back(
    service: Living, opened: Open, axe: str
) -> None:
    reader, made = await here(service)
    tab = await opened(reader.number, **PHONE)
    await tab.context.add_init_script(DETECTOR)
    loaded = list[str]()
    tab.page.on("request", lambda request: loaded.append(request.url))
    await tab.go("/check-in")
    page = tab.page
    await page.wait_for_selector("text=请对准二维码")
    picture = await page.locator(".viewfinder").bounding_box()
    assert picture and (picture["x"], picture["width"]) == (0, 390)
    assert await page.locator("#torch:visible").count() == 0, "this camera has no light"
    await shows_everybody(tab, axe, "/check-in", phone=True)
    await page.evaluate("window.before = 'https://evil.example/k/2f-south?c=12345678'")
    await page.wait_for_selector("text=这不是选座机、查询机、座位或房间的签到码")
    code = await service.qr()
    await page.evaluate("code => { window.before = code }", code)
    await page.wait_for_url("**/k/2f-south/check-in")
    await page.click("main button >> text=签到")
    assert await tab.text(".done") == "签到成功"
    assert not [url for url in loaded if "/static/qr." in url]

    # The same code once more, for another booking of the same reader: it was used.
    await reader.ok("POST", f"/reservations/{made['id']}/finish")
    again = await reader.reserve("2f-hall-064", start="now", end="17:00")
    tab.expected = {422}
    await tab.page.goto(code)
    await page.click("main button >> text=签到")
    assert "您已用过" in await tab.text("main")
    assert await page.get_attribute("main .button", "href") == "/check-in", "back to scan anew"
    assert await state_of(reader, again) == "reserved"


@pytest.mark.parametrize(
    ("device", "script", "camera"),
    [
        pytest.param(SMALL, NO_CAMERA, False, id="no-camera"),
        pytest.param(PHONE, REFUSED, True, id="refused"),
        pytest.param(DESKTOP, "", True, id="desktop", marks=whole),
    ],
)
async def test_without_a_camera_the_digits_are_typed_at_once(
    service: Living, opened: Open, device: dict[str, Any], script: str, camera: bool
) -> None:
    reader, made = await here(service)
    screen = await opened(path=f"/kiosk/2f-north#key={await key_of(service, '2f-north')}")
    await screen.page.wait_for_function("() => document.querySelector('#digits').textContent")
    digits = await screen.text("#digits")
    assert len(digits) == 7 and (await service.qr("2f-north")).endswith(digits.replace(" ", ""))
    tab = await opened(reader.number, **device)
    await tab.context.add_init_script(script)
    await tab.go("/check-in")
    await tab.page.wait_for_selector("#digits:focus")
    assert await tab.page.locator("#scan-start").is_visible() == camera
    assert await tab.page.locator(".viewfinder").is_hidden()
    keys = tab.page.keyboard
    tab.expected = {422}
    await keys.type("000000" if digits != "000 000" else "111111")
    await keys.press("Enter")
    await tab.page.wait_for_selector("[role=alert] >> text=数字不对")
    await tab.page.wait_for_selector("#digits:focus")
    assert await tab.page.locator(".viewfinder").is_hidden(), "who types goes on typing"
    await keys.type(digits)
    await keys.press("Enter")
    await tab.page.wait_for_selector(".done >> text=签到成功")
    assert await state_of(reader, made) == "in_use"
    # Nothing is to be scanned now, so nothing opens, and nothing asks for digits.
    await tab.go("/check-in")
    await tab.page.wait_for_selector("main >> text=已签到")
    assert await tab.page.locator("#digits").count() == 0
    assert await tab.page.locator(".viewfinder").is_hidden()


@whole
async def test_a_browser_that_hides_its_permission_opens_the_camera_by_one_large_button(
    service: Living, opened: Open
) -> None:
    reader, _ = await here(service)
    tab = await opened(reader.number, **PHONE)
    await tab.context.add_init_script(WITH_LIGHT)
    await tab.go("/check-in")
    page, light = tab.page, tab.page.locator("#torch")
    await page.wait_for_selector("#scan-start")
    button = await page.locator("#scan-start").bounding_box()
    assert button and button["width"] > 300 and button["height"] >= 44
    assert await page.locator(".viewfinder").is_hidden()
    assert not await page.locator("#digits").evaluate("field => field === document.activeElement")
    await page.click("#scan-start")
    await page.wait_for_selector("text=请对准二维码")
    for on in (True, False):
        await light.click()
        await page.wait_for_selector(f"#torch[aria-pressed={str(on).lower()}]")
        assert await page.evaluate("window.asked") == {"torch": on}
