"""日新工大's ways to sign in, against stand-ins that check their requests."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from aiohttp import web

from tests.api.wecom import SETTINGS
from tests.living import Answer, Client, Living, living
from tests.stand_in import StandIn


@dataclass(slots=True)
class Campus:
    """The campus's stand-in: its requests in order, and the failures to simulate."""

    asked: list[str] = field(default_factory=list)
    broken: str = ""
    tickets: dict[str, dict[str, str]] = field(default_factory=dict)
    codes: dict[str, dict[str, Any]] = field(default_factory=dict)
    token: int = 1

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/ticket", self.exchange),
            web.get("/cgi-bin/gettoken", self.gettoken),
            web.get("/cgi-bin/auth/getuserinfo", self.getuserinfo),
        ]

    def _answer(self, body: object, status: int = 200) -> web.Response:
        if self.broken == "garbage":
            return web.Response(text="<html>busy</html>")
        if self.broken == "status":
            return web.Response(status=502)
        return web.json_response(body, status=status)

    async def exchange(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer app-secret"
        body = await request.json()
        assert list(body) == ["ticket"]
        self.asked.append(f"ticket {body['ticket']}")
        user = self.tickets.pop(body["ticket"], None)
        return self._answer(user, 200) if user else self._answer({"error": "unknown"}, 404)

    async def gettoken(self, request: web.Request) -> web.Response:
        assert dict(request.query) == {"corpid": "ww1", "corpsecret": "corp-secret"}
        self.asked.append("gettoken")
        return self._answer(
            {"errcode": 0, "errmsg": "ok", "access_token": f"t{self.token}", "expires_in": 7200}
        )

    async def getuserinfo(self, request: web.Request) -> web.Response:
        assert set(request.query) == {"access_token", "code"}
        self.asked.append(f"getuserinfo {request.query['code']}")
        if request.query["access_token"] != f"t{self.token}":
            return self._answer({"errcode": 42001, "errmsg": "access_token expired"})
        match = self.codes.pop(request.query["code"], None)
        return self._answer(match or {"errcode": 40029, "errmsg": "invalid code"})


@pytest.fixture
async def campus(stand_in: StandIn) -> tuple[Campus, str]:
    """The campus's stand-in and its address."""
    side = Campus()
    return side, await stand_in(side.routes())


async def who(client: Client) -> str:
    answer = await client.get("/me")
    return str(answer.body["reader"]["student_no_masked"]) if answer.status == 200 else answer.code


async def nobody_new(service: Living, answer: Answer, status: int, said: str) -> None:
    assert (answer.status, said in answer.body) == (status, True), answer.body[-600:]
    assert "seat_sid" not in str(answer.headers.getall("Set-Cookie", []))
    assert await service.db["readers"].count_documents({}) == 0


async def test_the_cas_cookie_signs_the_reader_in(service: Living) -> None:
    """One redirect to the campus's sign-on, which knows the webview, and one back."""
    client = service.stranger()
    first = await client.get("//entry?next=/reservations")
    assert first.status == 302
    away = urlsplit(first.headers["Location"])
    assert away.path == "/sandbox/cas/login"
    (target,) = parse_qs(away.query)["service"]
    assert target.startswith(f"{service.base}/login/cas?s=")


@pytest.mark.whole
async def test_a_ticket_of_the_campus_app_signs_in_after_confirmation(
    mongo_url: str, redis_url: str, campus: tuple[Campus, str]
) -> None:
    side, url = campus
    async with (
        living(
            mongo_url,
            redis_url,
            IDENTITY_PROVIDER="ticket",
            CAMPUS_TICKET_URL=f"{url}/ticket",
            CAMPUS_TICKET_SECRET="app-secret",
        ) as service,
    ):
        client = service.stranger()
        await nobody_new(service, await client.get("//entry"), 401, "日新工大")
        await nobody_new(service, await client.get("//entry?ticket=unknown"), 401, "没有认出")
        for broken in ("garbage", "status"):
            side.broken = broken
            await nobody_new(service, await client.get("//entry?ticket=one"), 503, "暂时连不上")
        side.broken = ""
        side.tickets["nobody"] = {"student_no": " "}
        await nobody_new(service, await client.get("//entry?ticket=nobody"), 401, "没有认出")
        side.tickets["good"] = {"student_no": "s2107001", "name": "张三", "kind": "student"}
        # The campus's app sends tickets that nobody has asked us for.
        question = await client.get("//entry?ticket=good")
        assert question.status == 200 and "张*（S2****01）" in question.body
        held = re.search(r'name="held" value="([^"]+)"', question.body)
        assert held is not None and "seat_sid" not in str(question.headers.getall("Set-Cookie"))
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Origin": service.base}
        form = urlencode({"held": held[1]}).encode()
        landed = await client.call("POST", "//login/confirm", form, **kind)
        assert (landed.status, landed.headers["Location"]) == (302, "/")
        assert await who(client) == "S2****01", "capitals, as everywhere"
        calls_before = len(side.asked)
        assert (await client.get("//entry?ticket=other")).status == 302
        assert len(side.asked) == calls_before, "who is signed in just goes on"
        again = await service.stranger().get("//entry?ticket=good")
        assert again.status == 401, "a ticket is good once"


async def test_wecom_signs_members_in_and_refuses_guests(
    mongo_url: str, redis_url: str, campus: tuple[Campus, str]
) -> None:
    side, url = campus
    async with (
        living(mongo_url, redis_url, **SETTINGS, WECOM_BASE_URL=url) as service,
    ):
        client = service.stranger()

        async def begun(client: Client) -> str:
            """Begins a sign-in at WeCom and checks the redirect. Returns the state."""
            away = urlsplit((await client.get("//entry")).headers["Location"])
            assert (away.scheme, away.netloc) == ("https", "open.weixin.qq.com")
            assert (away.path, away.fragment) == ("/connect/oauth2/authorize", "wechat_redirect")
            query = {name: value for name, (value,) in parse_qs(away.query).items()}
            state: str = query.pop("state")
            assert query == {
                "appid": "ww1",
                "redirect_uri": f"{service.base}/entry",
                "response_type": "code",
                "scope": "snsapi_base",
                "agentid": "1000002",
            }
            return state

        state = await begun(client)
        # Another one's link must not sign this reader in as them.
        side.codes["stolen"] = {"errcode": 0, "userid": "21070002"}
        forged = await client.get("//entry?code=stolen&state=another")
        await nobody_new(service, forged, 401, "没有认出")
        stranger = await service.stranger().get(f"//entry?code=stolen&state={state}")
        await nobody_new(service, stranger, 401, "没有认出")
        assert side.asked == [], "what nobody here began is not even asked about"

        state = await begun(client)
        side.codes["guest"] = {"errcode": 0, "openid": "o-guest"}
        guest = await client.get(f"//entry?code=guest&state={state}")
        await nobody_new(service, guest, 401, "没有认出")
        used = await client.get(f"//entry?code=guest&state={state}")
        await nobody_new(service, used, 401, "没有认出")
        assert side.asked == ["gettoken", "getuserinfo guest", "getuserinfo guest"]

        side.token += 1  # it has died before its time
        side.codes["good"] = {"errcode": 0, "userid": "21070001"}
        landed = await client.get(f"//entry?code=good&state={state}")
        assert landed.status == 302 and await who(client) == "21****01"
        assert side.asked[3:] == ["getuserinfo good", "gettoken", "getuserinfo good"]

        # A card's link leads a reader with a session to its page, and nowhere else.
        for path, to in (("/notices", "/notices"), ("//evil.example", "/"), ("", "/")):
            on = await client.get(f"//entry?next={path}")
            assert (on.status, on.headers["Location"]) == (302, to)

        # Who has just erased their data does not come back by a link alone.
        page = (await client.get("//contact")).body
        token = re.search(r'name="csrf" value="([^"]+)"', page)
        assert token is not None
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Origin": service.base}
        form = urlencode({"csrf": token[1]}).encode()
        assert (await client.call("POST", "//me/erase", form, **kind)).status == 200
        state = await begun(client)
        side.codes["good"] = {"errcode": 0, "userid": "21070001"}
        question = await client.get(f"//entry?code=good&state={state}")
        await nobody_new(service, question, 200, "您的信息刚在这里清除")
