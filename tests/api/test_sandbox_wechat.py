"""Our WeChat gateway against the stand-in, over HTTP, through every answer that WeChat may give."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from redis.asyncio import Redis

from miniapp_server.sandbox.wechat import WeChatSandbox, wechat_routes
from miniapp_server.sandbox.wechat_repository import SandboxWeChat
from models.kernel.errors import DomainError, Throttled
from models.storage.mongo import open_database
from models.wechat.access_token_repository import AccessTokenStore
from notify.wechat.errors import CodeInvalid, WeChatUnavailable, WeChatUserBlocked
from notify.wechat.mini_program import MiniProgramClient, WeChatIdentity
from notify.wechat.retry_policy import SendResult, SendStatus

SECRET = "s" * 32
TEMPLATE = "tpl-leave"
DATA = {"thing1": "图书馆2层二层中厅065号", "time2": "2026年11月24日 14:00", "phrase3": "暂离中"}


class WeChat:
    """The stand-in on a port of its own, and what was asked of it."""

    def __init__(self, store: SandboxWeChat, redis: Redis, appid: str) -> None:
        self.state = WeChatSandbox(store, {appid: SECRET}, {TEMPLATE: "LEAVE"}, lambda: self.at)
        self.redis = redis
        self.appid = appid
        self.at = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
        self.calls: list[str] = []
        self.url = ""

    async def mode(self, **modes: Any) -> None:
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{self.url}/_mode", json=modes) as response,
        ):
            assert response.status == 204, await response.text()

    async def ask(
        self, method: str, path: str, body: Any = None, **query: str
    ) -> tuple[dict[str, Any] | bytes, str]:
        """A call as any client makes it; the answer and its content type."""
        async with (
            aiohttp.ClientSession() as http,
            http.request(method, f"{self.url}/{path}", params=query, json=body) as response,
        ):
            assert response.status == 200
            kind = response.content_type
            if kind == "image/png":
                return await response.read(), kind
            return await response.json(content_type=None), kind

    async def token(self, path: str = "cgi-bin/stable_token", **more: Any) -> dict[str, Any]:
        body = {"grant_type": "client_credential", "appid": self.appid, "secret": SECRET, **more}
        if path == "cgi-bin/token":
            answer, _ = await self.ask("GET", path, **body)
        else:
            answer, _ = await self.ask("POST", path, body)
        assert isinstance(answer, dict)
        return answer

    def gateway(self, **more: Any) -> MiniProgramClient:
        settings = {
            "base_url": self.url,
            "appid": self.appid,
            "secret": SECRET,
            "shared_tokens": AccessTokenStore(self.redis),
            "timeout_seconds": 5,
            "pause_seconds": 0.01,
        }
        return MiniProgramClient(**{**settings, **more})


@pytest.fixture
async def wechat(mongo_url: str, redis_url: str) -> AsyncIterator[WeChat]:
    appid = f"wx{secrets.token_hex(8)}"
    redis = Redis.from_url(redis_url)
    async with open_database(mongo_url, f"test_{secrets.token_hex(6)}") as database:
        wechat = WeChat(SandboxWeChat(database), redis, appid)

        @web.middleware
        async def note(request: web.Request, handler: Any) -> web.StreamResponse:
            wechat.calls.append(request.path.rpartition("/")[2])
            response: web.StreamResponse = await handler(request)
            return response

        app = web.Application(middlewares=[note])
        app.add_routes(wechat_routes(wechat.state))
        async with TestServer(app) as server:
            wechat.url = str(server.make_url("/sandbox/wechat"))
            yield wechat
        await database.client.drop_database(database.name)
    await redis.aclose()


@pytest.fixture
async def gateway(wechat: WeChat) -> AsyncIterator[MiniProgramClient]:
    async with wechat.gateway() as gateway:
        yield gateway


async def send(
    gateway: MiniProgramClient,
    openid: str = "o-li",
    template_id: str = TEMPLATE,
    page: str | None = "pages/reservation/detail?id=1",
    data: Mapping[str, str] = DATA,
) -> SendResult:
    return await gateway.send_subscribe(openid, template_id, page, data, "formal")


# Login


async def test_a_code_is_good_once(wechat: WeChat, gateway: MiniProgramClient) -> None:
    for code in ("demo-li-1", "demo-li-2"):
        assert await gateway.exchange_code(code) == WeChatIdentity("o-li", "u-li")
    long = f"demo-{'x' * 100}-1"
    assert (await gateway.exchange_code(long)).openid == f"o-{'x' * 100}"
    with pytest.raises(CodeInvalid):
        await gateway.exchange_code("demo-li-1")
    with pytest.raises(CodeInvalid):
        await gateway.exchange_code("other")
    assert set(wechat.calls) == {"jscode2session"}  # no access_token is needed


@pytest.mark.parametrize("code", ["", "a b", 'x"&secret=1', "码", "x" * 129, "demo-li-1\n"])
async def test_what_is_no_code_is_not_sent(
    wechat: WeChat, gateway: MiniProgramClient, code: str
) -> None:
    with pytest.raises(CodeInvalid):
        await gateway.exchange_code(code)
    assert wechat.calls == []


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ({"errcode": 40029}, CodeInvalid),
        ({"errcode": 40163}, CodeInvalid),
        ({"errcode": 40226}, WeChatUserBlocked),
        ({"errcode": 45011}, Throttled),
        ({"errcode": -1}, WeChatUnavailable),
        ({"errcode": 40013}, WeChatUnavailable),
        ({"status": 502}, WeChatUnavailable),
        ({"hang_seconds": 10}, WeChatUnavailable),
    ],
)
async def test_login_errors(
    wechat: WeChat, mode: dict[str, Any], expected: type[DomainError]
) -> None:
    await wechat.mode(jscode2session=mode)
    async with wechat.gateway(timeout_seconds=0.2) as gateway:
        with pytest.raises(expected) as raised:
            await gateway.exchange_code("demo-li-1")
    assert type(raised.value) is expected
    assert wechat.calls.count("jscode2session") == (2 if mode.get("errcode") == -1 else 1)


async def test_busy_once_is_repeated_with_the_same_code(
    wechat: WeChat, gateway: MiniProgramClient
) -> None:
    await wechat.mode(jscode2session={"errcode": -1, "times": 1})
    assert (await gateway.exchange_code("demo-li-1")).openid == "o-li"
    # Used up though WeChat called itself busy: a new login is needed.
    await wechat.mode(jscode2session={"errcode": -1, "times": 1, "after": True})
    with pytest.raises(CodeInvalid):
        await gateway.exchange_code("demo-li-2")


async def test_a_wrong_secret_is_an_alarm_that_does_not_tell_it(
    wechat: WeChat, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with wechat.gateway(secret="not-the-secret") as gateway:
        with pytest.raises(WeChatUnavailable):
            await gateway.exchange_code("demo-li-1")
        assert (await send(gateway)).outcome is SendStatus.TOKEN
    ours = [record for record in caplog.records if record.name.startswith("notify")]
    assert [record.message for record in ours] == ["wechat_login_refused", "wechat_token_refused"]
    assert {record.__dict__["errcode"] for record in ours} == {40125}
    assert all(record.__dict__["alarm"] for record in ours)
    assert "not-the-secret" not in "".join(str(record.__dict__) for record in ours)


# Sending


async def test_a_consent_is_one_message(wechat: WeChat, gateway: MiniProgramClient) -> None:
    assert (await send(gateway)).outcome is SendStatus.NO_CONSENT
    async with aiohttp.ClientSession() as http:
        tap = {"openid": "o-li", "template_id": TEMPLATE, "n": 2}
        async with http.post(f"{wechat.url}/_grant", json=tap) as response:
            assert response.status == 204
    first, second = await send(gateway), await send(gateway, page=None)
    assert first.outcome is second.outcome is SendStatus.SENT
    assert await send(gateway) == SendResult(SendStatus.NO_CONSENT, 43101)

    inbox = await wechat.state.inbox("o-li")
    assert [item.msgid for item in inbox] == [first.msgid, second.msgid]
    assert [item.page for item in inbox] == ["pages/reservation/detail?id=1", ""]
    assert inbox[0].template == "LEAVE"
    assert inbox[0].template_id == TEMPLATE
    assert inbox[0].data == DATA
    assert inbox[0].at == wechat.at
    assert await wechat.state.inbox("o-other") == []
    assert wechat.calls.count("stable_token") == 1

    await wechat.state.reset()
    assert await wechat.state.inbox() == []


@pytest.mark.parametrize(
    ("errcode", "outcome"),
    [
        (-1, SendStatus.BUSY),
        (40001, SendStatus.TOKEN),
        (40003, SendStatus.BAD_OPENID),
        (40037, SendStatus.BAD_TEMPLATE),
        (43107, SendStatus.BAD_TEMPLATE),
        (41030, SendStatus.BAD_PAGE),
        (43101, SendStatus.NO_CONSENT),
        (43108, SendStatus.CONCURRENT),
        (45168, SendStatus.BAD_VALUE),
        (47003, SendStatus.BAD_VALUE),
        (45009, SendStatus.QUOTA_DAY),
        (45011, SendStatus.QUOTA_MINUTE),
        (50001, SendStatus.REFUSED),
        (50002, SendStatus.USER_LIMITED),
        (99999, SendStatus.OTHER),
    ],
)
async def test_send_errors(
    wechat: WeChat, gateway: MiniProgramClient, errcode: int, outcome: SendStatus
) -> None:
    await wechat.state.grant("o-li", TEMPLATE)
    await wechat.mode(subscribe_send={"errcode": errcode})
    result = await send(gateway)
    assert (result.outcome, result.unknown) == (outcome, False)
    assert await wechat.state.inbox() == []
    if errcode != 40001:
        assert result.errcode == errcode
        assert wechat.calls.count("send") == 1


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"openid": "x-li"}, SendResult(SendStatus.BAD_OPENID, 40003)),
        ({"template_id": "tpl-none"}, SendResult(SendStatus.BAD_TEMPLATE, 40037)),
        ({"page": "/pages/x"}, SendResult(SendStatus.BAD_PAGE, 41030)),
        ({"data": {"thing1": "字" * 21}}, SendResult(SendStatus.BAD_VALUE, 47003, None, "thing1")),
        ({"data": {"thing1": ""}}, SendResult(SendStatus.BAD_VALUE, 47003, None, "thing1")),
        (
            {"data": {"thing1": "a", "date12": "15:00"}},
            SendResult(SendStatus.BAD_VALUE, 47003, None, "date12"),
        ),
        (
            {"data": {"character_string4": "座位"}},
            SendResult(SendStatus.BAD_VALUE, 47003, None, "character_string4"),
        ),
        ({"data": {"thing": "a"}}, SendResult(SendStatus.BAD_VALUE, 47003)),
    ],
)
async def test_a_refused_message_uses_no_consent(
    wechat: WeChat, gateway: MiniProgramClient, changed: dict[str, Any], expected: SendResult
) -> None:
    await wechat.state.grant("o-li", TEMPLATE)
    assert await send(gateway, **changed) == expected
    assert (await send(gateway)).outcome is SendStatus.SENT


async def test_a_bad_page_cannot_be_left_out_twice(
    wechat: WeChat, gateway: MiniProgramClient
) -> None:
    await wechat.mode(subscribe_send={"errcode": 41030})
    assert (await send(gateway, page=None)).outcome is SendStatus.OTHER


async def test_two_sends_to_one_reader_must_not_overlap(
    wechat: WeChat, gateway: MiniProgramClient
) -> None:
    await wechat.state.grant("o-li", TEMPLATE, 2)
    await wechat.state.grant("o-wu", TEMPLATE)
    await wechat.mode(subscribe_send={"delay_ms": 150})
    results = await asyncio.gather(send(gateway), send(gateway), send(gateway, "o-wu"))
    outcomes = sorted(result.outcome for result in results)
    assert outcomes == [SendStatus.CONCURRENT, SendStatus.SENT, SendStatus.SENT]
    assert results[2].outcome is SendStatus.SENT


@pytest.mark.parametrize(
    ("mode", "unknown"),
    [
        ({"hang_seconds": 10}, True),
        *(({"status": status}, True) for status in (500, 502, 504, 599)),
        # A gateway that says so has not passed it on.
        *(({"status": status}, False) for status in (302, 403, 404, 429, 503)),
    ],
)
async def test_whether_it_may_have_arrived(
    wechat: WeChat, mode: dict[str, Any], unknown: bool
) -> None:
    await wechat.state.grant("o-li", TEMPLATE)
    async with wechat.gateway(timeout_seconds=0.25) as gateway:
        await wechat.mode(subscribe_send=mode)
        assert await send(gateway) == SendResult(SendStatus.BUSY, unknown=unknown)


async def test_a_lost_answer_cannot_deliver_twice(wechat: WeChat) -> None:
    await wechat.state.grant("o-li", TEMPLATE)
    async with wechat.gateway(timeout_seconds=0.25) as gateway:
        await wechat.mode(subscribe_send={"hang_seconds": 10, "after": True, "times": 1})
        assert await send(gateway) == SendResult(SendStatus.BUSY, unknown=True)
        assert (await send(gateway)).outcome is SendStatus.NO_CONSENT
    assert len(await wechat.state.inbox("o-li")) == 1


async def test_nobody_there(wechat: WeChat) -> None:
    async with wechat.gateway(base_url="http://127.0.0.1:1") as gateway:
        assert await send(gateway) == SendResult(SendStatus.BUSY)
        with pytest.raises(WeChatUnavailable):
            await gateway.exchange_code("demo-li-1")


# Tokens


async def test_a_token_refused_once_is_renewed_once(
    wechat: WeChat, gateway: MiniProgramClient
) -> None:
    await wechat.state.grant("o-li", TEMPLATE, 2)
    assert (await send(gateway)).outcome is SendStatus.SENT
    wechat.at += timedelta(hours=3)
    assert (await send(gateway)).outcome is SendStatus.SENT
    assert wechat.calls.count("stable_token") == 2
    assert wechat.calls.count("send") == 3


async def test_a_token_refused_for_ever_burns_nothing(
    wechat: WeChat, gateway: MiniProgramClient
) -> None:
    await wechat.mode(subscribe_send={"errcode": 40001})
    results = await asyncio.gather(*(send(gateway, f"o-{n}") for n in range(20)))
    results.extend([await send(gateway, f"o-{n}") for n in range(20)])
    assert {result.outcome for result in results} == {SendStatus.TOKEN}
    assert wechat.calls.count("stable_token") == 2
    assert wechat.calls.count("send") <= 20


@pytest.mark.parametrize(
    ("mode", "outcome"),
    [
        ({"errcode": 40164}, SendStatus.TOKEN),
        ({"errcode": 45009}, SendStatus.TOKEN),
        ({"errcode": -1}, SendStatus.BUSY),
        ({"hang_seconds": 10}, SendStatus.BUSY),
    ],
)
async def test_no_token_to_be_had(
    wechat: WeChat, mode: dict[str, Any], outcome: SendStatus
) -> None:
    await wechat.mode(stable_token=mode)
    async with wechat.gateway(timeout_seconds=0.2) as gateway:
        results = await asyncio.gather(*(send(gateway, f"o-{n}") for n in range(20)))
    assert {result.outcome for result in results} == {outcome}
    assert not any(result.unknown for result in results)
    assert wechat.calls.count("stable_token") == 1
    assert "send" not in wechat.calls


@pytest.mark.parametrize(
    ("mode", "answers"),
    [
        ({}, True),
        ({"errcode": 40164}, True),
        ({"errcode": -1}, False),
        ({"status": 503}, False),
        ({"hang_seconds": 10}, False),
    ],
)
async def test_whether_wechat_answers(wechat: WeChat, mode: dict[str, Any], answers: bool) -> None:
    async with wechat.gateway(timeout_seconds=1) as gateway:
        sent = await send(gateway)
        if mode:
            await wechat.mode(stable_token=mode)
        assert await gateway.answers() is answers, "also where a token is at hand"
        assert (await send(gateway)).outcome is sent.outcome, "the token stays good"
    assert wechat.calls.count("stable_token") == 2


async def test_many_gateways_share_one_token(wechat: WeChat) -> None:
    gateways = [wechat.gateway() for _ in range(4)]
    for gateway in gateways:
        await gateway.__aenter__()
    await asyncio.gather(*(send(gateways[n % 4], f"o-{n}") for n in range(40)))
    for gateway in gateways:
        await gateway.__aexit__()
    assert wechat.calls.count("stable_token") == 1
    assert wechat.calls.count("send") == 40


async def test_tokens_rotate_as_wechat_says(wechat: WeChat) -> None:
    async def errcode(token: str) -> int:
        answer, _ = await wechat.ask(
            "POST", "cgi-bin/message/subscribe/send", {}, access_token=token
        )
        assert isinstance(answer, dict)
        return int(answer["errcode"])

    good, expired = 40003, 42001  # a good token lets the empty message be looked at
    first = await wechat.token()
    assert first["expires_in"] == 7200
    wechat.at += timedelta(seconds=6000)
    assert await wechat.token() == {**first, "expires_in": 1200}
    wechat.at += timedelta(seconds=950)  # 250 s left: both are good for that long
    second = await wechat.token()
    assert second["access_token"] != first["access_token"]
    assert await errcode(first["access_token"]) == await errcode(second["access_token"]) == good
    wechat.at += timedelta(seconds=251)
    assert await errcode(first["access_token"]) == expired
    assert await errcode(second["access_token"]) == good
    assert await errcode("never issued") == 40001

    old = await wechat.token("cgi-bin/token")  # apart from stable_token; each replaces the last
    new = await wechat.token("cgi-bin/token")
    assert old["access_token"] != new["access_token"]
    wechat.at += timedelta(seconds=301)
    assert await errcode(old["access_token"]) == expired
    assert await errcode(new["access_token"]) == await errcode(second["access_token"]) == good

    concurrent = await asyncio.gather(*(wechat.token() for _ in range(10)))
    assert {item["access_token"] for item in concurrent} == {second["access_token"]}


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({"secret": "x"}, 40125),
        ({"appid": "x"}, 40013),
        ({"appid": ""}, 41002),
        ({"secret": ""}, 41004),
        ({"grant_type": "x"}, 40002),
    ],
)
async def test_token_refusals(wechat: WeChat, body: dict[str, str], errcode: int) -> None:
    for path in ("cgi-bin/token", "cgi-bin/stable_token"):
        assert (await wechat.token(path, **body))["errcode"] == errcode


# The rest of the stand-in


async def test_login_answers_are_plain_text(wechat: WeChat) -> None:
    query = {"appid": wechat.appid, "secret": SECRET, "grant_type": "authorization_code"}
    answer, kind = await wechat.ask("GET", "sns/jscode2session", js_code="demo-li-1", **query)
    assert isinstance(answer, dict)
    assert kind == "text/plain"
    assert answer.keys() == {"openid", "session_key", "unionid"}


@pytest.mark.parametrize(
    ("path", "body", "errcode"),
    [
        ("wxa/getwxacodeunlimit", {"scene": "s=a1&k=abc", "page": "pages/seat/index"}, None),
        ("wxa/getwxacodeunlimit", {"scene": "a" * 33}, 40169),
        ("wxa/getwxacodeunlimit", {"scene": "100%"}, 40129),
        ("wxa/getwxacodeunlimit", {"scene": "a", "page": "/pages/seat"}, 41030),
        ("wxa/getwxacodeunlimit", {"scene": "a", "width": 100}, 40097),
        ("wxa/generate_urllink", {"path": "pages/a", "query": "x=1", "expire_interval": 30}, 0),
        ("wxa/generate_urllink", {"path": "pages/a?x=1"}, 40097),
        ("wxa/generate_urllink", {"path": "pages/a", "expire_interval": 31}, 40097),
        ("cgi-bin/menu/create", {"button": []}, 40016),
        (
            "cgi-bin/menu/create",
            {"button": [{"type": "view", "name": "长" * 6, "url": "x"}]},
            40018,
        ),
        ("cgi-bin/menu/create", {"button": [{"type": "miniprogram", "name": "座位"}]}, 40119),
    ],
)
async def test_pictures_links_and_menus_are_checked(
    wechat: WeChat, path: str, body: dict[str, Any], errcode: int | None
) -> None:
    token = (await wechat.token())["access_token"]
    answer, kind = await wechat.ask("POST", path, body, access_token=token)
    if errcode is None:
        assert isinstance(answer, bytes)
        assert (kind, answer[:8]) == ("image/png", b"\x89PNG\r\n\x1a\n")
    else:
        assert isinstance(answer, dict)
        assert answer["errcode"] == errcode


async def test_the_menu_is_kept(wechat: WeChat) -> None:
    token = (await wechat.token())["access_token"]
    answer, _ = await wechat.ask("GET", "cgi-bin/menu/get", access_token=token)
    assert isinstance(answer, dict)
    assert answer["errcode"] == 46003
    view = {"type": "view", "name": "使用说明", "url": "https://library.example/"}
    seat = {
        "type": "miniprogram",
        "name": "座位预约",
        "appid": "wx1",
        "pagepath": "pages/index/index",
        "url": "https://library.example/",
    }
    menu = {"button": [seat, {"name": "帮助", "sub_button": [view]}]}
    answer, _ = await wechat.ask("POST", "cgi-bin/menu/create", menu, access_token=token)
    assert answer == {"errcode": 0, "errmsg": "ok"}
    answer, _ = await wechat.ask("GET", "cgi-bin/menu/get", access_token=token)
    assert answer == {"menu": menu}


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'{"subscribe_sned": {}}', b'{"token": 1}', b'{"token": {"errcode": "x"}}'],
)
async def test_a_mode_that_makes_no_sense(wechat: WeChat, body: bytes) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{wechat.url}/_mode", data=body) as response,
    ):
        assert response.status == 400
