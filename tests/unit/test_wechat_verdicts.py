"""What follows from each answer to a subscribe message."""

from __future__ import annotations

import pytest

from notify.wechat.verdicts import SendOutcome as O
from notify.wechat.verdicts import SendResult, Step, Verdict, verdict


@pytest.mark.parametrize(
    ("result", "attempts", "expected"),
    [
        (SendResult(O.SENT, 0), 1, Verdict(Step.DONE)),
        (SendResult(O.NO_CREDIT, 43101), 1, Verdict(Step.DROP, credit_zero=True)),
        (
            SendResult(O.BAD_OPENID, 40003),
            1,
            Verdict(Step.DROP, credit_back=True, flag_binding=True),
        ),
        (
            SendResult(O.BAD_TEMPLATE, 43107),
            1,
            Verdict(Step.DROP, credit_back=True, disable_template=True, alarm=True),
        ),
        (
            SendResult(O.BAD_PAGE, 41030),
            1,
            Verdict(Step.RETRY, without_page=True, credit_back=True, alarm=True),
        ),
        (SendResult(O.CONCURRENT, 43108), 3, Verdict(Step.RETRY, 3, credit_back=True)),
        (SendResult(O.CONCURRENT, 43108), 4, Verdict(Step.DROP, credit_back=True)),
        (SendResult(O.BAD_VALUE, 47003), 1, Verdict(Step.DROP, credit_back=True, alarm=True)),
        (
            SendResult(O.QUOTA_DAY, 45009),
            9,
            Verdict(Step.RETRY, pause_until_next_day=True, credit_back=True, alarm=True),
        ),
        (SendResult(O.QUOTA_MINUTE, 45011), 9, Verdict(Step.RETRY, 60, 60, credit_back=True)),
        (
            SendResult(O.TOKEN, 40001),
            1,
            Verdict(Step.RETRY, 60, 60, credit_back=True, alarm=True),
        ),
        (SendResult(O.BUSY, -1), 1, Verdict(Step.RETRY, 1, credit_back=True)),
        (SendResult(O.BUSY, unknown=True), 2, Verdict(Step.RETRY, 5)),
        (SendResult(O.BUSY, unknown=True), 3, Verdict(Step.RETRY, 25)),
        (SendResult(O.BUSY, unknown=True), 4, Verdict(Step.DROP)),
        (SendResult(O.OTHER, 50001), 1, Verdict(Step.DROP, credit_back=True, alarm=True)),
    ],
)
def test_verdict(result: SendResult, attempts: int, expected: Verdict) -> None:
    assert verdict(result, attempts) == expected


def test_every_outcome_has_a_verdict() -> None:
    for outcome in O:
        assert verdict(SendResult(outcome), 1)
