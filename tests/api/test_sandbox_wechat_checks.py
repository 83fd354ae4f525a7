"""The text check against the stand-in, with every answer that WeChat may give."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from models.messages.channel_pause import PauseReason
from models.text_checks.entities import TextVerdict
from notify.wechat.mini_program import MiniProgramClient
from notify.wechat.text_check_answers import TextCheckAnswer
from tests.api.sandbox_wechat import SOON_S, WeChat

EXAMPLE = "特3456书yuuo莞6543李zxcz蒜7782法fgnv级"


async def test_the_stand_in_returns_verdicts_by_content_and_presence(
    wechat: WeChat, gateway: MiniProgramClient
) -> None:
    await gateway.exchange_code("demo-li-1")
    for content, verdict in (
        ("插座不通电", TextVerdict.PASS),
        ("x" * 2500, TextVerdict.PASS),
        ("sandbox-review", TextVerdict.REVIEW),
        (EXAMPLE, TextVerdict.RISKY),
    ):
        assert await gateway.check_text("o-li", content) == TextCheckAnswer(verdict, 0)
    assert await gateway.check_text("o-other", "…") == TextCheckAnswer(code=61010, not_seen=True)
    assert (await gateway.check_text("another account's", "…")).code == 40003
    for wrong in ("", "x" * 2501):
        assert await gateway.check_text("o-li", wrong) == TextCheckAnswer(code=40097)
    wechat.at += timedelta(hours=2)
    assert (await gateway.check_text("o-li", "…")).not_seen, "not for two hours"


async def test_the_stand_in_answers_in_wechats_format(
    wechat: WeChat, gateway: MiniProgramClient
) -> None:
    await gateway.exchange_code("demo-li-1")
    token = (await wechat.token())["access_token"]
    body: dict[str, Any] = {"version": 2, "openid": "o-li", "scene": 2, "content": EXAMPLE}

    async def answer_to(**more: Any) -> Any:
        answer, _ = await wechat.ask("POST", "wxa/msg_sec_check", body | more, access_token=token)
        return answer

    said = await answer_to()
    assert (said["errcode"], said["result"]) == (0, {"suggest": "risky", "label": 20001})
    assert {entry["strategy"] for entry in said["detail"]} == {"content_model", "keyword"}
    assert said["trace_id"]
    for wrong in ({"version": 1}, {"scene": 5}, {"scene": None}, {"content": 7}):
        assert (await answer_to(**wrong))["errcode"] == 40097, wrong


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ({"errcode": 45009}, TextCheckAnswer(code=45009, pause=PauseReason.QUOTA_DAY)),
        ({"status": 502}, TextCheckAnswer(away=True)),
        ({"hang_seconds": 10}, TextCheckAnswer(away=True)),
    ],
)
async def test_each_refusal_of_a_text_check_has_its_answer(
    wechat: WeChat, mode: dict[str, int], expected: TextCheckAnswer
) -> None:
    await wechat.mode(msg_sec_check=mode)
    async with wechat.gateway(timeout_seconds=SOON_S) as gateway:
        assert await gateway.check_text("o-li", "…") == expected
