"""A real Chromium with a whole service. Errors of the console or the network fail the test.

All tests of this folder share one event loop and one Chromium: starting one takes longer than many
of the tests.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, BrowserContext, Page, async_playwright
from pytest_aiohttp import AiohttpServer

from tests.browser.oldest import OldTab, chromium_70
from tests.living import Living, living
from tests.tools import npm_folder, program
from tests.waiting import patience

_ARGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)
DESKTOP: Final[dict[str, Any]] = {"viewport": {"width": 1280, "height": 800}}
PHONE: Final[dict[str, Any]] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}
READER_SIZES: Final[dict[str, dict[str, Any]]] = {
    "1280": {"viewport": {"width": 1280, "height": 720}},
    "390": PHONE,
    "375": {**PHONE, "viewport": {"width": 375, "height": 553}},
    "360": {**PHONE, "viewport": {"width": 360, "height": 740}},
}
"""Screens of readers: a desktop and three phones, one of them short."""
whole: Final = pytest.mark.whole
DEVICES: Final = (
    pytest.param(DESKTOP, id="desktop", marks=whole),
    pytest.param(PHONE, id="phone"),
)
"""Students have a phone in their hand; the desktop is tried by ``scripts/test --all``."""
NAMES_OF_SIZES: Final = tuple(
    name if name == "390" else pytest.param(name, marks=whole) for name in READER_SIZES
)
AFTERNOON: Final = "16:08"


def sizes(*all_of_them: tuple[int, int]) -> list[Any]:
    """Window sizes as (width, height): the first one always, the others in ``scripts/test
    --all``."""
    first, *others = all_of_them
    return [first, *(pytest.param(*size, marks=whole) for size in others)]


def screen(width: int, height: int) -> dict[str, Any]:
    """Options of a browser with a window of this size; a narrow one is a phone's."""
    device = PHONE if width < 900 else DESKTOP
    return {**device, "viewport": {"width": width, "height": height}}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(loop_scope="session")
async def service(mongo_url: str, redis_url: str) -> AsyncIterator[Living]:
    """The service on a Monday at 16:08, as in the manual's example; the change stream feeds the
    occupancy."""
    async with living(mongo_url, redis_url) as running:
        await running.move(AFTERNOON)
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def aiohttp_server() -> AsyncIterator[AiohttpServer]:
    """pytest-aiohttp's fixture in the event loop of this folder."""
    async with AsyncExitStack() as stack:

        async def start(
            app: web.Application, *, port: int | None = None, **options: Any
        ) -> TestServer:
            server = TestServer(app, port=port)
            await server.start_server(**options)
            stack.push_async_callback(server.close)
            return server

        yield start


@asynccontextmanager
async def chromium(*args: str, **options: Any) -> AsyncIterator[Browser]:
    """A Chromium started with these arguments and options, for the length of the block."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(
            executable_path=program("chromium"), args=[*_ARGS, *args], **options
        )
        yield running
        await running.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


class Tab:
    """One person's browser. ``wrong`` collects errors of its console and network; ``known`` lists
    the prefixes of permitted addresses."""

    def __init__(self, service: Living, context: BrowserContext, page: Page) -> None:
        self.service, self.context, self.page = service, context, page
        self.wrong: list[str] = []
        self.expected: set[int] = set()
        self.known: tuple[str, ...] = (service.base, "data:")
        page.set_default_timeout(patience(10) * 1000)
        page.on("pageerror", self._threw)
        page.on("console", self._said)
        page.on("request", self._asked)
        page.on("response", self._answered)

    def _threw(self, error: Any) -> None:
        # A test that waits looks at a page before its sheet is there, which ends a transition.
        if "Transition was aborted" not in str(error):
            self.wrong.append(f"error: {error}")

    def _said(self, message: Any) -> None:
        # What the network answers is judged below, with its status.
        if message.type in ("error", "warning") and "Failed to load" not in message.text:
            self.wrong.append(f"console: {message.text}")

    def _asked(self, request: Any) -> None:
        if not request.url.startswith(self.known):
            self.wrong.append(f"external: {request.url}")

    def _answered(self, response: Any) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.wrong.append(f"{response.status}: {response.url}")

    async def go(self, path: str) -> None:
        await self.page.goto(self.service.base + path)

    async def sign_in(self, number: str = "21071234") -> None:
        """Signs in on the campus's page, as a person does."""
        await self.page.fill("[name=username]", number)
        await self.page.fill("[name=password]", "demo")
        await self.page.press("[name=password]", "Enter")
        await self.page.wait_for_url(lambda url: "/sandbox/" not in url)

    async def text(self, selector: str) -> str:
        """The text that is seen, without soft hyphens."""
        return (await self.page.inner_text(selector)).replace("\u00ad", "").strip()

    async def times(self) -> tuple[str, str]:
        """The start and end chosen in the panel, as they are shown."""
        start, end = (self.page.locator(f"#panel .handle.{which}") for which in ("start", "end"))
        return (
            str(await start.get_attribute("aria-valuetext")),
            str(await end.get_attribute("aria-valuetext")),
        )

    async def open_area(self, tile: str) -> None:
        """Clicks an area of the first page, on a phone after its floor."""
        floor = await self.page.locator(tile).evaluate("one => one.closest('.floor').id")
        switch = self.page.locator(f".segments [href='#{floor}']")
        if await switch.is_visible():
            await switch.click()
        await self.page.click(tile)

    async def choices(self, which: str) -> list[str]:
        """All starts, or all ends of the chosen start, that can be chosen by keyboard."""
        handle = self.page.locator(f"#panel .handle.{which}")
        await handle.press("Home")
        labels = list[str]()
        while (said := str(await handle.get_attribute("aria-valuetext"))) not in labels[-1:]:
            labels.append(said)
            await handle.press("ArrowRight")
        return labels

    async def choose(self, start: str = "", end: str = "") -> None:
        """Chooses these times in the panel by keyboard."""
        for which, label in (("start", start), ("end", end)):
            handle = self.page.locator(f"#panel .handle.{which}")
            if label:
                await handle.press("Home")
                for _ in range(48):
                    if await handle.get_attribute("aria-valuetext") == label:
                        break
                    await handle.press("ArrowRight")
                assert await handle.get_attribute("aria-valuetext") == label


Open = Callable[..., Awaitable[Tab]]


@pytest_asyncio.fixture(loop_scope="session")
async def opened(service: Living, browser: Browser) -> AsyncIterator[Open]:
    """Opens browsers of different people; at the end none of them may have reported an error."""
    tabs: list[Tab] = []
    async with AsyncExitStack() as stack:

        async def open_tab(number: str = "", path: str = "/", **options: Any) -> Tab:
            context = await stack.enter_async_context(_context(browser, options or DESKTOP))
            tab = Tab(service, context, await context.new_page())
            tabs.append(tab)
            await tab.go(path)
            if number:
                await tab.page.click("text=/统一身份认证登录|Sign in with your campus account/")
                await tab.sign_in(number)
            return tab

        yield open_tab
        await asyncio.gather(*(tab.page.close() for tab in tabs))
    assert [tab.wrong for tab in tabs if tab.wrong] == []


@asynccontextmanager
async def _context(browser: Browser, options: dict[str, Any]) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(**{"locale": "zh-CN", **options})
    try:
        yield context
    finally:
        await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def old(tmp_path: Path) -> AsyncIterator[OldTab]:
    """A tab of Chromium 70 (2018)."""
    async with chromium_70(tmp_path) as tab:
        yield tab


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core's source, from npm."""
    source = npm_folder("tests/browser") / "node_modules" / "axe-core" / "axe.min.js"
    return source.read_text(encoding="utf-8")


async def is_for_everybody(tab: Tab, axe: str, path: str, phone: bool) -> None:
    """Checks the page with axe-core in light and dark mode, where only the colours differ; on a
    phone also that it is no wider than a small screen."""
    await tab.go(path)
    await shows_everybody(tab, axe, path, phone)


async def shows_everybody(tab: Tab, axe: str, path: str, phone: bool) -> None:
    """Checks the open page as ``is_for_everybody`` does."""
    # Without motion: colours that change slowly would be judged on their way.
    await tab.page.emulate_media(color_scheme="light", reduced_motion="reduce")
    await tab.page.evaluate(axe)
    assert await _serious(tab, "{resultTypes: ['violations']}") == [], path
    await tab.page.emulate_media(color_scheme="dark")
    assert await _serious(tab, "{runOnly: ['color-contrast']}") == [], f"{path} in the dark"
    if phone:
        await tab.page.set_viewport_size({"width": 360, "height": 740})
        wide = await tab.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360, path


async def _serious(tab: Tab, options: str) -> list[tuple[str, list[str]]]:
    """Serious and critical findings of axe-core and content outside landmarks, each with its first
    places."""
    violations = await tab.page.evaluate(
        f"axe.run(document, {options}).then(found => JSON.stringify(found.violations))"
    )
    return [
        (v["id"], [node["html"][:120] for node in v["nodes"]][:3])
        for v in json.loads(violations)
        if v["impact"] in ("serious", "critical") or v["id"] == "region"
    ]
