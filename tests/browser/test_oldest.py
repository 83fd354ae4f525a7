"""Kiosks work, and readers' pages keep their layout, in Chromium 70 (2018)."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from importlib.resources import files

import pytest

from tests.api.kiosk import CARD, carded, key_of
from tests.browser.oldest import OldTab
from tests.living import Living

pytestmark = pytest.mark.whole

# Neighbours in a flex box that stand nearer than the gap which they were promised.
_TOUCHING = """(() => {
  const wrong = [];
  for (const box of document.querySelectorAll("body *")) {
    const style = getComputedStyle(box), gap = parseFloat(style.columnGap) || 0;
    if (!style.display.endsWith("flex") || !gap) continue;
    const inside = [...box.children]
      .filter((one) => one.offsetWidth > 1 || one instanceof SVGElement)
      .map((one) => one.getBoundingClientRect());
    inside.forEach((a, i) => inside.slice(i + 1).forEach((b) => {
      const across = Math.max(b.left - a.right, a.left - b.right);
      const down = Math.max(b.top - a.bottom, a.top - b.bottom);
      if (Math.max(across, down) < 3) wrong.push(`${box.className}: ${across}, ${down}`);
    }));
  }
  return wrong;
})()"""

# Left, right and bottom of what is fixed to the bottom of a phone's screen.
_AT_THE_BOTTOM = """[...document.querySelectorAll(".menu, .panel.open")]
  .filter((one) => one.offsetWidth).map((one) => {
  const {left, right, bottom} = one.getBoundingClientRect();
  return [left, right, bottom];
})"""


async def _codes(old: OldTab) -> list[str]:
    """The contents of the kiosk's code and the mini-program's beside it."""
    return [code for code in await old.codes() if "/k/" in code]


async def test_a_kiosk_shows_its_code_and_then_the_next_one(service: Living, old: OldTab) -> None:
    reader = await service.reader()
    made = await reader.reserve(start="now", end="18:00")
    await old.size(1080, 720)
    await old.go(f"{service.base}/kiosk/2f-north#key={await key_of(service, '2f-north')}")
    await old.wait_for("document.querySelector('#code svg')")
    await old.wait_for("document.getElementById('said').textContent.includes('秒后更新')")
    assert await old.evaluate("document.querySelectorAll('#free li').length") == 18
    (first,) = await _codes(old)
    # Both clocks go on by a code's life.
    before = await old.evaluate("document.querySelector('#code svg').innerHTML")
    await service.move(timedelta(seconds=15))
    await old.evaluate("(real => { Date.now = () => real() + 15000 })(Date.now)")
    await old.evaluate(f"window.before = {before!r}")
    await old.wait_for("document.querySelector('#code svg').innerHTML !== before")
    (second,) = await _codes(old)
    assert first != second
    done = await reader.ok("POST", f"/reservations/{made['id']}/check-in", {"qr": second})
    assert done["state"] == "in_use"


async def test_a_card_books_a_seat_at_the_kiosk(service: Living, old: OldTab) -> None:
    reader = await carded(service)
    await old.size(1080, 720)
    await old.go(f"{service.base}/kiosk/2f-south#key={await key_of(service, '2f-south')}")
    await old.wait_for("document.querySelector('#code svg')")
    await old.type(CARD)
    await old.click("#touch button", "二层中厅")
    await old.click("#touch .seat.can", "065")
    for text in ("到 18:00", "坐这里"):
        await old.click("#touch button", text)
    await old.wait_for("document.querySelector('#touch h1').textContent.startsWith('已入座')")
    assert await old.evaluate(_TOUCHING) == []
    await old.click("#touch button", "继续")
    await old.click("#touch button", "结束")
    await old.click("#touch button.bad", "结束")
    await old.wait_for("document.querySelector('#touch h1').textContent === '结束成功'")
    (made,) = (await reader.ok("GET", "/reservations"))["items"]
    assert made["state"] == "finished"
    await old.click("#touch header button", "退出")
    await old.wait_for("document.getElementById('touch').hidden")


async def test_the_browser_accepts_every_style_rule_of_the_kiosk(
    service: Living, old: OldTab
) -> None:
    sheets = files("handlers").joinpath("static")
    names = ("kiosk.css", "seat_kiosk.css")
    text = "".join(sheets.joinpath(name).read_text(encoding="utf-8") for name in names)
    text = re.sub(r"/\*.*?\*/|@supports \([^{]*\{[^{]*\{[^}]*\} \}", "", text, flags=re.DOTALL)
    queries = {
        f"matchMedia({json.dumps(q)}).media !== 'not all'"
        for q in re.findall("@media (.*?) {", text)
    }
    for selector, body in re.findall(r"([^{}]+){([^{}]*)}", text):
        queries.add(f"document.querySelector({json.dumps(selector.strip())}) !== 0")
        values: dict[str, list[str]] = {}
        for declaration in filter(str.strip, body.split(";")):
            name, _, value = declaration.partition(":")
            if name.strip() == "color-scheme":  # colours scroll bars, no more
                continue
            values.setdefault(name.strip(), []).append(value.replace("!important", "").strip())
        for name, several in values.items():
            tried = (f"CSS.supports({json.dumps(name)}, {json.dumps(v)})" for v in several)
            queries.add(" || ".join(tried))
    assert len(queries) > 100
    await old.go(f"{service.base}/kiosk/2f-south")
    assert await old.evaluate(f"{json.dumps(sorted(queries))}.filter((one) => !eval(one))") == []


async def test_readers_pages_keep_their_layout_in_the_oldest_browser(
    service: Living, old: OldTab
) -> None:
    reader = await service.web_reader()
    await reader.reserve(start="now", end="18:00")
    await old.call("Network.setCookie", name="seat_sid", value=reader.token, url=service.base)
    paths = (
        "/",
        "/areas/2f-hall?seat=2f-hall-066",
        "/reservations",
        "/me",
        "/activation",
        "/check-in",
        "/rules",
    )
    for path in (*paths, "/kiosk/2f-south", "/kiosk/2f-north"):
        await old.size(1280, 800)
        await old.go(service.base + path)
        assert await old.evaluate(_TOUCHING) == [], path
        await old.size(390, 844, mobile=True)
        assert await old.evaluate(_TOUCHING) == [], path
        assert await old.evaluate("document.documentElement.scrollWidth") <= 390, path
        for box in await old.evaluate(_AT_THE_BOTTOM):
            assert box == [0, 390, 844], path
    # Their scripts ask for more, and they do without.
    old.wrong = [wrong for wrong in old.wrong if "SyntaxError" not in wrong]
