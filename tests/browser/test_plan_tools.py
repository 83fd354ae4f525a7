"""The plan editor's tools in a browser: each does what its button says, and can be undone."""

from __future__ import annotations

import json
from typing import Any

from tests.browser.conftest import Open, Tab
from tests.living import Living

PATH = "/console/plans/2f-hall"


async def plan(tab: Tab) -> dict[str, Any]:
    return dict(json.loads(await tab.page.input_value("#save [name=plan]")))


async def places(tab: Tab) -> dict[str, tuple[int, int]]:
    return {seat["no"]: (seat["x"], seat["y"]) for seat in (await plan(tab))["seats"]}


async def middle(tab: Tab, no: str) -> tuple[float, float]:
    box = await tab.page.locator(f"#drawing [aria-label^='{no} 号']").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


async def lasso(tab: Tab, first: str, last: str) -> None:
    """A frame around two seats, drawn on the empty floor."""
    (left, top), (right, bottom) = await middle(tab, first), await middle(tab, last)
    edge = 0.62 * await size(tab)
    await tab.page.mouse.move(left - edge, top - edge)
    await tab.page.mouse.down()
    await tab.page.mouse.move(right, bottom)
    await tab.page.mouse.move(right + edge, bottom + edge)
    await tab.page.mouse.up()


async def size(tab: Tab) -> float:
    """Of a seat on the screen."""
    box = await tab.page.locator("#drawing .seat rect").first.bounding_box()
    assert box is not None
    return float(box["width"])


async def test_what_a_frame_chooses_can_be_removed_and_copied(
    service: Living, opened: Open
) -> None:
    tab = await opened("administrator")
    await tab.go(PATH)
    before = await places(tab)
    await lasso(tab, "001", "004")
    chosen = await tab.page.locator("#drawing .seat.chosen").count()
    assert chosen >= 2 and f"选中 {chosen}" in await tab.text("#status")
    assert await tab.page.is_enabled("[data-do=copy]")
    assert await tab.page.is_enabled("[data-do=remove]")
    await tab.page.keyboard.press("Delete")
    assert len(await places(tab)) == len(before) - chosen
    await tab.page.keyboard.press("Control+z")
    assert await places(tab) == before
