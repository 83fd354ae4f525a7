"""A thousand seats in the plan editor: opened, moved with little CPU time, and saved."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

import pytest

from models.library.entities import AreaId, Seat, SeatId
from tests.browser.conftest import Open
from tests.browser.effort import effort_of
from tests.living import Living

pytestmark = pytest.mark.whole

PATH: Final = "/console/plans/2f-hall"
MOVES: Final = 40
MOST_YARDSTICKS: Final = 12.0
"""For all moves: it is 7.1 for one seat and its guides, and 4.1 for all seats."""


async def test_a_plan_of_a_thousand_seats_is_edited_and_saved(
    service: Living, opened: Open
) -> None:
    inside = service.inside
    area = inside.reference.catalog.areas[AreaId("2f-hall")]
    seats = tuple(
        Seat(SeatId(f"2f-hall-{n:03}"), area.id, f"{n:03}", 20 + n % 40 * 52, 20 + n // 40 * 60)
        for n in range(1000)
    )
    wide = replace(area, seats=seats, width=40 * 52 + 40, height=25 * 60 + 40, rev=area.rev + 1)
    assert await inside.stored.catalogs.replace_area(wide)
    await inside.reference.refresh()
    tab = await opened("administrator")
    page = tab.page
    await tab.go(PATH)
    assert await page.locator("#drawing .seat").count() == 1000

    box = await page.locator("#drawing [aria-label^='500 号']").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for keys in ("Escape", "Control+a"):  # one seat, and all of them
        await page.locator("#drawing [aria-label^='500 号']").focus()
        await page.keyboard.press(keys)
        await page.mouse.move(x, y)
        await page.mouse.down()
        async with effort_of(page) as effort:
            for step in range(MOVES):
                await page.mouse.move(x + step / 4, y + step / 4)
            await page.mouse.up()
        assert effort.yardsticks < MOST_YARDSTICKS, keys
        moved = json.loads(await page.input_value("#save [name=plan]"))["seats"]
        await page.keyboard.press("Control+z")
    await page.keyboard.press("Control+y")
    await page.click("#next")
    await page.fill("[name=reason]", "重新布置")
    await page.click("text=确认保存")
    await page.wait_for_selector(".done")
    saved = {s.number: (s.x, s.y) for s in inside.reference.catalog.areas[area.id].seats}
    assert saved == {s["no"]: (s["x"], s["y"]) for s in moved}
    assert saved != {s.number: (s.x, s.y) for s in seats}
