"""Readers' pages, the states of a booking and the questions about it, in light and in dark:
axe-core finds nothing serious, and none is wider than a small phone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

import pytest

from tests.browser.conftest import DEVICES, PHONE, Open, Tab, is_for_everybody, shows_everybody
from tests.living import Client, Living

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
    assert {"cancel", "report", "leave", "finish", "shorten", "extend", "fault"} <= asked
    await tab.go("/reservations/violations")
    await tab.page.click("main a[href$='/appeal']")
    await shows_everybody(tab, axe, "an appeal", True)


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
