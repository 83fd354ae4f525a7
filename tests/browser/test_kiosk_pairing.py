"""Pairing a screen in a current browser and in the oldest one, with an administrator beside it."""

from __future__ import annotations

import pytest

from tests.browser.conftest import PHONE, Open, Tab, is_for_everybody, shows_everybody
from tests.browser.oldest import OldTab
from tests.browser.what_is_cut import CUT
from tests.living import Living

pytestmark = pytest.mark.whole

CONSOLE = "/console/devices/kiosk/2f-north/pairing"


async def confirm(head: Tab, code: str, word: str) -> None:
    """Types, compares and confirms the code as an administrator."""
    await head.go(CONSOLE)
    await head.page.fill("[name=code]", code)
    await head.page.click("text=下一步")
    assert await head.text(".word") == word
    await head.page.fill("[name=reason]", "换新机器")
    await head.page.click("text=核对词相同，确认配对")
    await head.page.wait_for_selector(".done:has-text('已配对')")


async def test_the_oldest_screen_is_paired_and_starts(
    service: Living, opened: Open, old: OldTab
) -> None:
    head = await opened("administrator")
    for size in ((1080, 1920), (1280, 800), (480, 800), (1080, 720)):
        await old.size(*size)
        await old.go(f"{service.base}/kiosk")
        await old.wait_for("!document.getElementById('code').hidden")
        assert await old.evaluate(CUT) == [], size
    await old.wait_for("document.getElementById('said').textContent.includes('后更换新码')")
    code = await old.evaluate("document.getElementById('code').textContent")
    word = await old.evaluate("document.querySelector('#word b').textContent")
    # The same code after a reload, as it may happen while an administrator types.
    await old.go(f"{service.base}/kiosk")
    await old.wait_for("!document.getElementById('code').hidden")
    assert await old.evaluate("document.getElementById('code').textContent") == code
    assert await old.evaluate("document.documentElement.scrollWidth") <= 1080
    await old.moved_by(confirm(head, code, word))
    await old.wait_for("document.querySelector('#code svg')")
    assert await old.evaluate("location.pathname + location.hash") == "/kiosk/2f-north"
    # As after a power cut, by the address without a name.
    await old.go(f"{service.base}/kiosk")
    await old.wait_for("document.querySelector('#code svg')")


async def test_codes_are_renewed_and_a_screen_without_its_key_requests_pairing(
    service: Living, opened: Open, axe: str
) -> None:
    head = await opened("administrator", **PHONE)
    tab = await opened(path="/kiosk")
    page = tab.page
    tab.expected = {401, 404}
    await page.wait_for_selector("#code:visible")
    first = await page.inner_text("#code")
    await shows_everybody(tab, axe, "/kiosk", phone=False)
    # Both clocks go on by a code's life.
    await service.inside.stored.kiosk_pairings.prune(service.clock.now().replace(year=2027))
    await page.evaluate("(real => { Date.now = () => real() + 600000 })(Date.now)")
    await page.wait_for_function(
        "first => { const code = document.getElementById('code');"
        " return !code.hidden && code.innerText !== first }",
        arg=first,
    )
    code, word = await tab.text("#code"), await tab.text("#word b")
    await is_for_everybody(head, axe, CONSOLE, phone=True)
    await head.page.fill("[name=code]", code)
    await head.page.click("text=下一步")
    await shows_everybody(head, axe, "confirm", phone=True)
    await confirm(head, code, word)
    await page.wait_for_selector("#code svg")
    # Another screen takes over.
    await service.inside.stored.kiosks.issue_kiosk_key("2f-north", "x" * 43, "A" * 32)  # type: ignore[arg-type]
    await page.reload()
    await page.click("text=配对这块屏幕")
    await page.wait_for_selector("text=后更换新码")
    assert await tab.text("#code") != code


async def test_a_screen_retries_until_the_service_answers(service: Living, opened: Open) -> None:
    tab = await opened(path="/privacy")
    await tab.page.route("**/api/**", lambda route: route.abort())
    await tab.go("/kiosk")
    await tab.page.wait_for_selector("text=正在重新连接")
    assert not await tab.page.is_visible("#code")
    await tab.page.unroute("**/api/**")
    await tab.page.wait_for_selector("text=后更换新码")
