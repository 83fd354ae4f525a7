"""The consequence of each answer of WeChat to a text check."""

from __future__ import annotations

from typing import Any

import pytest

from models.messages.channel_pause import PauseReason
from models.text_checks.entities import TextVerdict
from notify.wechat.text_check_answers import TextCheckAnswer, judged, refused


@pytest.mark.parametrize(
    ("errcode", "expected"),
    [
        (None, TextCheckAnswer(away=True)),
        (-1, TextCheckAnswer(code=-1, away=True)),
        (40001, TextCheckAnswer(code=40001, pause=PauseReason.TOKEN)),
        (44990, TextCheckAnswer(code=44990, pause=PauseReason.QUOTA_MINUTE)),
        (44991, TextCheckAnswer(code=44991, pause=PauseReason.QUOTA_MINUTE)),
        (45009, TextCheckAnswer(code=45009, pause=PauseReason.QUOTA_DAY)),
        (45011, TextCheckAnswer(code=45011, pause=PauseReason.QUOTA_MINUTE)),
        (48001, TextCheckAnswer(code=48001, pause=PauseReason.REFUSED)),
        (61010, TextCheckAnswer(code=61010, not_seen=True)),
        (87014, TextCheckAnswer(TextVerdict.RISKY, 87014)),
        (99999, TextCheckAnswer(code=99999)),
    ],
)
def test_each_refusal_pauses_postpones_or_settles_a_text_check(
    errcode: int | None, expected: TextCheckAnswer
) -> None:
    assert refused(errcode) == expected


@pytest.mark.parametrize(
    ("answer", "verdict", "away"),
    [
        ({"errcode": 0, "result": {"suggest": "pass"}}, TextVerdict.PASS, False),
        ({"errcode": 0, "result": {"suggest": "new"}}, TextVerdict.REVIEW, False),
        ({"errcode": 0, "result": {"suggest": "unchecked"}}, TextVerdict.REVIEW, False),
        ({"errcode": 0, "errmsg": "ok"}, TextVerdict.REVIEW, False),
        ({"errcode": 0, "result": []}, TextVerdict.REVIEW, False),
        ({"result": {"suggest": "pass"}}, None, True),
        (b"<html>", None, True),
    ],
)
def test_an_unknown_verdict_needs_review(
    answer: Any, verdict: TextVerdict | None, away: bool
) -> None:
    said = judged(answer)
    assert (said.verdict, said.away) == (verdict, away)
