"""The whole service without its sandbox, against a foreign CAS server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from miniapp_server.sandbox.defaults import SANDBOX_TEMPLATES
from miniapp_server.sandbox.sandbox import plug_in
from tests.living import Client, Living, living

if TYPE_CHECKING:
    from tests.api.third_party_cas import ThirdPartyCas

pytest_plugins = ["tests.api.third_party_cas"]


@pytest.fixture
async def service(
    mongo_url: str, redis_url: str, third_party_cas: ThirdPartyCas
) -> AsyncIterator[Living]:
    async with living(
        mongo_url,
        redis_url,
        CAS_BASE_URL=third_party_cas.base_url,
        WECHAT_APPID="wx0123456789abcdef",
        WECHAT_SECRET="not-a-real-secret",
        # Nothing listens there: these tests have no errand to WeChat.
        WECHAT_BASE_URL="http://127.0.0.1:9",
        WECHAT_TEMPLATES=json.dumps(SANDBOX_TEMPLATES),
    ) as running:
        yield running


async def signed_in(service: Living, cas: ThirdPartyCas, browser: Client) -> str:
    """Signs in by our login link and the server's form. Returns the ticket of the session."""
    away = await browser.get("//login")
    assert away.status == 302 and away.headers["Location"].startswith(f"{cas.base_url}/login?")
    (target,) = parse_qs(urlsplit(away.headers["Location"]).query)["service"]
    ticket = await cas.login(browser.session, target)
    back = await browser.get(f"/{target.removeprefix(service.base)}&ticket={ticket}")
    assert (back.status, back.headers["Location"]) == (302, "/")
    (cookie,) = [c for c in back.headers.getall("Set-Cookie") if c.startswith("seat_sid=")]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    return ticket


@pytest.mark.whole
async def test_signing_in_through_the_cas_form_opens_a_session(
    service: Living, third_party_cas: ThirdPartyCas
) -> None:
    browser = service.stranger()
    ticket = await signed_in(service, third_party_cas, browser)
    me = await browser.ok("GET", "/me")
    assert me["reader"] == {"student_no_masked": "21****01", "name": "雨桐 王", "kind": "student"}
    assert (await browser.ok("POST", "/activation-codes", Origin=service.base))["code"]

    # The same person again is the same reader.
    readers = await service.db["readers"].distinct("_id")
    await signed_in(service, third_party_cas, service.stranger())
    assert readers and await service.db["readers"].distinct("_id") == readers

    for wrong in (ticket, "ST-1792627200-" + "a" * 32, "", "x"):
        page = await service.stranger().get(f"//login/cas?ticket={wrong}")
        assert page.status == 401 and "请重新登录" in page.body, wrong
        assert "Set-Cookie" not in page.headers
    # A ticket for another service is not ours to use.
    other = await third_party_cas.login(browser.session, f"{service.base}/other")
    assert (await service.stranger().get(f"//login/cas?ticket={other}")).status == 401


@pytest.mark.whole
async def test_signing_out_at_cas_ends_the_session_here(
    service: Living, third_party_cas: ThirdPartyCas
) -> None:
    browser, copy = service.stranger(), service.stranger()
    await signed_in(service, third_party_cas, browser)
    cookie = next(c.value for c in browser.session.cookie_jar if c.key == "seat_sid")
    cookies = {"Cookie": f"seat_sid={cookie}"}
    await copy.ok("GET", "/me", **cookies)

    async with browser.session.get(f"{third_party_cas.base_url}/logout") as answer:
        assert answer.status == 200
    await ended(copy, cookies)

    # Our own way out sends the browser there as well.
    await signed_in(service, third_party_cas, browser)
    out = await browser.post("//logout", None, Origin=service.base)
    assert out.status == 302
    assert out.headers["Location"].startswith(f"{third_party_cas.base_url}/logout?")
    await browser.refused("401 unauthenticated", "GET", "/me")


async def ended(copy: Client, cookies: dict[str, str]) -> None:
    """Waits until the session has ended: the server posts the logout before or just after its
    answer."""
    for _ in range(200):
        if (await copy.get("/me", **cookies)).status == 401:
            return
    raise AssertionError("the session outlives the logout")


async def test_without_the_sandbox_its_routes_are_not_found(service: Living) -> None:
    for path in ("//sandbox/", "//sandbox/clock", "//sandbox/kiosks", "//sandbox/cas/login"):
        await service.anonymous.refused("404 not_found", "GET", path)
    await service.anonymous.refused("404 not_found", "POST", "//sandbox/reset")
    page = await service.anonymous.get("//")
    assert "sandbox" not in page.body and "沙箱" not in page.body
    with pytest.raises(ValueError, match="requires a sandbox's settings"):
        await plug_in(service.app)
    # WeChat is away: signing in by it fails clearly, the rest works.
    reader = await service.reader()
    await reader.ok("GET", "/me")
    await service.anonymous.refused(
        "503 wechat_unavailable", "POST", "/wx/login", {"code": "0" * 32}
    )
