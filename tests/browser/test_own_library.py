"""From an empty database to a student who has checked in, in browsers alone.

Every click, choice and key of a person goes through a ``Hand``, which counts it. On the campus's
page the administrator needs 40 clicks and 69 characters, a student 8 and 13.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest_asyncio
import zxingcpp
from openpyxl import Workbook  # type: ignore[import-untyped]
from PIL import Image
from playwright.async_api import FilePayload, Page

from miniapp_server.sandbox.cas import ROOT, CasState, cas_routes
from miniapp_server.sandbox.cas_repository import SandboxCas
from tests.browser.conftest import PHONE, Open, Tab
from tests.living import Living, free_port, living
from tests.stand_in import StandIn

FLOORS: Final = (("1", "报刊阅览室", 12), ("2", "自习室", 30), ("-1", "密集书库", 6))
MOST_OF_HEAD: Final = (42, 75)
"""Clicks and keys from the campus's page to the end of the first run."""
MOST_OF_STUDENT: Final = (9, 15)
"""Clicks and keys from the campus's page to the check-in."""
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest_asyncio.fixture(loop_scope="session")
async def service(mongo_url: str, redis_url: str, stand_in: StandIn) -> AsyncIterator[Living]:
    """The service as it is installed, without a library, and a campus where people sign in."""
    port = free_port()
    cas = f"http://127.0.0.1:{port}{ROOT}"
    async with living(
        mongo_url, redis_url, CAS_BASE_URL=cas, CAS_ADMINISTRATOR_GROUP="library-head"
    ) as running:
        state = CasState(SandboxCas(running.db), running.clock.now, (running.base,))
        await stand_in(cas_routes(state), port)
        yield running


@dataclass
class Hand:
    """A person's input in a tab. ``clicks`` counts a field to be filled as one, a choice in a list
    or of a file as two; ``keys`` counts typed characters."""

    tab: Tab = field(repr=False)
    clicks: int = 0
    keys: int = 0

    @property
    def page(self) -> Page:
        return self.tab.page

    async def click(self, selector: str) -> None:
        self.clicks += 1
        await self.page.click(selector)

    async def type(self, selector: str, text: str) -> None:
        self.clicks += 1
        self.keys += len(text)
        await self.page.fill(selector, text)

    async def select(self, selector: str, value: str) -> None:
        self.clicks += 2
        await self.page.select_option(selector, value)

    async def choose_file(self, selector: str, name: str, content: bytes) -> None:
        self.clicks += 2
        file: FilePayload = {"name": name, "mimeType": XLSX, "buffer": content}
        await self.page.set_input_files(selector, file)

    async def scan(self, screen: Tab) -> None:
        """Scans the screen with the phone and opens the link in the code."""
        self.clicks += 1
        picture = await screen.page.screenshot()
        (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))
        await self.page.goto(code.text)

    async def sign_in(self, account: str) -> None:
        await self.click("text=统一身份认证登录")
        await self.type("[name=username]", account)
        await self.type("[name=password]", "demo")
        self.keys += 1
        await self.page.press("[name=password]", "Enter")
        await self.page.wait_for_url(f"{self.tab.service.base}/**")


async def hand(opened: Open, **options: Any) -> Hand:
    """A person with a browser that may also open the campus's page."""
    tab = await opened(**options)
    tab.known += (tab.service.settings.cas.base_url,)
    return Hand(tab)


def three_floors() -> bytes:
    """A workbook with a row for each seat and an aisle after every second column."""
    book, file = Workbook(), io.BytesIO()
    book.active.append(["区域", "楼层", "座位号", "行", "列", "电源"])
    for floor, name, seats in FLOORS:
        for n in range(seats):
            column = n % 6 + 1 + n % 6 // 2
            power = "是" if n % 3 == 0 else None
            book.active.append([name, int(floor), f"A-{n + 1}", n // 6 + 1, column, power])
    book.save(file)
    return file.getvalue()


async def set_up(head: Hand, screen: Tab) -> None:
    """Goes through all seven steps by the links of the first run's page."""
    tab = head.tab
    await head.sign_in("administrator")
    assert await tab.text("h1") == "首次设置", "led here after signing in"
    await head.click("text=开始设置")

    await head.type("[name=name]", "示例大学图书馆")
    await head.type("[name=title]", "示例大学图书馆座位预约")
    await head.click("button:text-is('保存')")

    await head.click("[aria-label='场馆：去设置']")
    await head.type("form:has(.button) [name=name]", "主馆")
    await head.click("button:text-is('新增')")
    await head.click("text=首次设置：还有 5 步")

    await head.click("[aria-label='每周开放时间：去设置']")
    await head.click("summary:has-text('更改每周时间')")
    await head.type("[name=opens5]", "09:00")
    await head.type("[name=closes5]", "17:00")
    await head.select("[name=day6]", "closed")
    await head.click("button:has-text('核对每周时间')")
    assert "周六 09:00–17:00；周日 闭馆" in await tab.text(".big")
    await head.type("[name=why]", "开馆")
    await head.click("text=确认发布")
    await head.click("text=首次设置：还有 4 步")

    await head.click("[aria-label='楼层和座位：去设置']")
    await head.click("text=从文件导入区域和座位")
    await head.choose_file("[name=file]", "座位.xlsx", three_floors())
    await head.click("text=下一步：预览")
    text = await tab.text("main")
    for _, name, seats in FLOORS:
        assert name in text and f"新区域，{seats} 个座位" in text
    assert not tab.service.inside.reference.catalog.areas, "nothing is written before"
    await head.type("[name=reason]", "开馆")
    await head.click("button:text-is('确认导入')")
    await head.click("text=首次设置：还有 3 步")

    await head.click("text=没有研修间，不用设置")
    await head.click("text=就用现在的规则")

    await head.click("[aria-label='馆员和设备：去设置']")
    await head.type("[name=id]", "hall")
    await head.type("form:has(button:text-is('新增')) [name=name]", "大厅选座机")
    await head.type("[name=code]", await screen.text("#code"))
    await head.type("form:has(button:text-is('新增')) [name=reason]", "开馆")
    await head.click("button:text-is('新增')")
    assert await tab.text(".word") == await screen.text("#word b")
    await head.click("text=核对词相同，确认配对")
    await head.page.wait_for_selector("text=首次设置：都已完成")
    await head.click("text=完成设置")
    await head.page.wait_for_url("**/console?done=setup")
    assert await head.page.locator(".setup-bar").count() == 0


async def book_and_check_in(student: Hand, screen: Tab) -> None:
    """Books a seat from now on and scans the hall kiosk's code."""
    page, tab = student.page, student.tab
    await student.sign_in("21071234")
    assert await page.locator("#floors h3").all_inner_texts() == ["地下一层", "一层", "二层"]
    text = await page.text_content("#floors")
    assert text is not None and all(name in text for _, name, _ in FLOORS)
    await tab.open_area("a.tile:has-text('自习室')")
    await student.click("#plan [data-no='A-8']")
    await page.wait_for_selector("#panel .day")
    assert (await tab.times())[0] == "现在"
    await student.click("#panel .panel-foot .button")
    assert await tab.text(".done") == "预约成功"
    await screen.page.wait_for_selector("#code svg")
    await student.scan(screen)
    await student.click("main >> text=签到 >> nth=-1")
    assert await tab.text(".done") == "签到成功"
    assert await tab.text(".pass .pass-head span") == "使用中"
    label = await page.get_attribute(".pass", "aria-label")
    assert label is not None and "主馆2层自习室A-8号" in label


async def test_an_empty_database_becomes_a_library_with_a_checked_in_student(
    service: Living, opened: Open
) -> None:
    screen, head, student = await asyncio.gather(
        opened(path="/kiosk", viewport={"width": 1080, "height": 720}),
        hand(opened),
        hand(opened, **PHONE),
    )
    await screen.page.wait_for_selector("#code:visible")
    await set_up(head, screen)
    await book_and_check_in(student, screen)
    assert head.clicks <= MOST_OF_HEAD[0] and head.keys <= MOST_OF_HEAD[1], head
    assert student.clicks <= MOST_OF_STUDENT[0] and student.keys <= MOST_OF_STUDENT[1], student
