"""日历订阅 in a browser: the whole address is visible on a small phone, copied, and revoked."""

from __future__ import annotations

import pytest

from tests.browser.conftest import PHONE, Open, shows_everybody
from tests.living import Living

pytestmark = pytest.mark.whole


async def test_a_feed_address_is_shown_copied_and_revoked(
    service: Living, opened: Open, axe: str
) -> None:
    tab = await opened("21071234", **PHONE)
    await tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await tab.page.click("a[href='/me'] >> visible=true")
    await tab.page.click("text=日历订阅")
    await tab.page.click("button:text-is('开启')")
    address = await tab.text(".secret code")
    await shows_everybody(tab, axe, "/me/calendar", True)
    await tab.page.click("button:text-is('复制')")
    await tab.page.wait_for_selector("button:text-is('已复制')")
    assert await tab.page.evaluate("navigator.clipboard.readText()") == address
    path = "/" + address.removeprefix(service.base)
    assert (await service.stranger().get(path)).status == 200
    await tab.go("/me/calendar")
    assert await tab.page.locator(".secret").count() == 0
    await tab.page.click("button:text-is('停用')")
    await tab.page.wait_for_selector("text=原来的地址已失效")
    assert (await service.stranger().get(path)).status == 404
