"""Names and pictures move between pages, and the sentence of success goes by itself."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import DEVICES, PHONE, Open, Tab, whole
from tests.living import Living

SEAT = "[id='2f-hall-065']"
# A page reports what moves and for how long, whether a press reaches it meanwhile, and what was
# shifted.
WATCH = """
window.shifted = [];
new PerformanceObserver((list) => {
  const at = ({ x, y, width, height }) => [x, y, width, height].join(" ");
  for (const { value, sources } of list.getEntries()) {
    window.shifted.push([value, ...sources.map(({ node, previousRect, currentRect }) =>
      [node?.outerHTML ?? node?.textContent, at(previousRect), at(currentRect)])]);
  }
}).observe({ type: "layout-shift", buffered: true });
addEventListener("pagereveal", async ({ viewTransition }) => {
  const moves = {};
  window.revealed = { moves, free: true };
  if (!viewTransition) return;
  window.revealed = null;
  await viewTransition.ready;
  for (const { effect } of document.getAnimations()) {
    const name = /view-transition-group\\((.*)\\)/.exec(effect.pseudoElement ?? "");
    if (name) moves[name[1]] = effect.getComputedTiming().duration;
  }
  const pressed = document.elementFromPoint(innerWidth / 2, innerHeight / 3);
  window.revealed = { moves, free: pressed !== document.documentElement };
});
"""
DRAWN = "() => performance.getEntriesByName('first-contentful-paint').length"
NAMES = """[...document.querySelectorAll("*")]
  .map((one) => getComputedStyle(one).viewTransitionName)
  .filter((name) => name !== "none").sort()"""


async def moves(tab: Tab, pressed: str) -> dict[str, int]:
    """The names that move onto the page behind the link or button, with milliseconds."""
    # A page that was never drawn has nothing to move. Nothing may look at the new page before it
    # has its style sheet.
    await tab.page.wait_for_function(DRAWN)
    async with tab.page.expect_navigation():
        await tab.page.click(pressed)
    await tab.page.wait_for_function("() => window.revealed")
    revealed = await tab.page.evaluate("window.revealed")
    assert revealed["free"], "a press is answered at once"
    return dict(revealed["moves"])


@whole
@pytest.mark.parametrize("device", DEVICES)
async def test_an_area_moves_to_its_plan_and_back_and_a_seat_into_the_pass(
    service: Living, opened: Open, device: dict[str, Any]
) -> None:
    """Chromium shows one page in ten without the transition that it has begun, so each move is to
    be seen in one of five lives."""
    lives = list[list[dict[str, int]]]()
    while len(lives) < 5 and not (lives and all(map(any, zip(*lives, strict=True)))):
        tab = await opened((await service.reader()).number, **device)
        lives.append(await life(tab, f"2f-hall-{60 + len(lives):03}"))
    into_and_back = [{"area": 240}, {"area": 240}, {"area": 240}]
    for moved, expected in zip(
        zip(*lives, strict=True), [*into_and_back, {"pass": 240, "seat": 240}], strict=True
    ):
        assert expected in moved and all(one in ({}, expected) for one in moved), moved


async def life(tab: Tab, seat: str) -> list[dict[str, int]]:
    """The moves of a reader who goes to a plan, back, to the plan again, and books the seat."""
    await tab.context.add_init_script(WATCH)
    page = tab.page
    await tab.go("/")
    assert await page.evaluate(NAMES) == []
    moved = [await moves(tab, "[data-area='2f-hall']")]
    assert await page.evaluate(NAMES) == ["area"]
    moved.append(await moves(tab, ".plan-top .back"))
    await page.focus("[data-area='2f-east']")
    assert await page.evaluate(NAMES) == ["area"], "of two rows one has the name"
    moved.append(await moves(tab, "[data-area='2f-hall']"))
    await page.click(f"[id='{seat}']")
    await page.wait_for_selector("#panel .day")
    assert await page.evaluate(NAMES) == ["area", "pass", "seat"]
    moved.append(await moves(tab, "#panel .panel-foot .button"))
    assert await page.evaluate(NAMES) == ["pass", "seat"]
    assert await page.evaluate("window.shifted") == []
    assert await moves(tab, "a[href='/me'] >> visible=true") == {}, "nothing else moves"
    return moved


async def test_nothing_moves_where_it_is_not_wanted(opened: Open) -> None:
    tab = await opened("21071234", reduced_motion="reduce", **PHONE)
    await tab.context.add_init_script(WATCH)
    assert await moves(tab, "[data-area='2f-hall']") == {}
    assert await tab.page.evaluate(NAMES) == ["root"]
    await tab.page.click(SEAT)
    await tab.page.wait_for_selector("#panel .day")
    await tab.page.click("#panel .panel-foot .button")
    assert await sentence(tab) == (8000, 1)


async def sentence(tab: Tab) -> tuple[int, int]:
    """How long the sentence of success is there and how long it goes, in milliseconds, after
    which nothing else has moved and it is still in the text."""
    before = await tab.page.locator(".pass").bounding_box()
    timing = await tab.page.locator(".done").evaluate("""(one) => {
      const [leaving] = one.getAnimations(), { delay, duration } = leaving.effect.getTiming();
      leaving.finish();
      return [delay, duration, getComputedStyle(one).opacity];
    }""")
    delay, duration, opacity = timing
    assert float(opacity) < 0.01 and await tab.page.get_attribute(".done", "role") == "status"
    assert await tab.text(".done") == "预约成功"
    assert await tab.page.locator(".pass").bounding_box() == before
    assert "已预约" in await tab.text(".pass-head"), "the state stays"
    return delay, duration


async def test_a_sentence_of_success_goes_and_one_that_says_more_stays(
    service: Living, opened: Open
) -> None:
    reader = await service.web_reader()
    made = await reader.reserve(start="now", end="18:00")
    tab = await opened(reader.number, **PHONE)
    await tab.go(f"/reservations/{made['id']}?done=reserve")
    assert await sentence(tab) == (8000, 240)
    for act in ("wait", "alert", "report"):
        await tab.go(f"/reservations?done={act}")
        assert await tab.page.locator(".done").evaluate("one => one.getAnimations().length") == 0
