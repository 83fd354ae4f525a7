"""The main screens look as in their pictures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from handlers.http.keys import SITE
from models.identity.roles import Role
from tests.api.kiosk import key_of
from tests.browser.conftest import Tab
from tests.browser.pictures import (
    MOST_CHANGED,
    looks_as_before,
    most_changed,
    same_everywhere,
    taken,
)
from tests.living import Client, Living

pytestmark = pytest.mark.whole

PHONE: Final = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
DESKTOP: Final = {"viewport": {"width": 1280, "height": 800}}
BY_CHANCE: Final = ".clock, #time, #code, #left, p#digits, #said, .mini-code img, video"
"""The parts that differ in each run: seconds, codes, the camera. Pictures have a grey box there."""
NOW: Final = "16:08:10"
TAKEN: Final = ("004", "009", "010", "021", "022", "037", "038", "041", "055", "062", "066")
VERBS: Final = ("check-in", "leave")
"""They make a booking that is due one in use, and this one away."""


@dataclass(frozen=True, slots=True)
class Screen:
    """A page and how many of the verbs its reader's booking has behind it; None is no booking."""

    path: str
    ready: str = "main"
    verbs: int | None = None
    role: Role | None = None
    device: Any = None


SCREENS: Final = {
    "home": Screen("/", ".hero"),
    "home-desktop": Screen("/", ".hero", device=DESKTOP),
    "plan": Screen("/areas/2f-hall", "#plan"),
    "plan-sheet": Screen("/areas/2f-hall?seat=2f-hall-063", "#panel .day"),
    "plan-desktop": Screen("/areas/2f-hall?seat=2f-hall-063", "#panel .day", device=DESKTOP),
    "due": Screen("/reservations", verbs=0),
    "in-use": Screen("/reservations", verbs=1),
    "away": Screen("/reservations", verbs=2),
    "me": Screen("/me"),
    "check-in": Screen("/check-in", "text=请对准二维码", verbs=0),
    "contact": Screen("/contact"),
    "kiosk": Screen("/kiosk/2f-south#key={key}", "#free li", device=DESKTOP),
    "console": Screen("/console", role=Role.ADMINISTRATOR, device=DESKTOP),
}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def drawing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    async with same_everywhere(tmp_path_factory.mktemp("fonts")) as running:
        yield running


async def person(service: Living, screen: Screen) -> Client:
    """The reader of the screen, in a library in which others sit."""
    for number in TAKEN:
        await (await service.reader()).reserve(f"2f-hall-{number}", "now", "18:00")
    known = service.stranger()
    known.number = "21071234"
    reader = await service.web_reader(known, screen.role)
    if screen.verbs is not None:
        made = await reader.reserve("2f-hall-063", "now", "18:00")
        for verb in VERBS[: screen.verbs]:
            body = {"qr": await service.qr()} if verb == "check-in" else None
            await reader.ok("POST", f"/reservations/{made['id']}/{verb}", body)
    return reader


async def opened_at(service: Living, drawing: Browser, screen: Screen) -> Page:
    """The screen at the same second as always."""
    reader = await person(service, screen)
    context = await drawing.new_context(
        locale="zh-CN", reduced_motion="reduce", **(screen.device or PHONE)
    )
    name = service.app[SITE].session_cookie
    await context.add_cookies([{"name": name, "value": reader.token, "url": service.base}])
    page = await context.new_page()
    tab = Tab(service, context, page)
    await service.jump(NOW)
    await page.clock.set_fixed_time(datetime.fromisoformat(f"{service.today}T{NOW}+08:00"))
    await tab.go(screen.path.format(key=await key_of(service, "2f-south")))
    await page.wait_for_selector(screen.ready)
    return page


@pytest.mark.parametrize("name", SCREENS)
async def test_a_screen_looks_as_in_its_picture(
    service: Living, drawing: Browser, tmp_path: Path, name: str
) -> None:
    page = await opened_at(service, drawing, SCREENS[name])
    await looks_as_before(page, name, [page.locator(BY_CHANCE)], tmp_path)
    await page.context.close()


async def test_a_button_that_moves_by_20_pixels_is_noticed(
    service: Living, drawing: Browser
) -> None:
    page = await opened_at(service, drawing, Screen("/contact"))
    before, again = [await taken(page, []) for _ in range(2)]
    assert most_changed(before, again) == 0
    button = page.locator("main button").first
    await button.evaluate("one => { one.style.position = 'relative'; one.style.left = '20px' }")
    assert most_changed(before, await taken(page, [])) > 1.5 * MOST_CHANGED
    await page.context.close()
