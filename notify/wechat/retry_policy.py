"""Decides what follows from WeChat's answers to subscribe messages. The codes are from the error
tables of ``message/subscribe/send`` and of WeChat's general return codes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from models.messages.channel_pause import PauseReason
from notify.delivery.channel import delay, repeat_after_s


class SendStatus(StrEnum):
    SENT = "sent"
    NO_CONSENT = "no_consent"
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


OUTCOMES: Final[dict[int, SendStatus]] = {
    0: SendStatus.SENT,
    -1: SendStatus.BUSY,
    40001: SendStatus.TOKEN,
    40014: SendStatus.TOKEN,
    42001: SendStatus.TOKEN,
    40003: SendStatus.BAD_OPENID,
    40037: SendStatus.BAD_TEMPLATE,
    43107: SendStatus.BAD_TEMPLATE,
    41030: SendStatus.BAD_PAGE,
    43101: SendStatus.NO_CONSENT,
    43108: SendStatus.CONCURRENT,
    45009: SendStatus.QUOTA_DAY,
    **dict.fromkeys((45011, 44990, 44991), SendStatus.QUOTA_MINUTE),
    45168: SendStatus.BAD_VALUE,
    47003: SendStatus.BAD_VALUE,
    50002: SendStatus.USER_LIMITED,
    # The account may not send: its appid, the address of this host, the API or the account itself.
    **dict.fromkeys(
        (
            *(40013, 40164, 43104, 48001, 48004, 50001, 50004, 50007),
            *(61004, 61007, 61016),
        ),
        SendStatus.REFUSED,
    ),
}


@dataclass(frozen=True, slots=True)
class SendResult:
    """WeChat's answer to one subscribe message. `errcode`: None without an answer. `field`: the
    template's key that WeChat named as wrong. `unknown`: WeChat may have delivered the message
    and used up a credit. BUSY without `unknown`: the message was surely not sent."""

    outcome: SendStatus
    errcode: int | None = None
    msgid: str | None = None
    field: str | None = None
    unknown: bool = False


class NextStep(StrEnum):
    DONE = "done"
    RETRY = "retry"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class RetryDecision:
    """The next step for a message, and what else follows from WeChat's answer. A credit is the
    reader's consent to one message of a template.

    Attributes:
        pause: why all sending stops, for a refusal that would meet every message.
        away: WeChat did not accept the call; several such calls in a row stop all sending.
        without_page: the next attempt sends the message without a page to open.
        credit_zero: WeChat knows no credit any more; the stored number becomes 0.
        credit_back: WeChat did not use the credit of this attempt; it is given back.
        flag_binding: the openid is not of this mini-program; the binding is suspect.
        disable_template: no message of this template is sent for an hour.
    """

    step: NextStep
    retry_after_seconds: float = 0
    pause: PauseReason | None = None
    away: bool = False
    without_page: bool = False
    credit_zero: bool = False
    credit_back: bool = False
    flag_binding: bool = False
    disable_template: bool = False
    alarm: bool = False


_FIXED: Final[dict[SendStatus, RetryDecision]] = {
    SendStatus.SENT: RetryDecision(NextStep.DONE),
    # Expected: stored credits are a hint, WeChat decides. The message stays in the app.
    SendStatus.NO_CONSENT: RetryDecision(NextStep.DROP, credit_zero=True),
    SendStatus.BAD_OPENID: RetryDecision(NextStep.DROP, credit_back=True, flag_binding=True),
    # The user's account is frozen or closed: no retry helps.
    SendStatus.USER_LIMITED: RetryDecision(NextStep.DROP, credit_back=True),
    SendStatus.BAD_TEMPLATE: RetryDecision(
        NextStep.DROP, credit_back=True, disable_template=True, alarm=True
    ),
    SendStatus.BAD_PAGE: RetryDecision(
        NextStep.RETRY, without_page=True, credit_back=True, alarm=True
    ),
    SendStatus.BAD_VALUE: RetryDecision(NextStep.DROP, credit_back=True, alarm=True),
    SendStatus.QUOTA_DAY: RetryDecision(
        NextStep.RETRY, pause=PauseReason.QUOTA_DAY, credit_back=True
    ),
    SendStatus.QUOTA_MINUTE: RetryDecision(
        NextStep.RETRY, pause=PauseReason.QUOTA_MINUTE, credit_back=True
    ),
    SendStatus.TOKEN: RetryDecision(NextStep.RETRY, pause=PauseReason.TOKEN, credit_back=True),
    SendStatus.REFUSED: RetryDecision(NextStep.RETRY, pause=PauseReason.REFUSED, credit_back=True),
    SendStatus.OTHER: RetryDecision(NextStep.DROP, credit_back=True, alarm=True),
}


def decide_retry(
    result: SendResult, attempts: int, unknown_before: int = 0, *, repeats: bool = True
) -> RetryDecision:
    """Decides what follows from ``result``. `attempts` includes this attempt; `unknown_before`
    counts the earlier attempts with an unknown outcome.

    A message that was surely not sent is tried again until it expires. After an unknown outcome the
    credit is not given back. If `repeats`, the message is worth another credit, and is sent again
    after each of ``REPEATS_S``; otherwise the first unknown outcome ends it.
    """
    if result.outcome is SendStatus.BUSY:
        if not result.unknown:
            return RetryDecision(NextStep.RETRY, delay(attempts), away=True, credit_back=True)
        wait_s = repeat_after_s(unknown_before) if repeats else None
        if wait_s is None:
            return RetryDecision(NextStep.DROP, away=True)
        return RetryDecision(NextStep.RETRY, wait_s, away=True)
    if result.outcome is SendStatus.CONCURRENT:
        return RetryDecision(NextStep.RETRY, delay(attempts), credit_back=True)
    return _FIXED[result.outcome]
