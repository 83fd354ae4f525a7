"""Tokens, plain login answers, pictures and menus of the stand-in for WeChat."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import aiohttp

from tests.api.sandbox_wechat import SECRET, WeChat, send


async def test_many_gateways_share_one_token(wechat: WeChat) -> None:
    gateways = [wechat.gateway() for _ in range(4)]
    for gateway in gateways:
        await gateway.__aenter__()
    await asyncio.gather(*(send(gateways[n % 4], f"o-{n}") for n in range(40)))
    for gateway in gateways:
        await gateway.__aexit__()
    assert wechat.calls.count("stable_token") == 1
    assert wechat.calls.count("send") == 40


async def test_tokens_rotate_by_wechats_documented_rules(wechat: WeChat) -> None:
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


async def test_invalid_token_requests_get_wechats_error_codes(wechat: WeChat) -> None:
    for body, errcode in (
        ({"secret": "x"}, 40125),
        ({"appid": "x"}, 40013),
        ({"appid": ""}, 41002),
        ({"secret": ""}, 41004),
        ({"grant_type": "x"}, 40002),
    ):
        for path in ("cgi-bin/token", "cgi-bin/stable_token"):
            assert (await wechat.token(path, **body))["errcode"] == errcode, body


# The rest of the stand-in


async def test_login_answers_are_plain_text(wechat: WeChat) -> None:
    query = {"appid": wechat.appid, "secret": SECRET, "grant_type": "authorization_code"}
    answer, kind = await wechat.ask("GET", "sns/jscode2session", js_code="demo-li-1", **query)
    assert isinstance(answer, dict)
    assert kind == "text/plain"
    assert answer.keys() == {"openid", "session_key", "unionid"}


async def test_pictures_links_and_menus_are_checked(wechat: WeChat) -> None:
    rows: list[tuple[str, dict[str, Any], int | None]] = [
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
    ]
    for path, body, errcode in rows:
        token = (await wechat.token())["access_token"]
        answer, kind = await wechat.ask("POST", path, body, access_token=token)
        if errcode is None:
            assert isinstance(answer, bytes)
            assert (kind, answer[:8]) == ("image/png", b"\x89PNG\r\n\x1a\n")
        else:
            assert isinstance(answer, dict)
            assert answer["errcode"] == errcode


async def test_an_invalid_mode_is_refused(wechat: WeChat) -> None:
    wrong = b'{"subscribe_sned": {}}', b'{"token": 1}', b'{"token": {"errcode": "x"}}'
    for body in (b"{", b"[]", *wrong):
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{wechat.url}/_mode", data=body) as response,
        ):
            assert response.status == 400, body
