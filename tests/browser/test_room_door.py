"""The screen at a room's door: on small tablets, in Chromium 70, and without the service."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from models.library.rooms import RoomId
from tests.api.changes import with_rules
from tests.browser.conftest import Open, shows_everybody
from tests.browser.oldest import OldTab
from tests.browser.what_is_cut import CUT
from tests.living import Living

pytestmark = pytest.mark.whole

SIZES = ((800, 480), (1024, 600), (1280, 800), (600, 1024))
HERE = "/display/library/rooms/r201"
LONG = "Gruppenarbeitsraum für Promovierende (Nordflügel, 1. OG)"
WORD = "document.querySelector('.word').textContent"


@pytest_asyncio.fixture(loop_scope="session")
async def with_stays(service: Living) -> Living:
    """A service with screens at doors, and a room with four stays from 17:00 on."""
    await with_rules(service, hall_display=True)
    for hour in range(17, 21):
        reader, day = await service.reader(), service.today
        wish = {"room_id": "r201", "date": day, "start": f"{hour}:00", "end": f"{hour}:30"}
        await reader.ok("POST", "/room-bookings", wish)
    return service


async def test_the_oldest_tablet_shows_the_room_and_keeps_updating(
    with_stays: Living, old: OldTab
) -> None:
    room = with_stays.inside.reference.rooms[RoomId("r201")]
    for name in (room.name, LONG):
        await with_stays.inside.stored.rooms.put([replace(room, name=name)])
        await with_stays.inside.reference.refresh()
        await with_stays.move(timedelta(seconds=6))
        for width, height in SIZES:
            await old.size(width, height)
            await old.go(f"{with_stays.base}{HERE}")
            assert await old.evaluate(CUT) == [], (name, width, height)
            assert await old.evaluate("document.querySelectorAll('.next li').length") == 4
            assert await old.evaluate(WORD) == "空闲"
    assert f"{with_stays.base}/rooms/r201" in await old.codes()
    reader = await with_stays.reader()
    wish = {"room_id": "r201", "date": with_stays.today, "start": "now", "end": "17:00"}
    await reader.ok("POST", "/room-bookings", wish)
    await with_stays.move(timedelta(seconds=6))
    await old.evaluate("(real => { Date.now = () => real() + 20000 })(Date.now)")
    await old.wait_for(f"{WORD} === '已约'")


async def test_a_door_without_the_service_says_no_more_than_it_knows(
    with_stays: Living, opened: Open, axe: str
) -> None:
    tab = await opened(path=HERE, viewport={"width": 800, "height": 480})
    page = tab.page
    await shows_everybody(tab, axe, HERE, phone=False)
    assert await tab.text(".until") == "到 17:00"
    await page.route("**/board", lambda route: route.abort())
    async with page.expect_event("requestfailed"):
        await page.evaluate("(real => { Date.now = () => real() + 20000 })(Date.now)")
    await page.evaluate("(real => { Date.now = () => real() + 130000 })(Date.now)")
    await page.wait_for_selector("#age:has-text('数据更新于 16:08')")
    assert await page.is_visible(".state")
    # From 17:00 on the room may be taken.
    await page.evaluate("document.querySelector('.state').dataset.until = 1")
    await page.wait_for_selector(".state", state="hidden")
    assert await page.is_visible("#age") and await page.is_visible("#time")
    await page.unroute("**/board")
    await page.wait_for_selector(".state", state="visible", timeout=15_000)
    assert not await page.is_visible("#age")
