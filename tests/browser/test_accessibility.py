"""Readers' pages, the states of a booking and the questions about it, in light and in dark:
axe-core finds nothing serious, and none is wider than a small phone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

import pyotp
import pytest
from playwright.async_api import Browser

from handlers.http.keys import SITE
from models.identity.roles import Role
from tests.api.gate import gate_of
from tests.api.waitlist import ONE, held_seat, join, offers
from tests.browser.conftest import DEVICES, PHONE, Open, Tab, is_for_everybody, shows_everybody
from tests.living import Client, Living, living

pytestmark = pytest.mark.whole

PAGES: Final = (
    "/",
    "/?start=18:00&end=20:00",
    "/areas/2f-hall",
    "/areas/2f-east?seat=2f-east-001",
    "/reservations",
    "/reservations/violations",
    "/reservations/gates",
    "/activation",
    "/check-in",
    "/seats/2f-hall-066/fault",
    "/seats/2f-hall-066/report",
    "/me",
    "/me/data",
    "/me/erase",
    "/me/calendar",
    "/me/devices",
    "/me/email",
    "/rules",
    "/privacy",
    "/about/proof",
    "/notices",
    "/notices/how-to-book",
    "/contact",
    "/logout",
    "/together?seat=2f-hall-064&start=17:00&end=18:00",
    "/rooms",
    "/rooms/r401",
    "/areas/nowhere",
)
QUESTIONS: Final = "main a[data-dialog]"


@pytest.mark.parametrize("device", DEVICES)
async def test_every_readers_page_is_accessible(
    service: Living, opened: Open, axe: str, device: dict[str, Any]
) -> None:
    tab = await opened("21071234", **device)
    reader = await service.reader()
    await reader.reserve("2f-hall-066", "17:00", "18:00")
    tab.expected = {404}
    for path in PAGES:
        await is_for_everybody(tab, axe, path, device is PHONE)
    await tab.go((await service.qr("2f-north")).removeprefix(service.base))
    await shows_everybody(tab, axe, "a kiosk's code without a booking", device is PHONE)


async def states(service: Living, reader: Client) -> AsyncIterator[tuple[str, Any]]:
    """A reader's bookings, each with the name of its state."""

    async def act(verb: str, **body: object) -> None:
        await reader.ok("POST", f"/reservations/{made['id']}/{verb}", body)

    made = await reader.reserve("2f-hall-064", "19:00", "20:00")
    yield "not due", made
    await act("cancel")
    yield "cancelled", made
    made = await reader.reserve("2f-hall-065", "now", "18:00")
    yield "due", made
    await act("report", kind="occupied", qr=await service.qr())
    yield "the deadline has stopped", made
    await act("check-in", qr=await service.qr("2f-north"))
    yield "in use", made
    await act("leave")
    yield "away", made
    await service.move(timedelta(minutes=5))
    await act("check-in", qr=await service.qr())
    await service.move("17:10")
    yield "in its last hour", made
    await act("finish")
    yield "finished", made
    made = await reader.reserve("2f-hall-063", "now", "19:00")
    await service.move("17:50")
    await service.settle()
    yield "missed", made
    made = await reader.reserve("2f-hall-062", "now", "19:00")
    await (await gate_of(service)).pass_(reader, "in")
    yield "checked in by a gate", made
    await act("finish")
    owner, taken = await held_seat(service, "19:00", "20:00")
    await join(service, reader, start="19:00", end="20:00", seats=[ONE])
    await owner.ok("POST", f"/reservations/{taken['id']}/cancel")
    (made,) = await offers(reader)
    yield "offered", made


async def test_each_state_of_a_booking_and_each_question_is_accessible(
    service: Living, opened: Open, axe: str
) -> None:
    reader = await service.web_reader()
    tab = await opened(reader.number, **PHONE)
    asked = set[str]()
    async for state, made in states(service, reader):
        for path in ("/", "/check-in", f"/reservations/{made['id']}"):
            await tab.go(path)
            await shows_everybody(tab, axe, f"{path}: {state}", True)
            await tab.page.set_viewport_size(PHONE["viewport"])
        asked |= await questions(tab, axe, state, asked)
    verbs = "accept cancel confirm decline extend fault finish leave report shorten"
    assert {*verbs.split()} <= asked
    await tab.go("/reservations/violations")
    await tab.page.click("main a[href$='/appeal']")
    await shows_everybody(tab, axe, "an appeal", True)


async def test_each_step_of_the_second_factor_is_accessible(
    mongo_url: str, redis_url: str, browser: Browser, axe: str
) -> None:
    async with living(mongo_url, redis_url, STAFF_TOTP="1") as service:
        desk = await service.web_reader(role=Role.LIBRARIAN)
        context = await browser.new_context(locale="zh-CN", **PHONE)
        tab = Tab(service, context, await context.new_page())
        tab.expected = {422}

        async def sign_in() -> None:
            """Opens the console with a new sign-in, which leads to the page."""
            name = service.app[SITE].session_cookie
            token = (await service.web_reader(desk, Role.LIBRARIAN)).token
            await context.add_cookies([{"name": name, "value": token, "url": service.base}])
            await tab.go("/console")

        async def step(title: str, code: str = "") -> None:
            """Types the code, if any, which leads to the step with this title."""
            if code:
                await tab.page.fill("#code", code)
                await tab.page.press("#code", "Enter")
            await tab.page.wait_for_selector(f"h1 >> text={title}")
            await shows_everybody(tab, axe, f"{title} {code and tab.page.url}", True)

        await sign_in()
        await step("设置动态口令")
        await step("设置动态口令", "000000")
        assert await tab.page.locator("[role=alert]").count() == 1
        secret = "".join((await tab.text(".secret")).split())
        await step("请保存恢复码", pyotp.TOTP(secret).at(service.clock.now()))
        await tab.go("/second-factor")
        await step("动态口令")
        await tab.go("/second-factor?anew=1")
        await step("更换动态口令")
        await sign_in()
        await step("请输入动态口令")
        await step("请输入动态口令", "000000")
        assert tab.wrong == []
        await context.close()


async def questions(tab: Tab, axe: str, state: str, known: set[str]) -> set[str]:
    """Checks the questions of the open page that are not known. Returns their names."""
    links = tab.page.locator(QUESTIONS).locator("visible=true")
    hrefs = {str(await link.get_attribute("href")) for link in await links.all()}
    verbs = {href.rpartition("/")[2]: href for href in hrefs}
    for verb in sorted(verbs.keys() - known):
        await tab.page.click(f"main a[href='{verbs[verb]}'] >> visible=true")
        await tab.page.wait_for_selector("dialog[open]")
        await shows_everybody(tab, axe, f"{verb} of a booking that is {state}", True)
        await tab.page.keyboard.press("Escape")
        await tab.page.wait_for_selector("dialog[open]", state="detached")
        await tab.page.set_viewport_size(PHONE["viewport"])
    return {*verbs}
