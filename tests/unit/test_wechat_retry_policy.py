"""The consequence of each answer to a subscribe message."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.messages.channel_pause import PauseReason, begin, prolong
from notify.wechat.retry_policy import OUTCOMES, NextStep, RetryDecision, SendResult, decide_retry
from notify.wechat.retry_policy import SendStatus as O
from tests.builders import TOMORROW, on


@pytest.mark.parametrize(
    ("result", "attempts", "expected"),
    [
        (SendResult(O.SENT, 0), 1, RetryDecision(NextStep.DONE)),
        (SendResult(O.NO_CONSENT, 43101), 1, RetryDecision(NextStep.DROP, credit_zero=True)),
        (
            SendResult(O.BAD_OPENID, 40003),
            1,
            RetryDecision(NextStep.DROP, credit_back=True, flag_binding=True),
        ),
        (
            SendResult(O.BAD_TEMPLATE, 43107),
            1,
            RetryDecision(NextStep.DROP, credit_back=True, disable_template=True, alarm=True),
        ),
        (
            SendResult(O.BAD_PAGE, 41030),
            1,
            RetryDecision(NextStep.RETRY, without_page=True, credit_back=True, alarm=True),
        ),
        # What was surely not sent: again and again, until the message expires.
        (SendResult(O.CONCURRENT, 43108), 3, RetryDecision(NextStep.RETRY, 25, credit_back=True)),
        (SendResult(O.BUSY, -1), 1, RetryDecision(NextStep.RETRY, 1, away=True, credit_back=True)),
        (SendResult(O.BUSY), 40, RetryDecision(NextStep.RETRY, 300, away=True, credit_back=True)),
        (
            SendResult(O.BAD_VALUE, 47003),
            1,
            RetryDecision(NextStep.DROP, credit_back=True, alarm=True),
        ),
        (
            SendResult(O.QUOTA_DAY, 45009),
            9,
            RetryDecision(NextStep.RETRY, pause=PauseReason.QUOTA_DAY, credit_back=True),
        ),
        (
            SendResult(O.QUOTA_MINUTE, 45011),
            9,
            RetryDecision(NextStep.RETRY, pause=PauseReason.QUOTA_MINUTE, credit_back=True),
        ),
        *(
            (
                SendResult(OUTCOMES[errcode], errcode),
                1,
                RetryDecision(NextStep.RETRY, pause=PauseReason.QUOTA_MINUTE, credit_back=True),
            )
            for errcode in (44990, 44991)
        ),
        (
            SendResult(O.TOKEN, 40001),
            1,
            RetryDecision(NextStep.RETRY, pause=PauseReason.TOKEN, credit_back=True),
        ),
        (
            SendResult(O.REFUSED, 48001),
            1,
            RetryDecision(NextStep.RETRY, pause=PauseReason.REFUSED, credit_back=True),
        ),
        (SendResult(O.USER_LIMITED, 50002), 1, RetryDecision(NextStep.DROP, credit_back=True)),
        (SendResult(O.BUSY, unknown=True), 1, RetryDecision(NextStep.RETRY, 120, away=True)),
        (SendResult(O.OTHER, 99999), 1, RetryDecision(NextStep.DROP, credit_back=True, alarm=True)),
    ],
)
def test_each_send_result_has_its_retry_decision(
    result: SendResult, attempts: int, expected: RetryDecision
) -> None:
    assert decide_retry(result, attempts) == expected


def test_a_send_with_unknown_outcome_is_repeated_twice() -> None:
    lost = SendResult(O.BUSY, unknown=True)
    waits_s = [decide_retry(lost, 2, unknown_before=n).retry_after_seconds for n in range(2)]
    assert waits_s == [120, 600]
    assert decide_retry(lost, 3, unknown_before=2) == RetryDecision(NextStep.DROP, away=True)
    assert decide_retry(SendResult(O.BUSY), 9, unknown_before=1).step is NextStep.RETRY


NOW = on("08:00")
MINUTE = timedelta(minutes=1)


def test_pauses_grow_and_raise_one_alarm() -> None:
    """Checks the length of each pause after a failed probe, and whether an alarm was raised."""
    seen = {}
    for reason in PauseReason:
        pause, now, ways = begin(reason, None, NOW, 1.0), NOW, []
        for _ in range(10):
            ways.append(((pause.until - now).total_seconds(), pause.alarmed))
            now = pause.until
            pause = prolong(pause, reason, None, now, 1.0)
        assert pause.since == NOW and pause.failed == 10
        seen[reason] = ways
    assert seen == {
        PauseReason.AWAY: [
            *((float(s), s > 16) for s in (2, 4, 8, 16, 32, 64, 128, 256)),
            *[(300.0, True)] * 2,
        ],
        PauseReason.TOKEN: [(s, True) for s in (60.0, 120.0, 240.0, *[300.0] * 7)],
        PauseReason.REFUSED: [(s, True) for s in (300.0, 600.0, *[900.0] * 8)],
        PauseReason.QUOTA_MINUTE: [(60.0, False)] * 10,
        PauseReason.QUOTA_DAY: [(3600.0, True)] * 10,
    }
    late = begin(PauseReason.QUOTA_DAY, 45009, on("23:30"), 1.0)
    assert late.until == on("00:00", TOMORROW), "the day's count begins anew"
    away = begin(PauseReason.AWAY, None, NOW, 0.8)
    assert away.until - NOW == timedelta(seconds=1.6)


@pytest.mark.parametrize(
    ("was", "heard", "becomes", "alarmed"),
    [
        # That WeChat cannot be reached says nothing about what it refused.
        (PauseReason.REFUSED, PauseReason.AWAY, PauseReason.REFUSED, True),
        (PauseReason.TOKEN, PauseReason.AWAY, PauseReason.TOKEN, True),
        (PauseReason.QUOTA_DAY, PauseReason.AWAY, PauseReason.QUOTA_DAY, True),
        (PauseReason.QUOTA_MINUTE, PauseReason.AWAY, PauseReason.AWAY, True),
        (PauseReason.AWAY, PauseReason.REFUSED, PauseReason.REFUSED, True),
        (PauseReason.AWAY, PauseReason.QUOTA_MINUTE, PauseReason.QUOTA_MINUTE, False),
    ],
)
def test_a_failed_probe_may_change_the_reason_of_a_pause(
    was: PauseReason, heard: PauseReason, becomes: PauseReason, alarmed: bool
) -> None:
    before = begin(was, 1, NOW, 1.0)
    after = prolong(before, heard, 2, NOW + MINUTE, 1.0)
    assert (after.reason, after.alarmed, after.since) == (becomes, alarmed, NOW)
    assert after.code == 2 and after.until > NOW + MINUTE


def test_every_outcome_has_a_retry_decision() -> None:
    for outcome in O:
        assert decide_retry(SendResult(outcome), 1)
