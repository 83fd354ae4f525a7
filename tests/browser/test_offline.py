"""Without a network: the pass that a device keeps where its reader stays signed in, and its end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import pytest
from playwright.async_api import Error, expect

from models.identity.roles import Role
from tests.browser.conftest import PHONE, Open, Tab, shows_everybody
from tests.browser.foreign_words import CHINESE, LATIN, look, watch
from tests.living import Client, Living
from tests.waiting import until

KEPT: Final = """async () => {
  const kept = [];
  for (const { name } of await indexedDB.databases()) {
    const db = await new Promise((done) => {
      const asked = indexedDB.open(name);
      asked.onupgradeneeded = () => asked.transaction.abort(); // it was deleted meanwhile
      asked.onsuccess = () => done(asked.result);
      asked.onerror = () => done(null);
    });
    for (const store of db ? db.objectStoreNames : []) {
      const asked = db.transaction(store).objectStore(store).getAll();
      await new Promise((done) => { asked.onsuccess = done; });
      kept.push(...asked.result);
    }
    if (db) db.close();
  }
  return kept;
}"""
"""All that the browser's databases hold."""
CACHED: Final = """async () => {
  const paths = [];
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    paths.push(...(await cache.keys()).map((one) => new URL(one.url).pathname));
  }
  return paths;
}"""
WORKERS: Final = "navigator.serviceWorker.getRegistrations().then((all) => all.length)"
READY: Final = "navigator.serviceWorker.ready.then(() => true)"
TWO_HOURS_LATER: Final = "(now => { Date.now = () => now() + 7_200_000 })(Date.now)"
CUT_OFF: Final = "document.documentElement.scrollWidth > innerWidth"


async def keeps(tab: Tab, *states: str) -> None:
    """Waits until the browser keeps passes in these states, and nothing else."""

    async def is_so() -> bool:
        try:
            return [kept["state"] for kept in await tab.page.evaluate(KEPT)] == [*states]
        except Error:  # the page goes on to the next one
            return False

    await until(is_so, f"{states} on the device")


async def staying(service: Living, opened: Open, **device: Any) -> tuple[Tab, Client, Any]:
    """A tab whose reader stays signed in, on the page by which their pass is kept; the reader and
    the booking by the API."""
    reader = await service.web_reader()
    made = await reader.reserve(start="now", end="18:00")
    tab = await opened(reader.number, **PHONE | device)
    await tab.go("/me/devices")
    await tab.page.click("form[action$=keep] button")
    await tab.go("/reservations")
    await keeps(tab, "reserved")
    assert await tab.page.evaluate(READY)
    return tab, reader, made


@pytest.mark.parametrize(
    ("locale", "foreign", "words", "back"),
    [
        (
            "zh-CN",
            LATIN,
            ("没有网络", "9月7日 周一 16:08 看到", "已预约", "065 号", "16:08–18:00", "–16:38"),
            "请在 16:58 前返回",
        ),
        (
            "en-US",
            CHINESE,
            ("No network", "Mon 7 Sept 16:08", "Reserved", "No. 065", "16:08–18:00", "–16:38"),
            "Be back by 16:58",
        ),
    ],
    ids=["zh", "en"],
)
async def test_the_pass_is_shown_without_a_network(
    service: Living,
    opened: Open,
    axe: str,
    locale: str,
    foreign: str,
    words: tuple[str, ...],
    back: str,
) -> None:
    tab, reader, made = await staying(service, opened, locale=locale)
    page, here = tab.page, f"/reservations/{made['id']}"
    met = await watch(tab, foreign, ("图书馆", "二层中厅"))
    (kept,) = await page.evaluate(KEPT)
    for secret in (reader.number, reader.reader_id, "张", "csrf", "<"):
        assert secret not in str(kept), kept
    (only,) = await page.evaluate(CACHED)
    assert only.startswith("/offline/"), "no page of a reader, and no answer"
    await tab.context.set_offline(True)
    await tab.go("/reservations")
    await expect(page.locator("body")).to_contain_text(words[0])  # its script shows the page
    text = await tab.text("body")
    assert [word for word in words if word not in text] == [], text
    assert await page.title() == words[0]
    await look(tab)
    assert met == set()
    await shows_everybody(tab, axe, "without a network", phone=True)
    # Back in the network the page comes by itself.
    await tab.context.set_offline(False)
    await page.wait_for_selector(".bar")
    await reader.ok("POST", f"/reservations/{made['id']}/check-in", {"qr": await service.qr()})
    await service.move(timedelta(minutes=20))
    await reader.ok("POST", f"{here}/leave")
    await tab.go(here)
    await keeps(tab, "away")
    await tab.context.set_offline(True)
    await tab.go("/")
    assert back in await tab.text(".pass.away:visible")
    await page.set_viewport_size({"width": 320, "height": 568})
    assert not await page.evaluate(CUT_OFF)
    # A day's end without a network.
    await page.add_init_script(TWO_HOURS_LATER)
    await page.reload()
    assert await page.locator(".pass:visible").count() == 0
    await keeps(tab)


@pytest.mark.parametrize("end", ["sign out", "401", "reader", "end", "cancelled", "off"])
async def test_nothing_stays_on_the_device(service: Living, opened: Open, end: str) -> None:
    tab, reader, made = await staying(service, opened)
    page = tab.page
    tab.expected.add(401)
    match end:
        case "sign out":
            await tab.go("/logout")
            await page.click("main button")
            await page.wait_for_selector("text=统一身份认证登录")
        case "401":  # ended on another device
            await reader.ok("DELETE", "/sessions")
            await page.click(".pass a[href$=cancel]")
            await page.wait_for_url("**/cancel")  # the campus has signed them in again
        case "reader":
            other = await service.web_reader()
            now = service.clock.now()
            await service.sessions.keep(
                (await service.sessions.principal(other.token, now)).session
            )
            await tab.context.add_cookies(
                [{"name": "seat_sid", "value": other.token, "url": service.base}]
            )
            await tab.go("/notices")
        case "end":
            await service.move("18:01")
            await tab.go("/notices")
        case "cancelled":
            await reader.ok("POST", f"/reservations/{made['id']}/cancel")
            await tab.go(f"/reservations/{made['id']}")
        case _:
            await tab.go("/me")
            await page.click("[data-offline] label")
    await keeps(tab)
    if end == "off":
        await until(lambda: page.evaluate(f"{WORKERS}.then((n) => n === 0)"), "no worker")
        assert await page.evaluate(CACHED) == []
        await tab.go("/reservations")
        await page.wait_for_load_state("networkidle")
        assert await page.evaluate(KEPT) == [] and await page.evaluate(WORKERS) == 0
        await tab.go("/me")
        assert not await page.is_checked("[data-offline] input")
        await page.click("[data-offline] label")
        await tab.go("/reservations")
        await keeps(tab, "reserved")


async def test_a_booking_of_another_day_does_not_replace_the_next_one(
    service: Living, opened: Open
) -> None:
    tab, reader, _ = await staying(service, opened)
    later = await reader.reserve("2f-hall-063", "09:00", "10:00", service.tomorrow)
    (before,) = await tab.page.evaluate(KEPT)
    for path in (f"/reservations/{later['id']}", f"/?change={later['id']}"):
        await tab.go(path)
        (kept,) = await tab.page.evaluate(KEPT)
        assert kept["id"] == before["id"], path
    await tab.go("/check-in")

    async def counted() -> bool:
        (one,) = await tab.page.evaluate(KEPT)
        return bool(one["ahead"] != before["ahead"])

    await until(counted, "the pass knows of both bookings")
    (after,) = await tab.page.evaluate(KEPT)
    assert after["id"] == before["id"]


async def test_nothing_is_kept_for_a_reader_who_does_not_stay_signed_in(
    service: Living, opened: Open
) -> None:
    reader = await service.web_reader()
    await reader.reserve(start="now", end="18:00")
    tab = await opened(reader.number, **PHONE)
    await tab.go("/reservations")
    assert await tab.page.evaluate(READY)
    await tab.context.set_offline(True)
    await tab.go("/reservations")
    assert "本机没有保存预约" in await tab.text("main:visible")
    await keeps(tab)


async def test_screens_and_the_console_have_no_worker(service: Living, opened: Open) -> None:
    """Nor does the worker of a reader's page in the same browser answer for them."""
    head = await service.web_reader(role=Role.ADMINISTRATOR)
    paths = ("/kiosk", "/kiosk/2f-south", "/console", "/console/devices")
    tab = await opened(path="/privacy")
    await tab.context.add_cookies([{"name": "seat_sid", "value": head.token, "url": service.base}])
    for path in paths:
        await tab.go(path)
        await tab.page.wait_for_load_state("networkidle")
        assert await tab.page.evaluate(WORKERS) == 0, path
    await tab.go("/notices")
    assert await tab.page.evaluate(READY)
    async with tab.page.expect_download() as loading:
        await tab.page.evaluate("location.assign('/me/data.json')")
    loaded = await loading.value
    assert (loaded.suggested_filename, await loaded.failure()) == ("my-seat-data.json", None)
    await tab.context.set_offline(True)
    for path in (*paths, "/me/data.json", "/api/v1/areas"):
        with pytest.raises(Error, match=r"ERR_INTERNET_DISCONNECTED|ERR_FAILED"):
            await tab.go(path)
    # Chromium closes no page that stands on an error of its own while it has no network.
    await tab.context.set_offline(False)
    await tab.go("/notices")


async def test_a_browser_without_workers_keeps_nothing(service: Living, opened: Open) -> None:
    reader = await service.web_reader()
    await reader.reserve(start="now", end="18:00")
    tab = await opened(**PHONE)
    await tab.page.add_init_script("delete Navigator.prototype.serviceWorker")
    await tab.go("/")
    await tab.page.click("text=统一身份认证登录")
    await tab.sign_in(reader.number)
    await tab.go("/me/devices")
    await tab.page.click("form[action$=keep] button")
    for path in ("/", "/reservations", "/me"):
        await tab.go(path)
        await tab.page.wait_for_load_state("networkidle")
        assert await tab.page.evaluate(KEPT) == [], path
    assert await tab.page.locator("[data-offline]:visible").count() == 0
