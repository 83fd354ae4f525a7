"""The whole life of a booking in a narrow window: without scripts, by the keyboard alone, and in
Firefox and WebKitGTK."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from tests.browser.conftest import AFTERNOON, Open
from tests.browser.hands import Hand, Silent, working
from tests.living import Client, Living, living
from tests.waiting import until

pytestmark = pytest.mark.whole

SEAT: Final = "[id='2f-hall-065']"
ANY_SEAT: Final = "#list a, #plan .seat"
"""The seats that the Tab key reaches first: those of the list, or one of the plan."""
SEEN: Final = """() => {
  const box = document.activeElement.querySelector("text").getBoundingClientRect();
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return document.activeElement.contains(top);
}"""
"""Whether nothing covers the number of the seat that has the focus."""


class Life:
    """A reader's way through the pages with one booking at a time. Each step ends on a page that
    shows the new state and is no wider than its window."""

    def __init__(self, service: Living, reader: Client, hand: Hand, scripts: bool) -> None:
        self.service, self.reader, self.hand = service, reader, hand
        self.scripts = scripts
        self.known: tuple[str, int] = ("", 0)

    async def sign_in(self) -> None:
        await self.hand.go(self.service.base)
        await self.hand.press("a", "统一身份认证登录")
        await self.hand.fill("[name=username]", self.reader.number)
        await self.hand.fill("[name=password]", "demo")
        await self.hand.press("form button", "登录")
        await self.hand.sees("[data-area='2f-hall']")

    async def focus_is_seen(self) -> None:
        """Goes to seats of a plan by the arrow keys. Each is seen once it has the focus."""
        await self.hand.go(f"{self.service.base}/areas/2f-hall")
        await self.hand.sees("#plan")
        for _ in range(30):
            await self.hand.key("Tab")
            if await self.hand.script("() => document.activeElement.matches('#plan .seat')"):
                break
        for way, times in (("Right", 6), ("Up", 8), ("Left", 12), ("Down", 8)):
            for _ in range(times):
                await self.hand.key(f"Arrow{way}")

                async def seen() -> bool:
                    return bool(await self.hand.script(SEEN))

                seat = await self.hand.script("() => document.activeElement.id")
                await until(seen, f"{seat} to be seen")

    async def book(self, seat: str) -> None:
        await self.hand.go(self.service.base)
        await self.hand.press("a[data-area='2f-hall']")
        await self.hand.press(seat)
        if self.scripts:
            await self.hand.sees("form.booking [role=slider]")
        await self.hand.press("form.booking [type=submit]")
        await self.has_become("reserved", "签到")

    async def scan(self, text: str) -> Any:
        """Opens the link of a kiosk's code and presses its button. Returns the booking."""
        await self.hand.go(await self.service.qr())
        await self.hand.press("main form[action$='/check-in'] [type=submit]", text)
        return await self.has_become("in_use", "使用中")

    async def act(self, verb: str, state: str, text: str) -> Any:
        """Opens the question of the verb on the page of the booking, and answers it."""
        await self.hand.press(f"main a[href$='/{verb}']")
        question = "dialog[open]" if self.scripts else "main"
        await self.hand.press(f"{question} form[action$='/{verb}'] [type=submit]")
        return await self.has_become(state, text)

    async def has_become(self, state: str, text: str) -> Any:
        """Waits until the newest booking has changed to this state and the page says so. Returns
        it."""
        newest: Any = None

        async def changed() -> bool:
            nonlocal newest
            bookings = (await self.reader.ok("GET", "/reservations"))["items"]
            newest = bookings[0] if bookings else None
            return bool(bookings) and (newest["id"], newest["rev"]) != self.known

        try:
            await until(changed, f"a booking that is {state}")
        except AssertionError as late:
            late.add_note(await self.hand.script("() => document.body.innerText.slice(-600)"))
            raise
        self.known = newest["id"], newest["rev"]
        assert newest["state"] == state
        await self.hand.sees("main [role=status]")
        await self.hand.sees("main", text)
        wider = "() => document.documentElement.scrollWidth - innerWidth"
        assert await self.hand.script(wider) <= 0, state
        return newest


@pytest.mark.parametrize("by", ["no scripts", "keyboard", "firefox", "webkit"])
async def test_a_booking_lives_its_whole_life(
    service: Living, mongo_url: str, redis_url: str, opened: Open, tmp_path: Path, by: str
) -> None:
    try:
        async with working(by, opened, tmp_path) as hand:
            await whole_life(service, hand, by)
    except Silent:  # WebKitWebDriver stops once in hundreds of runs; a slow page it would name
        again = tmp_path / "again"
        async with living(mongo_url, redis_url) as other, working(by, opened, again) as hand:
            await other.move(AFTERNOON)
            await whole_life(other, hand, by)


async def whole_life(service: Living, hand: Hand, by: str) -> None:
    life = Life(service, await service.web_reader(), hand, scripts=by != "no scripts")
    seat = ANY_SEAT if by == "keyboard" else SEAT
    await life.sign_in()
    if by in ("keyboard", "firefox"):
        await life.focus_is_seen()
    await life.book(seat)
    await life.scan("签到")
    await life.act("leave", "away", "返回")
    await service.move(timedelta(minutes=10))
    returned = await life.scan("返回")
    await service.move("17:10")
    await hand.go(f"{service.base}/reservations")
    renewed = await life.act("extend", "in_use", "使用中")
    assert renewed["end"] > returned["end"]
    await life.act("finish", "finished", "结束使用")
    await life.book(seat)
    await life.act("cancel", "cancelled", "已取消")
