"""WeChat's answers to checks of texts (msgSecCheck, version 2), and what follows from each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from models.messages.channel_pause import PauseReason
from models.text_checks.entities import TextVerdict
from notify.wechat.retry_policy import OUTCOMES, SendStatus

LONGEST: Final = 2500
"""At most this many characters are checked by one call."""
_NOT_SEEN: Final = 61010
_RISKY: Final = 87014
"""Version 1 answers this errcode where version 2 answers ``risky``. Both are understood."""
_PAUSES: Final = {
    SendStatus.TOKEN: PauseReason.TOKEN,
    SendStatus.REFUSED: PauseReason.REFUSED,
    SendStatus.QUOTA_DAY: PauseReason.QUOTA_DAY,
    SendStatus.QUOTA_MINUTE: PauseReason.QUOTA_MINUTE,
}
_SUGGESTED: Final = {v.value: v for v in TextVerdict if v is not TextVerdict.UNCHECKED}


@dataclass(frozen=True, slots=True)
class TextCheckAnswer:
    """The answer to the check of one text. `verdict`: None if WeChat has not judged the text.
    `code`: WeChat's errcode, None without an answer. `pause`: the reason why no text can be
    checked for a while. `away`: WeChat did not take or answer the call. `not_seen`: WeChat
    refused because the reader was not in the mini-program in the last two hours."""

    verdict: TextVerdict | None = None
    code: int | None = None
    pause: PauseReason | None = None
    away: bool = False
    not_seen: bool = False


def refused(errcode: int | None) -> TextCheckAnswer:
    """The answer for an error: ``errcode`` is WeChat's, or None if the call had no answer."""
    if errcode is None or errcode == -1:
        return TextCheckAnswer(code=errcode, away=True)
    if errcode == _RISKY:
        return TextCheckAnswer(TextVerdict.RISKY, errcode)
    if errcode == _NOT_SEEN:
        return TextCheckAnswer(code=errcode, not_seen=True)
    return TextCheckAnswer(code=errcode, pause=_PAUSES.get(OUTCOMES.get(errcode, SendStatus.OTHER)))


def judged(answer: Any) -> TextCheckAnswer:
    """The answer for a response with a judgement. An unknown judgement becomes REVIEW."""
    if not isinstance(answer, dict) or answer.get("errcode") != 0:
        return TextCheckAnswer(away=True)  # not the API's answer (a proxy's page, say)
    result = answer.get("result")
    suggested = result.get("suggest") if isinstance(result, dict) else None
    return TextCheckAnswer(_SUGGESTED.get(str(suggested), TextVerdict.REVIEW), 0)
