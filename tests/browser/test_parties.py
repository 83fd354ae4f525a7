"""一起坐: one asks on a phone, a friend scans the invitation, and the asker's page says so."""

from __future__ import annotations

import io

import zxingcpp
from PIL import Image

from tests.browser.conftest import DESKTOP, PHONE, Open, shows_everybody
from tests.living import Living

COMES_BACK = "document.dispatchEvent(new Event('visibilitychange'))"


async def test_friends_sit_together(service: Living, opened: Open, axe: str) -> None:
    asker = await opened("21071234", **PHONE, locale="en-GB")
    page = asker.page
    await page.click("[data-area='2f-hall']")
    await page.click("[id='2f-hall-065']")
    await page.wait_for_selector("#panel .day")
    await asker.choose(end="19:00")
    await page.click("#panel >> text=Sit together")
    assert "Now–19:00" in await asker.text("main"), "the time that was chosen"
    await page.click(".times >> text=3")
    await page.click(".picks [aria-label*='free'] >> nth=0")
    await shows_everybody(asker, axe, "the choice of seats", phone=True)
    await page.set_viewport_size({"width": 320, "height": 568})
    assert await page.evaluate("document.documentElement.scrollWidth") == 320
    await page.click("text=Book 4 seats")
    await page.wait_for_selector(".done >> text=Booked")
    await page.click("text=Let friends scan it")
    await shows_everybody(asker, axe, "the invitation", phone=True)
    picture = await page.locator(".invitation-code svg").screenshot()
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))

    # The friend signs in on the way, at a desk, in Chinese.
    friend = await opened(path=code.text.removeprefix(service.base), **DESKTOP)
    await friend.sign_in("21071235")
    assert "同学坐 065 号，邀请您坐在一起。" in await friend.text("main")
    await shows_everybody(friend, axe, "the friend's page", phone=False)
    chosen = await friend.text(".time:has(:checked)")
    await friend.page.click("text=接受并预约")
    assert await friend.text(".pass .no") == chosen
    await page.evaluate(COMES_BACK)
    await page.wait_for_selector("#together >> text=Accepted by a friend")
    await page.click("text=Stop holding")
    await page.wait_for_selector("#together >> text=Open to everybody again")
