"""激活码: the QR code beside the digits, and the confirmation while others guess."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
import zxingcpp
from PIL import Image

from models.storage.attempt_limiter import AttemptLimit
from tests.browser.conftest import AFTERNOON, DEVICES, PHONE, Open, Tab, is_for_everybody
from tests.living import Living, living

sizes = pytest.mark.parametrize("size", DEVICES)


@pytest_asyncio.fixture(loop_scope="session")
async def service(mongo_url: str, redis_url: str) -> AsyncIterator[Living]:
    """A service with production attempt limits, at which a hundred wrong digits have just been
    counted."""
    async with living(mongo_url, redis_url, RATE_LIMIT_SCALE="1") as running:
        await running.move(AFTERNOON)
        guessed = AttemptLimit("activation:all", 100, timedelta(minutes=10))
        for _ in range(100):
            await running.inside.attempts.count(guessed, running.clock.now())
        yield running


async def scanned(tab: Tab) -> str:
    """The content of the QR code on the screen."""
    picture = await tab.page.locator(".bind-code svg").screenshot()
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))
    return str(code.text)


async def test_scanning_the_qr_code_binds_and_returns_to_the_page(
    service: Living, opened: Open, axe: str
) -> None:
    reader = await service.web_reader()
    tab = await opened(reader.number)
    await tab.go("/activation")
    link = await scanned(tab)
    assert link.startswith(f"{service.base}/bind?c=")
    await tab.page.reload()
    assert await scanned(tab) == link, "the same one after a reload"
    await is_for_everybody(tab, axe, "/activation", phone=True)
    # Another camera than the mini-program's: where to scan it.
    other = await opened(path=link.removeprefix(service.base))
    assert "扫码绑定" in await other.text("main")
    await is_for_everybody(other, axe, "/bind", phone=True)
    phone = await service.wx_user()
    await phone.ok("POST", "/bindings", {"activation_code": link.rpartition("=")[2]})
    await tab.page.wait_for_selector("text=已绑定小程序")


@sizes
async def test_the_page_asks_the_reader_to_confirm_the_binding(
    service: Living, opened: Open, axe: str, size: dict[str, Any]
) -> None:
    reader, phone = await service.web_reader(), await service.wx_user()
    tab = await opened(reader.number, **size)
    await tab.go("/activation")

    async def typed() -> str:
        """Enters the digits on the phone. Returns the match number that it shows."""
        digits = {"activation_code": await tab.text(".digits")}
        response = await phone.call("POST", "/bindings", digits)
        assert response.status == 202
        await tab.page.wait_for_selector(".match")  # by itself
        return str(response.body["match_number"])

    assert await typed() == await tab.text(".match")
    assert await tab.page.locator(".bind-code").count() == 0, "nothing else to do now"
    await is_for_everybody(tab, axe, "/activation", size is PHONE)
    await tab.page.click('button >> text="不是我"')
    assert "已作废" in await tab.text(".done")
    assert (await phone.ok("GET", "/binding-requests/current"))["state"] == "refused"
    await typed()
    await tab.page.click('button >> text="是我"')
    await tab.page.wait_for_selector("text=已绑定小程序")
    assert (await phone.ok("GET", "/me"))["reader"] is not None


@pytest.mark.whole
async def test_without_scripts_the_binding_is_confirmed_by_a_form(
    service: Living, opened: Open
) -> None:
    reader, phone = await service.web_reader(), await service.wx_user()
    tab = await opened(reader.number, java_script_enabled=False)
    await tab.go("/activation")
    await phone.post("/bindings", {"activation_code": await tab.text(".digits")})
    await tab.page.click("text=刷新本页")
    await tab.page.click('button >> text="是我"')
    assert "已绑定小程序" in await tab.text("main")

    late, other = await service.web_reader(), await service.wx_user()
    code = (await late.ok("POST", "/activation-codes"))["code"]
    await other.post("/bindings", {"activation_code": code})
    tab = await opened(late.number, java_script_enabled=False)
    await tab.go("/activation")
    await late.ok("POST", "/activation-codes", {"renew": True})  # in another window
    tab.expected = {409}
    await tab.page.click('button >> text="是我"')
    assert "这次绑定已经处理过或已过期" in await tab.text("main")
