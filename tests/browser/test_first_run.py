"""The first run in a browser: an administrator sets up a library in an empty database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from models.identity.roles import Role
from tests.api.library_profile import CAS, picture
from tests.browser.conftest import PHONE, Open, Tab, is_for_everybody
from tests.living import Living, living

PAGES = ("/console/setup", "/console/library", "/console/venues")


@pytest_asyncio.fixture(loop_scope="session")
async def service(mongo_url: str, redis_url: str) -> AsyncIterator[Living]:
    """The service as it is installed: no sandbox, no library."""
    async with living(mongo_url, redis_url, CAS_BASE_URL=CAS) as running:
        yield running


async def signed_in(opened: Open, service: Living, role: Role | None, **options: Any) -> Tab:
    """The browser of a person who has signed in."""
    person, tab = await service.web_reader(role=role), await opened(path="/healthz", **options)
    cookie: Any = {"name": "seat_sid", "value": person.token, "url": service.base}
    await tab.context.add_cookies([cookie])
    return tab


async def test_an_administrator_sets_up_a_library(service: Living, opened: Open, axe: str) -> None:
    tab = await signed_in(opened, service, Role.ADMINISTRATOR)
    student = await signed_in(opened, service, None, **PHONE)
    await is_for_everybody(student, axe, "/", True)
    assert "尚未开放" in await student.text("h1")
    page = tab.page
    await tab.go("/")
    await page.click("text=开始设置")
    await page.fill("[name=name]", "示例大学图书馆")
    await page.fill("[name=title]", "示例大学图书馆座位预约")
    await page.set_input_files(
        "[name=logo]", {"name": "logo.jpg", "mimeType": "image/jpeg", "buffer": picture()}
    )
    await page.click("text=预览")
    assert "示例大学图书馆座位预约" in await tab.text(".preview-bar")
    assert await page.locator(".preview-bar img").count() == 1
    await page.click("button:text-is('保存')")

    assert "还有 6 步" in await tab.text("main")
    await page.click("[aria-label='场馆：去设置']")
    await page.fill("form:has(.button) [name=name]", "主馆")
    await page.click("button:text-is('新增')")
    await page.click("text=首次设置：还有 5 步")
    await page.click("text=就用现在的开放时间")
    await page.click("[aria-label='楼层和座位：去设置']")
    await page.fill("[name=id]", "room")
    await page.fill("[name=name]", "阅览室")
    await page.fill("[name=floor]", "1")
    await page.fill("[name=reason]", "新区域")
    await page.click("main form .button")
    await page.click("[data-do=add]")
    await page.click("#next")
    await page.fill("[name=reason]", "第一个座位")
    await page.click("text=确认保存")
    await page.click("text=首次设置：还有 3 步")
    await page.click("[aria-label='研修间：去设置']")
    await page.click("text=一次新增几间")
    await page.fill("[name=names]", "研修间201、研修间202")
    await is_for_everybody(tab, axe, "/console/room-settings/several", False)
    await page.fill("[name=names]", "研修间201、研修间202")
    await page.click("main form .button")
    await page.click("text=首次设置：还有 2 步")
    await page.click("text=就用现在的规则")
    await page.click("[aria-label='馆员和设备：稍后再设']")
    await page.click("text=已经安排好")
    for path in PAGES:
        await is_for_everybody(tab, axe, path, False)
    await page.click(".setup-bar >> text=完成设置")
    await page.wait_for_url("**/console?done=setup")
    assert await page.locator(".setup-bar").count() == 0
    await student.go("/")
    assert "阅览室" in await student.text("main")
    assert await student.page.locator("text=尚未开放").count() == 0


@pytest.mark.whole
async def test_the_setup_steps_are_accessible_on_a_phone(
    service: Living, opened: Open, axe: str
) -> None:
    tab = await signed_in(opened, service, Role.ADMINISTRATOR, **PHONE)
    await tab.go("/console/setup")
    await tab.page.click("text=开始设置")
    for path in PAGES:
        await tab.page.set_viewport_size(PHONE["viewport"])
        await is_for_everybody(tab, axe, path, True)


@pytest.mark.whole
async def test_the_sign_in_page_is_accessible_and_names_no_mini_program(
    service: Living, opened: Open, axe: str
) -> None:
    """The campus sign-on is the only way to sign in."""
    tab = await opened(**PHONE)
    for path in ("/", "/privacy"):
        await is_for_everybody(tab, axe, path, phone=True)
        assert "小程序" not in await tab.text("body"), path
