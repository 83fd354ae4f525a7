"""Our WeChat gateway against the stand-in, with every answer that WeChat may give."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from models.kernel.errors import DomainError, Throttled
from notify.wechat.errors import CodeInvalid, WeChatUnavailable, WeChatUserBlocked
from notify.wechat.mini_program import MiniProgramClient, WeChatIdentity
from notify.wechat.retry_policy import SendResult, SendStatus
from tests.api.sandbox_wechat import DATA, SOON_S, TEMPLATE, WeChat, send

# Login


async def test_a_login_code_can_be_exchanged_once(
    wechat: WeChat, gateway: MiniProgramClient
) -> None:
    for code in ("demo-li-1", "demo-li-2"):
        assert await gateway.exchange_code(code) == WeChatIdentity("o-li", "u-li")
    long = f"demo-{'x' * 100}-1"
    assert (await gateway.exchange_code(long)).openid == f"o-{'x' * 100}"
    with pytest.raises(CodeInvalid):
        await gateway.exchange_code("demo-li-1")
    with pytest.raises(CodeInvalid):
        await gateway.exchange_code("other")
    assert set(wechat.calls) == {"jscode2session"}  # no access_token is needed


async def test_a_malformed_login_code_is_not_sent_to_wechat(
    wechat: WeChat, gateway: MiniProgramClient
) -> None:
    for code in ("", "a b", 'x"&secret=1', "码", "x" * 129, "demo-li-1\n"):
        with pytest.raises(CodeInvalid):
            await gateway.exchange_code(code)
        assert wechat.calls == []


async def test_each_login_error_of_wechat_raises_its_exception(wechat: WeChat) -> None:
    rows: list[tuple[dict[str, Any], type[DomainError]]] = [
        ({"errcode": 40029}, CodeInvalid),
        ({"errcode": 40163}, CodeInvalid),
        ({"errcode": 40226}, WeChatUserBlocked),
        ({"errcode": 45011}, Throttled),
        ({"errcode": -1}, WeChatUnavailable),
        ({"errcode": 40013}, WeChatUnavailable),
        ({"status": 502}, WeChatUnavailable),
        ({"hang_seconds": 10}, WeChatUnavailable),
    ]
    for mode, expected in rows:
        await wechat.mode(jscode2session=mode)
        async with wechat.gateway(timeout_seconds=SOON_S) as gateway:
            with pytest.raises(expected) as raised:
                await gateway.exchange_code("demo-li-1")
        assert type(raised.value) is expected, mode
        assert wechat.calls.count("jscode2session") == (2 if mode.get("errcode") == -1 else 1)
        wechat.calls.clear()


async def test_a_login_answered_busy_is_repeated_once_with_the_same_code(
    wechat: WeChat, gateway: MiniProgramClient
) -> None:
    await wechat.mode(jscode2session={"errcode": -1, "times": 1})
    assert (await gateway.exchange_code("demo-li-1")).openid == "o-li"
    # Used up though WeChat called itself busy: a new login is needed.
    await wechat.mode(jscode2session={"errcode": -1, "times": 1, "after": True})
    with pytest.raises(CodeInvalid):
        await gateway.exchange_code("demo-li-2")


async def test_a_wrong_secret_is_logged_as_an_alarm_without_the_secret(
    wechat: WeChat, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with wechat.gateway(secret="not-the-secret") as gateway:
        with pytest.raises(WeChatUnavailable):
            await gateway.exchange_code("demo-li-1")
        assert (await send(gateway)).outcome is SendStatus.TOKEN
    ours = [record for record in caplog.records if record.name.startswith("notify.wechat")]
    assert [record.message for record in ours] == ["wechat_login_refused", "wechat_token_refused"]
    assert {record.__dict__["errcode"] for record in ours} == {40125}
    assert all(record.__dict__["alarm"] for record in ours)
    all_of_it = [record for record in caplog.records if record.name.startswith("notify")]
    assert len(all_of_it) > len(ours)
    assert "not-the-secret" not in "".join(str(record.__dict__) for record in all_of_it)


# Sending


async def test_one_consent_allows_one_message(wechat: WeChat, gateway: MiniProgramClient) -> None:
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


async def test_each_send_error_of_wechat_has_its_outcome(
    wechat: WeChat, gateway: MiniProgramClient
) -> None:
    rows: list[tuple[int, SendStatus]] = [
        (-1, SendStatus.BUSY),
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
        (40001, SendStatus.TOKEN),  # the last: after it no token is asked for
    ]
    for errcode, outcome in rows:
        await wechat.state.grant("o-li", TEMPLATE)
        await wechat.mode(subscribe_send={"errcode": errcode})
        result = await send(gateway)
        assert (result.outcome, result.unknown) == (outcome, False), errcode
        assert await wechat.state.inbox() == []
        if errcode != 40001:
            assert result.errcode == errcode
            assert wechat.calls.count("send") == 1, errcode
        wechat.calls.clear()


async def test_a_refused_message_uses_no_consent(
    wechat: WeChat, gateway: MiniProgramClient
) -> None:
    rows: list[tuple[dict[str, Any], SendResult]] = [
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
    ]
    for changed, expected in rows:
        await wechat.state.grant("o-li", TEMPLATE)
        assert await send(gateway, **changed) == expected, changed
        assert (await send(gateway)).outcome is SendStatus.SENT


async def test_a_bad_page_cannot_be_left_out_twice(
    wechat: WeChat, gateway: MiniProgramClient
) -> None:
    await wechat.mode(subscribe_send={"errcode": 41030})
    assert (await send(gateway, page=None)).outcome is SendStatus.OTHER


async def test_overlapping_sends_to_one_reader_are_refused_as_concurrent(
    wechat: WeChat, gateway: MiniProgramClient
) -> None:
    await wechat.state.grant("o-li", TEMPLATE, 2)
    await wechat.state.grant("o-wu", TEMPLATE)
    await wechat.mode(subscribe_send={"delay_ms": 150})
    results = await asyncio.gather(send(gateway), send(gateway), send(gateway, "o-wu"))
    outcomes = sorted(result.outcome for result in results)
    assert outcomes == [SendStatus.CONCURRENT, SendStatus.SENT, SendStatus.SENT]
    assert results[2].outcome is SendStatus.SENT


async def test_a_failed_send_reports_whether_the_message_may_have_arrived(wechat: WeChat) -> None:
    rows: list[tuple[dict[str, Any], bool]] = [
        ({"hang_seconds": 10}, True),
        *(({"status": status}, True) for status in (500, 502, 504, 599)),
        # A gateway that says so has not passed it on.
        *(({"status": status}, False) for status in (302, 403, 404, 429, 503)),
    ]
    for mode, unknown in rows:
        await wechat.state.grant("o-li", TEMPLATE)
        async with wechat.gateway(timeout_seconds=SOON_S) as gateway:
            await wechat.mode(subscribe_send=mode)
            assert await send(gateway) == SendResult(SendStatus.BUSY, unknown=unknown), mode


async def test_a_repeat_after_a_lost_answer_delivers_no_second_message(wechat: WeChat) -> None:
    await wechat.state.grant("o-li", TEMPLATE)
    async with wechat.gateway(timeout_seconds=SOON_S) as gateway:
        await wechat.mode(subscribe_send={"hang_seconds": 10, "after": True, "times": 1})
        assert await send(gateway) == SendResult(SendStatus.BUSY, unknown=True)
        assert (await send(gateway)).outcome is SendStatus.NO_CONSENT
    assert len(await wechat.state.inbox("o-li")) == 1


async def test_an_unreachable_wechat_is_reported_as_busy_or_unavailable(wechat: WeChat) -> None:
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


async def test_a_permanently_refused_token_uses_no_consent(
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
async def test_without_an_access_token_no_message_is_sent(
    wechat: WeChat, mode: dict[str, Any], outcome: SendStatus
) -> None:
    await wechat.mode(stable_token=mode)
    async with wechat.gateway(timeout_seconds=SOON_S) as gateway:
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
async def test_the_availability_probe_leaves_the_access_token_valid(
    wechat: WeChat, mode: dict[str, Any], answers: bool
) -> None:
    async with wechat.gateway(timeout_seconds=SOON_S) as gateway:
        sent = await send(gateway)
        if mode:
            await wechat.mode(stable_token=mode)
        assert await gateway.answers() is answers, "also where a token is at hand"
        assert (await send(gateway)).outcome is sent.outcome, "the token stays good"
    assert wechat.calls.count("stable_token") == 2
