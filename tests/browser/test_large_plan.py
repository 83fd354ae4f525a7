"""A thousand seats in the plan editor: how soon it opens, how smoothly they move, how soon they are
saved."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

import pytest
from playwright.async_api import Page

from models.library.entities import AreaId, Seat, SeatId
from tests.browser.conftest import Open
from tests.living import Living

pytestmark = pytest.mark.whole

PATH: Final = "/console/plans/2f-hall"
SLOWER: Final = 4
"""An old computer of the library beside a server."""
OPENS_MS: Final = 1500
FRAME_MS: Final = 1000 / 30
SAVES_MS: Final = 1000
COUNT_FRAMES: Final = """() => {
  window.frames_ = [];
  let last = performance.now();
  const frame = (at) => {
    frames_.push(at - last);
    last = at;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}"""


async def milliseconds(page: Page, button: str) -> float:
    """How long the service takes for the form that the button sends."""
    async with page.expect_response(lambda answer: answer.request.method == "POST") as sent:
        await page.click(button)
    timing: Any = (await sent.value).request.timing
    return float(timing["responseStart"] - timing["requestStart"])


async def test_a_thousand_seats(service: Living, opened: Open) -> None:
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
    assert await page.evaluate("performance.now()") < OPENS_MS
    assert await page.locator("#drawing .seat").count() == 1000

    devtools = await tab.context.new_cdp_session(page)
    await devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    box = await page.locator("#drawing [aria-label^='500 号']").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for keys in ("Escape", "Control+a"):  # one seat, and all of them
        await page.locator("#drawing [aria-label^='500 号']").focus()
        await page.keyboard.press(keys)
        await page.mouse.move(x, y)
        await page.mouse.down()
        await page.evaluate(COUNT_FRAMES)
        for step in range(40):
            await page.mouse.move(x + step / 4, y + step / 4)
        frames = sorted(await page.evaluate("frames_"))
        await page.mouse.up()
        assert len(frames) > 20 and frames[len(frames) // 2] <= FRAME_MS, keys
        moved = json.loads(await page.input_value("#save [name=plan]"))["seats"]
        await page.keyboard.press("Control+z")
    await page.keyboard.press("Control+y")
    await devtools.send("Emulation.setCPUThrottlingRate", {"rate": 1})

    assert await milliseconds(page, "#next") < SAVES_MS
    await page.fill("[name=reason]", "重新布置")
    assert await milliseconds(page, "text=确认保存") < SAVES_MS
    await page.wait_for_selector(".done")
    saved = {s.number: (s.x, s.y) for s in inside.reference.catalog.areas[area.id].seats}
    assert saved == {s["no"]: (s["x"], s["y"]) for s in moved}
    assert saved != {s.number: (s.x, s.y) for s in seats}
