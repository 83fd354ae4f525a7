"""对外通知 in a browser: an endpoint is added, tested, fails, is sent again and deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from aiohttp import web

from tests.browser.conftest import AFTERNOON, DESKTOP, PHONE, Open, Tab, shows_everybody
from tests.living import Living, living
from tests.receiver import NewReceiver

pytestmark = pytest.mark.whole


@pytest_asyncio.fixture(loop_scope="session")
async def service(mongo_url: str, redis_url: str) -> AsyncIterator[Living]:
    """The service with this machine's address allowed for webhooks."""
    async with living(mongo_url, redis_url, WEBHOOK_ALLOWED_NETWORKS="127.0.0.0/8") as running:
        await running.move(AFTERNOON)
        yield running


async def at_both_sizes(tab: Tab, axe: str, what: str) -> None:
    """Checks the open page's accessibility on a desktop and on a phone."""
    await shows_everybody(tab, axe, what, phone=False)
    await tab.page.set_viewport_size(PHONE["viewport"])
    await shows_everybody(tab, axe, f"{what} on a phone", phone=True)
    await tab.page.set_viewport_size(DESKTOP["viewport"])


async def test_an_endpoint_receives_events_and_a_dead_one_is_sent_again(
    service: Living, opened: Open, axe: str, receiver: NewReceiver
) -> None:
    program = await receiver()
    tab = await opened("administrator")
    tab.expected = {400}
    page = tab.page
    await tab.go("/console")
    await page.click("nav >> text=对外通知")
    await page.fill("[name=url]", program.url)
    await page.fill("[name=description]", "门口屏")
    await page.fill("[name=reason]", "试用")
    await page.click("button:text-is('新增并显示密钥')")
    await page.wait_for_selector("text=至少一种")
    assert await page.input_value("[name=url]") == program.url
    await page.check("[value='reservation.created']")
    await page.check("[value='reservation.ended']")
    await page.click("button:text-is('新增并显示密钥')")
    secret = await tab.text(".key code")
    await page.click("button:text-is('发送测试')")
    await page.wait_for_selector("text=测试成功：已收下（HTTP 204）")
    assert program.verified(secret)[0]["type"] == "webhook.ping"
    program.answer = lambda _: web.Response(status=500)
    reader = await service.reader()
    for seat in ("2f-hall-001", "2f-hall-002"):
        other = {} if seat.endswith("1") else {"date": service.tomorrow}
        await reader.reserve(seat, "18:00", "19:00", **other)
    await service.settle()
    await service.move(timedelta(hours=26))
    await tab.context.clear_cookies()
    tab = await opened("administrator")
    page = tab.page
    await tab.go("/console/webhooks")
    await at_both_sizes(tab, axe, "list")
    await page.click("main a:has-text('门口屏')")
    await at_both_sizes(tab, axe, "one")
    program.answer = lambda _: web.Response(status=200)
    await page.click("section:has(h2:text-is('未送达')) >> text=再次发送 >> nth=1")
    await page.wait_for_selector("text=已重新排队")
    await service.settle()
    await page.reload()
    assert "已送达" in await tab.text("section:has(h2:text-is('最近的发送')) table")
    await page.click("summary:text-is('删除')")
    await page.fill("details[open] [name=reason]", "不再需要")
    await page.click("button:text-is('确认删除')")
    await page.wait_for_selector("text=还没有接收方")
