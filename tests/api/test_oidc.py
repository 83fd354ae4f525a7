"""Signing in by OpenID Connect with a foreign provider (oidc-provider)."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from bind.providers import base as provider_base
from handlers.http.keys import LOAD_SHEDDER
from handlers.http.load_shedding import SIGN_IN_SLOTS
from miniapp_server.clock import Clock
from miniapp_server.sandbox.defaults import SANDBOX_TEMPLATES
from tests.living import Answer, Client, Living, free_port, living
from tests.oidc_provider import RealProvider, away, follow, real_provider, signed_in
from tests.stand_in import StandIn

STAFF = {"GROUPS_CLAIM": "groups", "LIBRARIAN_GROUP": "library-desk"}
WECHAT = {
    "WECHAT_APPID": "wx0123456789abcdef",
    "WECHAT_SECRET": "not-a-real-secret",
    "WECHAT_BASE_URL": "http://127.0.0.1:9",
    "WECHAT_TEMPLATES": json.dumps(SANDBOX_TEMPLATES),
}
FORM = "application/x-www-form-urlencoded"


class Ahead(Clock):
    """The real time plus an offset."""

    by = timedelta()

    def real_now(self) -> datetime:
        return super().real_now() + self.by


@pytest.fixture
async def both(mongo_url: str, redis_url: str) -> AsyncIterator[tuple[Living, RealProvider]]:
    """A service without CAS, and its provider."""
    async with real_provider() as provider:
        env: dict[str, Any] = {
            "OIDC_PROVIDERS": "campus",
            **provider.env("campus", **STAFF),
            **WECHAT,
        }
        async with living(mongo_url, redis_url, clock=Ahead(), **env) as service:
            await provider.serve(service.base)
            yield service, provider


async def sign_out(service: Living, browser: Client) -> str:
    out = await browser.post("//logout", None, Origin=service.base)
    assert out.status == 302
    return str(out.headers["Location"])


async def arrive(browser: Client, address: str, **headers: str) -> Answer:
    return await browser.get(f"/{address.removeprefix(browser.service.base)}", **headers)


async def test_signing_in_binding_and_signing_out_by_oidc(
    both: tuple[Living, RealProvider],
) -> None:
    service, provider = both
    browser = service.stranger()
    target = urlsplit(await away(browser, "//login?next=/reservations"))
    query = {name: value for name, (value,) in parse_qs(target.query).items()}
    assert query["code_challenge_method"] == "S256" and query["response_type"] == "code"
    (cookie,) = [c for c in browser.session.cookie_jar if c.key == "seat_state"]
    assert query["state"] in cookie.value and cookie["httponly"] and cookie["samesite"] == "Lax"
    assert query["nonce"] not in cookie.value and query["code_challenge"] not in cookie.value
    back = await follow(browser.session, target.geturl(), f"{service.base}/")
    landed = await arrive(browser, back)
    assert (landed.status, landed.headers["Location"]) == (302, "/reservations")
    me = await browser.ok("GET", "/me")
    assert me["reader"] == {"student_no_masked": "S2****01", "name": "王雨桐", "kind": "student"}

    # The same address gives nothing to anybody: neither the code nor the state is good twice.
    sessions = await service.db["sessions"].count_documents({})
    for headers in ({}, {"Cookie": f"seat_state={cookie.value}"}):
        again = await arrive(service.stranger(), back, **headers)
        assert again.status == 401 and "请重新登录" in again.body
        assert "seat_sid" not in str(again.headers.getall("Set-Cookie", []))
    assert await service.db["sessions"].count_documents({}) == sessions

    # The mini-program is bound by a code that this browser shows.
    code = (await browser.ok("POST", "/activation-codes", Origin=service.base))["code"]
    phone = await service.wx_user()
    await phone.ok("POST", "/bindings", {"activation_code": code})
    assert (await phone.ok("GET", "/me"))["reader"] == me["reader"]

    # Who signs out here signs out there too.
    out = await sign_out(service, browser)
    assert out.startswith(f"{provider.issuer}/session/end?") and "id_token" not in out
    assert await follow(browser.session, out, f"{service.base}/") == f"{service.base}/"
    await browser.refused("401 unauthenticated", "GET", "/me")
    assert (await signed_in(browser)).status == 302
    assert (await browser.ok("GET", "/me"))["reader"] == me["reader"]
    assert await service.db["readers"].count_documents({}) == 1
    # Ways in that nobody has set up are not found.
    stranger = service.stranger()
    for path in ("//login/cas?ticket=ST-1", "//login/oidc/other?code=x&state=y"):
        assert (await stranger.get(path)).status == 404, path
    answer = await stranger.call("POST", "//login/oidc/other/logout", b"", **{"Content-Type": FORM})
    assert answer.status == 404
    assert (await away(stranger, "//entry")).startswith(f"{provider.issuer}/auth?")
    page = await stranger.get("//")
    policy = page.headers["Content-Security-Policy"]
    assert f"form-action 'self' {provider.issuer}" in policy


async def test_a_callback_with_another_browsers_state_is_refused(
    both: tuple[Living, RealProvider],
) -> None:
    service, _ = both
    theirs, mine = service.stranger(), service.stranger()
    begun = await away(theirs)
    back = await follow(theirs.session, begun, f"{service.base}/")
    (state,) = parse_qs(urlsplit(back).query)["state"]
    await away(mine)  # this browser has begun one, too
    (cookie,) = [c.value for c in mine.session.cookie_jar if c.key == "seat_state"]
    id, renew, _, secret = cookie.split(".")
    for stolen in (
        "",  # a link that somebody sends: nobody is signed in as them
        cookie,
        f"{id}.{renew}.{state}.{secret}",  # the state is known to all who see the address
        f"other.{renew}.{state}.{secret}",
        "x",
    ):
        victim = service.stranger()
        answer = await arrive(
            victim, back, **({"Cookie": f"seat_state={stolen}"} if stolen else {})
        )
        assert answer.status == 401 and "请重新登录" in answer.body, stolen
        await victim.refused("401 unauthenticated", "GET", "/me")
    assert await service.db["readers"].count_documents({}) == 0
    # Each time this browser's own sign-in, with one thing changed on the way.
    for old, new, status in (
        (r"iss=[^&]+", "iss=https%3A%2F%2Fevil.example", 401),
        (r"&iss=[^&]+", "", 401),
        (r"state=[^&]+", "state=x", 401),
        (r"state=[^&]+&?", "", 401),
        (r"code=[^&]+", "code=x", 401),
        (r"code=[^&]+", "error=access_denied", 401),
        (r"code=[^&]+", "error=temporarily_unavailable", 503),
    ):
        back = await follow(theirs.session, await away(theirs), f"{service.base}/")
        changed = re.sub(old, new, back)
        assert changed != back
        assert (await arrive(theirs, changed)).status == status, changed
    back = await follow(theirs.session, await away(theirs), f"{service.base}/")
    (own,) = [c.value for c in theirs.session.cookie_jar if c.key == "seat_state"]
    elsewhere = own.replace("campus.", "other.")
    assert (await arrive(service.stranger(), back, Cookie=f"seat_state={elsewhere}")).status == 401
    nobody = service.stranger()
    assert (await signed_in(nobody, account="nobody")).status == 401
    assert await service.db["readers"].count_documents({}) == 0
    assert (await arrive(theirs, back)).status == 302, "its own, as it was"


@pytest.mark.whole
async def test_the_providers_groups_give_a_role_and_an_unknown_key_is_fetched_once_a_minute(
    both: tuple[Living, RealProvider],
) -> None:
    service, provider = both
    staff, student = service.stranger(), service.stranger()
    assert (await signed_in(staff, account="ben")).status == 302
    assert (await staff.get("//console")).status == 200
    assert (await signed_in(student)).status == 302
    assert (await student.get("//console")).status == 403
    # After half an hour without use the password is asked for, whatever the address says then.
    (before,) = [c.value for c in staff.session.cookie_jar if c.key == "seat_sid"]
    await service.db["sessions"].update_many({}, {"$set": {"role.used_at": service.clock.now()}})
    renewing = await away(staff, "//login?renew=1&next=/console")
    query = parse_qs(urlsplit(renewing).query)
    assert (query["prompt"], query["max_age"]) == (["login"], ["0"])
    back = await follow(staff.session, renewing, f"{service.base}/", "ben")
    assert (await arrive(staff, back)).headers["Location"] == "/console"
    assert [c.value for c in staff.session.cookie_jar if c.key == "seat_sid"] == [before]
    await provider.rotate()
    refused = await signed_in(service.stranger())
    assert refused.status == 401, "the keys were fetched a moment ago"
    assert isinstance(service.clock, Ahead)
    service.clock.by = timedelta(seconds=61)
    assert (await signed_in(service.stranger())).status == 302


@pytest.mark.whole
async def test_a_back_channel_logout_ends_one_session_here(
    both: tuple[Living, RealProvider],
) -> None:
    """The provider sends a request of its own."""
    service, provider = both
    browser, elsewhere = service.stranger(), service.stranger()
    assert (await signed_in(browser)).status == 302
    assert (await signed_in(elsewhere)).status == 302
    out = f"{provider.issuer}/session/end"
    await follow(browser.session, out, f"{out}/success")
    for _ in range(200):
        if (await browser.get("/me")).status == 401:
            break
    await browser.refused("401 unauthenticated", "GET", "/me")
    await elsewhere.ok("GET", "/me")  # another session of the same person goes on


@pytest.mark.whole
async def test_an_unavailable_provider_is_reported_and_others_still_work(
    mongo_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch, stand_in: StandIn
) -> None:
    monkeypatch.setattr(provider_base, "TIMEOUT_S", 0.3)

    async def hang(request: web.Request) -> web.Response:
        await request.content.read()
        await never.wait()
        return web.Response()

    never = asyncio.Event()
    nowhere = f"http://127.0.0.1:{free_port()}"
    slow = await stand_in([web.get("/.well-known/openid-configuration", hang)])
    async with real_provider() as provider:
        other = {"CLIENT_ID": "x", "CLIENT_SECRET": "y", "NUMBER_CLAIM": "sub", "NUMBERS": "own"}
        env: dict[str, Any] = {"OIDC_PROVIDERS": "campus,gone,slow"}
        env |= provider.env("campus", NAME="校园账号", NUMBERS="campus")
        for id, issuer, name in (("gone", nowhere, "校友"), ("slow", slow, "访客 & 其他")):
            more = {**other, "ISSUER": issuer, "NAME": name}
            env |= {f"OIDC_{id.upper()}_{key}": value for key, value in more.items()}
        async with living(mongo_url, redis_url, **env) as service:
            await provider.serve(service.base)
            browser = service.stranger()
            page = await browser.get("//login?next=/reservations")
            assert page.status == 200 and "暂时连不上" not in page.body
            assert all(name in page.body for name in ("校园账号", "校友", "访客 &amp; 其他"))
            for id in ("gone", "slow"):
                failed = await browser.get(f"//login?with={id}&next=/reservations")
                assert (failed.status, failed.headers["Retry-After"]) == (503, "5"), id
                assert "这种登录方式暂时连不上" in failed.body and "校园账号" in failed.body
            assert failed.body.count('<p class="soft">暂时连不上</p>') == 2
            landed = await signed_in(browser, "//login?with=campus&next=/reservations")
            assert (landed.status, landed.headers["Location"]) == (302, "/reservations")
            assert (await browser.get("//login?with=nobody")).status == 200
            # So many wait for the slow one that nobody else may: the others are asked all the same.
            async with AsyncExitStack() as waiting:
                for _ in range(SIGN_IN_SLOTS):
                    await waiting.enter_async_context(service.app[LOAD_SHEDDER].sign_ons("slow"))
                busy = await browser.get("//login?with=slow")
                assert busy.status == 503 and "暂时连不上" not in busy.body
                landed = await signed_in(browser, "//login?with=campus&next=/reservations")
                assert landed.status == 302
                for _ in range(SIGN_IN_SLOTS):
                    await waiting.enter_async_context(service.app[LOAD_SHEDDER].sign_ons("campus"))
                assert (await service.stranger().get("//login")).status == 200, "none is asked"
            never.set()


@pytest.mark.whole
async def test_the_same_number_at_two_providers_is_two_readers(
    mongo_url: str, redis_url: str
) -> None:
    """Unless the settings declare both providers' numbers as the campus's."""
    async with real_provider() as one, real_provider() as two, real_provider() as three:
        env: dict[str, Any] = {"OIDC_PROVIDERS": "campus,branch,alumni"}
        env |= one.env("campus", NAME="本校", NUMBERS="campus", **STAFF)
        env |= two.env("branch", NAME="分校", NUMBERS="campus", GROUPS_CLAIM="groups")
        env |= three.env("alumni", NAME="校友", NUMBERS="own", GROUPS_CLAIM="groups")
        async with living(mongo_url, redis_url, STAFF_ADMINISTRATORS="b0101", **env) as service:
            for id, provider in (("campus", one), ("branch", two), ("alumni", three)):
                await provider.serve(service.base, id)

            async def come(id: str, account: str) -> tuple[Client, str]:
                browser = service.stranger()
                landed = await signed_in(browser, f"//login?with={id}", account)
                assert landed.status == 302, (id, account, landed.body)
                me = await browser.ok("GET", "/me")
                return browser, me["reader"]["student_no_masked"]

            rooms = {id: await come(id, "anna") for id in ("campus", "branch", "alumni")}
            assert {id: number for id, (_, number) in rooms.items()} == {
                "campus": "S2****01",
                "branch": "S2****01",
                "alumni": "AL***********01",
            }
            readers = await service.db["sessions"].distinct("reader")
            assert len(readers) == 2 == await service.db["readers"].count_documents({})
            # A number of the staff is one of the campus, and a group one of its provider.
            for id, status in (("campus", 200), ("branch", 200), ("alumni", 403)):
                browser, _ = await come(id, "ben")
                assert (await browser.get("//console")).status == status, id
            # Nobody of the campus can be taken for somebody of the alumni.
            assert (
                await signed_in(service.stranger(), "//login?with=campus", "mallory")
            ).status == 401
            # Each signs out where they came in.
            for id, provider in (("branch", two), ("alumni", three)):
                browser, _ = rooms[id]
                assert (await sign_out(service, browser)).startswith(provider.issuer)
