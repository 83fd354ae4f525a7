"""What WeChat answered to a subscribe message, and what follows from it.

The numbers are those of the error tables of ``message/subscribe/send`` and of WeChat's general
return codes. Pure: the caller does what the verdict says.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from models.pause import PauseReason


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
    REFUSED = "refused"
    USER_LIMITED = "user_limited"
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
    50002: SendOutcome.USER_LIMITED,
    # The account may not send: its appid, the address of this host, the API or the account itself.
    **dict.fromkeys(
        (
            *(40013, 40164, 43104, 48001, 48004, 50001, 50004, 50007),
            *(61004, 61007, 61016),
        ),
        SendOutcome.REFUSED,
    ),
}


@dataclass(frozen=True, slots=True)
class SendResult:
    """The outcome of one send.

    ``errcode`` is WeChat's, None without an answer; ``msgid`` is set when it was sent; ``field`` is
    the template's key that WeChat named. ``unknown`` means that WeChat may have delivered it though
    we got no answer: a credit may be spent. BUSY without it was surely not sent.
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
        pause: why all sending stops, for a refusal that would meet every message.
        away: WeChat did not take the call at all; several in a row stop all sending.
        without_page: the next attempt goes without a page.
        credit_zero: WeChat knows no credit any more; ours goes to 0.
        credit_back: WeChat did not use the credit taken for this attempt; put it back.
        flag_binding: the openid is not one of this mini-program's; look at the binding.
        disable_template: send nothing of this template any more.
        alarm: a person should look at it.
    """

    step: Step
    retry_after_seconds: float = 0
    pause: PauseReason | None = None
    away: bool = False
    without_page: bool = False
    credit_zero: bool = False
    credit_back: bool = False
    flag_binding: bool = False
    disable_template: bool = False
    alarm: bool = False


DELAYS: Final = (1.0, 5.0, 25.0, 60.0, 120.0, 300.0)
"""Seconds before the next attempt of what was surely not sent; the last one for all later ones."""
UNKNOWN_DELAY: Final = 120.0
"""Before the one repeat of what may have arrived: by then a WeChat that was away is back, or
is known to be away."""
MAX_UNKNOWN: Final = 2
"""Attempts of one message whose outcome nobody knows: each of them may have arrived."""

_FIXED: Final[dict[SendOutcome, Verdict]] = {
    SendOutcome.SENT: Verdict(Step.DONE),
    # Expected: the credits are a hint of ours, WeChat has the truth. The message stays in-app.
    SendOutcome.NO_CREDIT: Verdict(Step.DROP, credit_zero=True),
    SendOutcome.BAD_OPENID: Verdict(Step.DROP, credit_back=True, flag_binding=True),
    # The user's account is frozen or closed: nobody here can mend it.
    SendOutcome.USER_LIMITED: Verdict(Step.DROP, credit_back=True),
    SendOutcome.BAD_TEMPLATE: Verdict(
        Step.DROP, credit_back=True, disable_template=True, alarm=True
    ),
    SendOutcome.BAD_PAGE: Verdict(Step.RETRY, without_page=True, credit_back=True, alarm=True),
    SendOutcome.BAD_VALUE: Verdict(Step.DROP, credit_back=True, alarm=True),
    SendOutcome.QUOTA_DAY: Verdict(Step.RETRY, pause=PauseReason.QUOTA_DAY, credit_back=True),
    SendOutcome.QUOTA_MINUTE: Verdict(Step.RETRY, pause=PauseReason.QUOTA_MINUTE, credit_back=True),
    SendOutcome.TOKEN: Verdict(Step.RETRY, pause=PauseReason.TOKEN, credit_back=True),
    SendOutcome.REFUSED: Verdict(Step.RETRY, pause=PauseReason.REFUSED, credit_back=True),
    SendOutcome.OTHER: Verdict(Step.DROP, credit_back=True, alarm=True),
}


def verdict(result: SendResult, attempts: int, unknown_before: int = 0) -> Verdict:
    """What follows from ``result``.

    What was surely not sent is tried again without end; the message's own expiry bounds it. After
    an unknown outcome the credit is not given back, and the second one ends the message.

    Args:
        result: what came back. BAD_PAGE only occurs for a send that had a page, so it ends.
        attempts: sends of this message so far, the judged one included; at least 1.
        unknown_before: how many of the earlier ones may have arrived.
    """
    if result.outcome is SendOutcome.BUSY:
        if not result.unknown:
            return Verdict(Step.RETRY, _delay(attempts), away=True, credit_back=True)
        if unknown_before + 1 >= MAX_UNKNOWN:
            return Verdict(Step.DROP, away=True)
        return Verdict(Step.RETRY, UNKNOWN_DELAY, away=True)
    if result.outcome is SendOutcome.CONCURRENT:
        return Verdict(Step.RETRY, _delay(attempts), credit_back=True)
    return _FIXED[result.outcome]


def _delay(attempts: int) -> float:
    return DELAYS[min(attempts, len(DELAYS)) - 1]
