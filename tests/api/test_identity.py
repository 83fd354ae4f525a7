"""Sign-in, binding and sessions: admission, addresses and lifetimes."""

from __future__ import annotations

import re
from datetime import date, timedelta
from http.cookies import Morsel
from typing import Any
from urllib.parse import urlencode

import pytest

from models.kernel.ids import ReaderId
from models.readers.entities import Visit
from models.storage.mongo import new_id
from tests.api.browsing import FORM
from tests.api.cas_sign_in import begun, granted
from tests.living import Client, Living, living


async def wechat_does(service: Living, mode: dict[str, Any]) -> None:
    await service.anonymous.ok("POST", "//sandbox/wechat/_mode", mode)


async def test_a_wechat_login_code_gives_an_unbound_session_once(service: Living) -> None:
    caller = service.stranger()
    login = await caller.ok("POST", "/wx/login", {"code": f"demo-{caller.name}-1"})
    assert list(login) == ["token", "expires_at", "bound", "reader", "scan_note"]
    assert (login["bound"], login["reader"]) == (False, None)
    assert login["expires_at"].startswith("2026-10-07T08:00:0")
    for code in (f"demo-{caller.name}-1", "x", "demo-", "\0", "' or 1=1", "中文"):
        await caller.refused("401 code_invalid", "POST", "/wx/login", {"code": code})
    fresh = {"code": f"demo-{caller.name}-2"}
    for mode, expected in (
        ({"errcode": 40226}, "403 wechat_user_blocked"),
        ({"status": 502}, "503 wechat_unavailable"),
        ({"errcode": 45011}, "429 throttled"),
    ):
        await wechat_does(service, {"jscode2session": mode})
        await caller.refused(expected, "POST", "/wx/login", fresh)
    await wechat_does(service, {})
    caller.token = (await caller.ok("POST", "/wx/login", fresh))["token"]
    assert await caller.ok("GET", "/me") == {
        "reader": None,
        "active": [],
        "violations_count": 0,
        "suspended_until": None,
        "suspension": None,
        "subscriptions": {},
        "long_term": [],
        "reminders_paused": False,
        "language": None,
    }


async def test_an_activation_code_binds_one_wechat_user(service: Living) -> None:
    web, phone = await service.web_reader(), await service.wx_user()
    activation = await web.ok("POST", "/activation-codes")
    assert (
        list(activation) == ["code", "expires_at", "link", "request"]
        and len(activation["code"]) == 6
    )
    assert await web.ok("POST", "/activation-codes", {}) == activation
    renewed = await web.ok("POST", "/activation-codes", {"renew": True})
    assert renewed["code"] != activation["code"]

    async def invalid(code: str) -> Any:
        no = await phone.refused(
            "422 activation_code_invalid", "POST", "/bindings", {"activation_code": code}
        )
        return no.body

    replaced = await invalid(activation["code"])
    wrong = await invalid(f"{(int(renewed['code']) + 1) % 1_000_000:06d}")
    bound = await phone.call("POST", "/bindings", {"activation_code": renewed["code"]})
    assert bound.status == 201
    assert bound.body == {
        "reader": {
            "student_no_masked": f"{web.number[:2]}****{web.number[-2:]}",
            "name": "张三",
            "kind": "student",
        }
    }
    again = {"activation_code": renewed["code"]}
    await phone.refused("409 already_bound", "POST", "/bindings", again)
    second = await service.wx_user()
    no = await second.refused("422 activation_code_invalid", "POST", "/bindings", again)
    used = no.body
    # The reader's next code does not help another WeChat user, and is spent by the attempt.
    next_one = (await web.ok("POST", "/activation-codes"))["code"]
    lost = await second.post("/bindings", {"activation_code": next_one})
    assert (lost.status, lost.code) == (409, "reader_bound_elsewhere")
    assert (await phone.ok("GET", "/me"))["reader"] is not None
    assert (await second.ok("GET", "/me"))["reader"] is None

    old = await service.web_reader()
    code = (await old.ok("POST", "/activation-codes"))["code"]
    await service.move(timedelta(minutes=10))
    no = await second.refused(
        "422 activation_code_invalid", "POST", "/bindings", {"activation_code": code}
    )
    assert replaced == wrong == used == no.body  # guessing learns nothing
    assert (await old.ok("POST", "/activation-codes"))["code"]


async def test_sessions_end_by_logout_and_expiry(service: Living) -> None:
    reader, web = await service.reader(), await service.web_reader()
    await reader.ok("DELETE", "/sessions/current")
    await reader.refused("401 unauthenticated", "GET", "/me")
    phone = await service.reader()
    await service.move(timedelta(hours=12))
    await web.refused("401 unauthenticated", "GET", "/me")
    await phone.ok("GET", "/me")
    await service.move(timedelta(days=29, hours=12))
    await phone.refused("401 unauthenticated", "GET", "/me")


async def signed_in(service: Living, browser: Client) -> Morsel[str]:
    """Signs in at the sandbox's CAS. Returns the service's session cookie."""
    ticket = await granted(service, browser, await begun(browser))
    assert ticket.startswith("/login/cas?s=") and "&ticket=ST-" in ticket
    arrived = await browser.get("/" + ticket)
    assert (arrived.status, arrived.headers["Location"]) == (302, "/")
    assert "no-store" in arrived.headers["Cache-Control"]
    replayed = await browser.get("/" + ticket)
    assert replayed.status == 401 and "请重新登录" in replayed.body
    return next(c for c in browser.session.cookie_jar if c.key == "seat_sid")


async def test_signing_in_on_the_web_opens_a_session(service: Living) -> None:
    browser = service.stranger()
    cookie = await signed_in(service, browser)
    flags = (cookie["path"], bool(cookie["httponly"]), cookie["samesite"], bool(cookie["secure"]))
    assert flags == ("/", True, "Lax", False)
    assert 0 <= 12 * 3600 - int(cookie["max-age"]) <= 2
    assert len(cookie.value) == 59

    me = await browser.ok("GET", "/me")
    assert me["reader"]["student_no_masked"].startswith(browser.number[:2] + "****")
    home = await browser.get("//activation")
    assert (await browser.ok("POST", "/activation-codes", Origin=service.base))["code"] in home.body
    # The cookie is as good as a token; where both come, the token speaks.
    other = await service.reader()
    both = await browser.ok("GET", "/me", Authorization=f"Bearer {other.token}")
    assert both["reader"] != me["reader"]

    for bad in ("ST-1", "", "%ff", "x" * 3000):
        page = await service.stranger().get(f"//login/cas?ticket={bad}")
        assert page.status == 401 and page.headers["Content-Type"].startswith("text/html")
        assert "Set-Cookie" not in page.headers


@pytest.mark.whole
async def test_a_campus_account_with_a_visitors_number_is_not_signed_in(service: Living) -> None:
    visit, id = Visit(date(2026, 9, 7), date(2026, 9, 8)), ReaderId(new_id())
    readers = service.inside.stored.readers
    guest = await readers.admit_visitor(id, "客人", visit, service.clock.now())
    browser = service.stranger()
    browser.number = guest.decrypt().student_no
    ticket = await granted(service, browser, await begun(browser))
    page = await browser.get("/" + ticket)
    assert page.status == 401 and "没有认出您的身份" in page.body
    assert all(cookie.key != "seat_sid" for cookie in browser.session.cookie_jar)
    visitor = await readers.get(id)
    assert visitor is not None and visitor.name == "客人"


async def test_a_change_by_cookie_from_another_origin_is_refused(service: Living) -> None:
    """Own origins are in tests/unit/test_requests."""
    browser = service.stranger()
    await signed_in(service, browser)
    await browser.ok("GET", "/me", Origin="https://evil.example")
    foreign: list[dict[str, str]] = [{}, {"Origin": "https://evil.example"}]
    for headers in foreign:
        for method, path in (
            ("POST", "/activation-codes"),
            ("DELETE", "/sessions/current"),
            ("POST", "//logout"),
        ):
            await browser.refused("403 bad_origin", method, path, None, **headers)
    await browser.ok("POST", "/activation-codes", Origin=service.base)
    await browser.ok("POST", "/activation-codes", Referer=f"{service.base}/some/page?x=1")
    # A token does not travel by itself, so it may come from anywhere.
    reader = await service.reader()
    await reader.ok("POST", "/messages/read", {"ids": []}, Origin="https://evil.example")


async def test_a_logout_here_or_at_cas_ends_the_web_session(service: Living) -> None:
    browser = service.stranger()
    await signed_in(service, browser)
    out = await browser.post("//logout", None, Origin=service.base)
    assert out.status == 302 and "/sandbox/cas/logout?" in out.headers["Location"]
    await browser.refused("401 unauthenticated", "GET", "/me")

    cookie = (await signed_in(service, browser)).value
    await browser.ok("DELETE", "/sessions/current", Origin=service.base)
    old_cookie = {"Cookie": f"seat_sid={cookie}"}
    await service.stranger().refused("401 unauthenticated", "GET", "/me", None, **old_cookie)

    # Signing out at CAS ends it here, also for a copy of the cookie.
    cookie = (await signed_in(service, browser)).value
    old_cookie = {"Cookie": f"seat_sid={cookie}"}
    await service.stranger().ok("GET", "/me", **old_cookie)
    assert (await browser.get("//sandbox/cas/logout")).status < 400
    await browser.refused("401 unauthenticated", "GET", "/me")
    await service.stranger().refused("401 unauthenticated", "GET", "/me", None, **old_cookie)


async def test_wrong_codes_and_too_many_requests_are_throttled(
    mongo_url: str, redis_url: str
) -> None:
    async with living(mongo_url, redis_url, RATE_LIMIT_SCALE="1") as service:
        phone, web = await service.wx_user(), await service.web_reader()
        real = (await web.ok("POST", "/activation-codes"))["code"]
        guess = {"activation_code": f"{(int(real) + 1) % 1_000_000:06d}"}
        for _ in range(5):
            await phone.refused("422 activation_code_invalid", "POST", "/bindings", guess)
        right = {"activation_code": real}
        no = await phone.refused("429 too_many_attempts", "POST", "/bindings", right)
        assert int(no.headers["Retry-After"]) == no.details["retry_after"] <= 601
        # Another phone behind the same address still gets in.
        await (await service.wx_user()).ok("POST", "/bindings", right)

        reader = await service.reader()
        path = f"/reservations/{(await reader.reserve(start='now', end='10:00'))['id']}/check-in"
        for _ in range(20):
            await reader.refused("422 qr_invalid", "POST", path, {"qr": "x"})
        good = {"qr": await service.qr()}
        await reader.refused("429 too_many_attempts", "POST", path, good)
        await service.move("08:11")
        await reader.ok("POST", path, {"qr": await service.qr()})

        hammer = await service.reader()
        answers = [await hammer.post("/messages/read", {"ids": []}) for _ in range(80)]
        assert {a.status for a in answers} == {204, 429} and answers[59].status == 204
        slowed = next(a for a in answers if a.status == 429)
        assert slowed.code == "throttled" and int(slowed.headers["Retry-After"]) >= 1
        await hammer.ok("GET", "/me")  # reading goes on
        await reader.ok("POST", "/messages/read", {"ids": []})  # and so do the others


async def test_wrong_codes_count_against_the_client_address_behind_the_proxy(
    mongo_url: str, redis_url: str
) -> None:
    """Trusted proxies are in tests/unit/test_requests."""
    async with living(mongo_url, redis_url, TRUSTED_PROXIES="127.0.0.0/8,10.0.0.0/8") as service:
        stranger, way = service.stranger(), "198.51.100.1, 203.0.113.9, 10.1.1.1"
        await stranger.get("//k/2f-south?c=00000000", **{"X-Forwarded-For": way})
        counted = await service.db["attempt_limits"].distinct("_id")
        assert "qr:address:203.0.113.9" in counted and "qr:address:127.0.0.1" not in counted


async def test_an_unrequested_cas_ticket_signs_in_only_after_confirmation(service: Living) -> None:
    """The link contains another person's ticket: the reader is asked and keeps their own
    session."""
    victim, attacker = service.stranger(), service.stranger()
    await signed_in(service, victim)
    me = await victim.ok("GET", "/me")
    stolen = await granted(service, attacker, await begun(attacker))
    page = await victim.get("/" + stolen)
    assert page.status == 200 and "登录？" in page.body
    assert attacker.number not in page.body and attacker.number[-2:] in page.body
    assert await victim.ok("GET", "/me") == me
    held = re.search(r'name="held" value="([^"]+)"', page.body)
    assert held is not None
    form, kind = urlencode({"held": held[1]}).encode(), FORM
    # No other page can say yes.
    for origin in ({}, {"Origin": "https://evil.example"}):
        no = await victim.call("POST", "//login/confirm", form, **kind | origin)
        assert no.status == 403
    assert await victim.ok("GET", "/me") == me
    # Nor can another browser, which has a copy of the page.
    elsewhere = service.stranger()
    no = await elsewhere.call("POST", "//login/confirm", form, **kind, Origin=service.base)
    assert (no.status, len(elsewhere.session.cookie_jar)) == (401, 0)
    # Who is really there says yes, and the session before ends.
    before = next(c.value for c in victim.session.cookie_jar if c.key == "seat_sid")
    yes = await victim.call("POST", "//login/confirm", form, **kind, Origin=service.base)
    assert (yes.status, yes.headers["Location"]) == (302, "/")
    assert (await victim.ok("GET", "/me"))["reader"] != me["reader"]
    old = service.stranger()
    await old.refused("401 unauthenticated", "GET", "/me", None, Cookie=f"seat_sid={before}")
    sessions = await service.db["sessions"].count_documents({})
    again = await victim.call("POST", "//login/confirm", form, **kind, Origin=service.base)
    assert again.status == 401, "it counts once"
    assert await service.db["sessions"].count_documents({}) == sessions
    # It cannot be kept for later, nor made up.
    other = await victim.get("/" + await granted(service, attacker, f"{service.base}/login/cas"))
    held = re.search(r'name="held" value="([^"]+)"', other.body)
    assert held is not None
    await service.move(timedelta(minutes=3))
    for text in (held[1], "x", "1:AAAA"):
        late = urlencode({"held": text}).encode()
        no = await victim.call("POST", "//login/confirm", late, **kind, Origin=service.base)
        assert no.status == 401, text


@pytest.mark.whole
async def test_signing_in_works_with_one_exact_service_url(mongo_url: str, redis_url: str) -> None:
    async with living(mongo_url, redis_url, CAS_EXACT_SERVICE="1") as service:
        browser, attacker, stranger = service.stranger(), service.stranger(), service.stranger()
        target = await begun(browser)
        assert target == f"{service.base}/login/cas"
        back = await granted(service, browser, target)
        assert (await browser.get("/" + back)).status == 302
        stolen = await granted(service, attacker, target)
        assert "登录？" in (await stranger.get("/" + stolen)).body
