"""The kiosk's screen, and a check-in by its code with a slow login."""

from __future__ import annotations

from datetime import timedelta

from playwright.async_api import Page

from models.identity.roles import Role
from tests.api.calendar_page import ask
from tests.api.console import staff
from tests.api.kiosk import key_of
from tests.api.reader_groups import ROOM, group
from tests.browser.conftest import Open
from tests.living import Living


async def test_a_kiosk_shows_its_code_and_hides_it_when_offline(
    service: Living, opened: Open
) -> None:
    key = await key_of(service, "2f-north")
    head = await staff(service, Role.ADMINISTRATOR)
    closed = {"place": "a:2f-hall", "first": service.today, "confirmed": "yes"}
    assert (await ask(service, head, **closed)).status == 303
    await group(service, head)
    reserved = service.inside.reference.area(ROOM).name
    tab = await opened()
    page = tab.page
    await page.clock.install()
    await tab.go(f"/kiosk/2f-north#key={key}")
    first = await page.inner_html("#code svg")
    await page.wait_for_selector("text=秒后更新")
    assert await page.locator("#free li").count() == 18
    assert await page.locator("#free li", has_text="二层中厅").locator("b").inner_text() == "闭馆"
    assert await page.locator("#free li", has_text=reserved).locator("b").inner_text() == "专用"
    # The next code comes by itself, and none is hidden before.
    await page.evaluate(
        "window.hidden = 0; new MutationObserver(() => {"
        " hidden += document.getElementById('code').classList.contains('away') })"
        ".observe(document.getElementById('code'), {attributes: true})"
    )
    await later(service, page, 15)
    await page.wait_for_function(
        "first => document.querySelector('#code svg').innerHTML !== first", arg=first
    )
    assert await page.evaluate("window.hidden") == 0
    await page.reload()  # as after a power cut: the key is remembered
    await page.wait_for_selector("#code svg")
    # Without the service a code that has ended is hidden, and comes back with it.
    await page.route("**/api/**", lambda route: route.abort())
    await later(service, page, 15)
    await page.wait_for_selector("text=请到服务台办理")
    await page.unroute("**/api/**")
    await later(service, page, 5)
    await page.wait_for_selector("#code svg")


async def later(service: Living, page: Page, seconds: int) -> None:
    """Lets this much time pass in the service and on the screen, second by second."""
    for _ in range(seconds):
        await service.move(timedelta(seconds=1))
        await page.clock.run_for(1000)


async def test_a_wrong_key_shows_no_code(service: Living, opened: Open) -> None:
    tab = await opened(path="/kiosk/2f-north")
    assert "密钥" in await tab.text("#code")
    tab.expected = {401}
    await tab.go("/kiosk/2f-north#key=wrong")
    await tab.page.wait_for_selector("text=密钥不对")


async def test_a_slow_login_does_not_cost_the_check_in(service: Living, opened: Open) -> None:
    reader = await service.web_reader()
    await reader.reserve(start="17:00", end="18:00")
    await service.move("16:40")
    code = await service.qr()
    tab = await opened(path=code.removeprefix(service.base))
    await tab.page.wait_for_selector("[name=username]")
    await service.move(timedelta(minutes=3))  # long after the code's end
    await tab.sign_in(reader.number)
    await tab.page.click("main button >> text=签到")
    assert await tab.text(".done") == "签到成功"
    (reservation,) = (await reader.ok("GET", "/reservations"))["items"]
    assert reservation["state"] == "in_use"


async def test_an_expired_kiosk_code_does_not_check_in(service: Living, opened: Open) -> None:
    reader = await service.web_reader()
    await reader.reserve(start="17:00", end="18:00")
    await service.move("16:40")
    code = await service.qr()
    path = code.removeprefix(service.base)
    late = await opened(path=path)
    await late.page.wait_for_selector("[name=username]")
    await service.move(timedelta(minutes=6))
    late.expected = {422}
    await late.sign_in(reader.number)
    assert "已过期" in await late.text("main")
    # The code itself, photographed and sent on, is as old.
    await late.go(path)
    assert "已过期，请扫描屏幕上正在显示的码" in await late.text("main")
    (reservation,) = (await reader.ok("GET", "/reservations"))["items"]
    assert reservation["state"] == "reserved"
