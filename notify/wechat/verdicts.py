"""What WeChat answered to a subscribe message, and what follows from it.

The numbers are those of the error tables of ``message/subscribe/send`` and of WeChat's general
return codes. Pure: the caller does what the verdict says.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class SendOutcome(StrEnum):
    """The kinds of answer that call for different doings."""

    SENT = "sent"
    NO_CREDIT = "no_credit"
    BAD_OPENID = "bad_openid"
    BAD_TEMPLATE = "bad_template"
    BAD_PAGE = "bad_page"
    CONCURRENT = "concurrent"
    BAD_VALUE = "bad_value"
    QUOTA_DAY = "quota_day"
    QUOTA_MINUTE = "quota_minute"
    TOKEN = "token"
    BUSY = "busy"
    OTHER = "other"


OUTCOMES: Final[dict[int, SendOutcome]] = {
    0: SendOutcome.SENT,
    -1: SendOutcome.BUSY,
    40001: SendOutcome.TOKEN,
    40014: SendOutcome.TOKEN,
    42001: SendOutcome.TOKEN,
    40003: SendOutcome.BAD_OPENID,
    40037: SendOutcome.BAD_TEMPLATE,
    43107: SendOutcome.BAD_TEMPLATE,
    41030: SendOutcome.BAD_PAGE,
    43101: SendOutcome.NO_CREDIT,
    43108: SendOutcome.CONCURRENT,
    45009: SendOutcome.QUOTA_DAY,
    45011: SendOutcome.QUOTA_MINUTE,
    45168: SendOutcome.BAD_VALUE,
    47003: SendOutcome.BAD_VALUE,
}


@dataclass(frozen=True, slots=True)
class SendResult:
    """The outcome of one send.

    ``errcode`` is WeChat's, None without an answer; ``msgid`` is set when it was sent; ``field`` is
    the template's key that WeChat named. ``unknown`` means that WeChat may have delivered it though
    we got no answer: a credit may be spent.
    """

    outcome: SendOutcome
    errcode: int | None = None
    msgid: str | None = None
    field: str | None = None
    unknown: bool = False


class Step(StrEnum):
    """What becomes of the message."""

    DONE = "done"
    RETRY = "retry"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do.

    Attributes:
        step: done, retry or drop.
        retry_after_seconds: how long this message waits before its next attempt.
        pause_seconds: how long all sending waits.
        pause_until_next_day: all sending waits for the library's next day.
        without_page: the next attempt goes without a page.
        credit_zero: WeChat knows no credit any more; ours goes to 0.
        credit_back: WeChat did not use the credit taken for this attempt; put it back.
        flag_binding: the openid is not one of this mini-program's; look at the binding.
        disable_template: send nothing of this template any more.
        alarm: a person should look at it.
    """

    step: Step
    retry_after_seconds: float = 0
    pause_seconds: float = 0
    pause_until_next_day: bool = False
    without_page: bool = False
    credit_zero: bool = False
    credit_back: bool = False
    flag_binding: bool = False
    disable_template: bool = False
    alarm: bool = False


_BUSY_DELAYS: Final = (1.0, 5.0, 25.0)
_CONCURRENT_DELAYS: Final = (1.0, 2.0, 3.0)
_MINUTE: Final = 60.0

_FIXED: Final[dict[SendOutcome, Verdict]] = {
    SendOutcome.SENT: Verdict(Step.DONE),
    # Expected: the credits are a hint of ours, WeChat has the truth. The message stays in-app.
    SendOutcome.NO_CREDIT: Verdict(Step.DROP, credit_zero=True),
    SendOutcome.BAD_OPENID: Verdict(Step.DROP, credit_back=True, flag_binding=True),
    SendOutcome.BAD_TEMPLATE: Verdict(
        Step.DROP, credit_back=True, disable_template=True, alarm=True
    ),
    SendOutcome.BAD_PAGE: Verdict(Step.RETRY, without_page=True, credit_back=True, alarm=True),
    SendOutcome.BAD_VALUE: Verdict(Step.DROP, credit_back=True, alarm=True),
    SendOutcome.QUOTA_DAY: Verdict(
        Step.RETRY, pause_until_next_day=True, credit_back=True, alarm=True
    ),
    SendOutcome.QUOTA_MINUTE: Verdict(
        Step.RETRY, retry_after_seconds=_MINUTE, pause_seconds=_MINUTE, credit_back=True
    ),
    SendOutcome.TOKEN: Verdict(
        Step.RETRY,
        retry_after_seconds=_MINUTE,
        pause_seconds=_MINUTE,
        credit_back=True,
        alarm=True,
    ),
    SendOutcome.OTHER: Verdict(Step.DROP, credit_back=True, alarm=True),
}


def verdict(result: SendResult, attempts: int) -> Verdict:
    """What follows from ``result``.

    Each attempt takes a credit of its own. After an unknown outcome it is not given back: if WeChat
    did deliver and the reader had one credit, the second attempt ends as NO_CREDIT and nothing
    arrives twice. Outcomes that pause all sending may be retried without end; the message's own
    expiry bounds them.

    Args:
        result: what came back. BAD_PAGE only occurs for a send that had a page, so it ends.
        attempts: sends of this message so far, the judged one included; at least 1.
    """
    if result.outcome is SendOutcome.BUSY:
        return _again(_BUSY_DELAYS, attempts, credit_back=not result.unknown)
    if result.outcome is SendOutcome.CONCURRENT:
        return _again(_CONCURRENT_DELAYS, attempts, credit_back=True)
    return _FIXED[result.outcome]


def _again(delays: tuple[float, ...], attempts: int, *, credit_back: bool) -> Verdict:
    if attempts > len(delays):
        return Verdict(Step.DROP, credit_back=credit_back)
    return Verdict(Step.RETRY, retry_after_seconds=delays[attempts - 1], credit_back=credit_back)
