"""What WeChat answered to a check of a text (msgSecCheck, version 2), and what follows from it.

Pure: the caller does what the answer asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from models.messages.channel_pause import PauseReason
from models.text_checks.entities import TextVerdict
from notify.wechat.retry_policy import OUTCOMES, SendStatus

LONGEST: Final = 2500
"""Characters of one call."""
_NOT_SEEN: Final = 61010
_RISKY: Final = 87014
"""Version 1 answers so where version 2 says ``risky``; it costs nothing to understand both."""
_PAUSES: Final = {
    SendStatus.TOKEN: PauseReason.TOKEN,
    SendStatus.REFUSED: PauseReason.REFUSED,
    SendStatus.QUOTA_DAY: PauseReason.QUOTA_DAY,
    SendStatus.QUOTA_MINUTE: PauseReason.QUOTA_MINUTE,
}
_SUGGESTED: Final = {v.value: v for v in TextVerdict if v is not TextVerdict.UNCHECKED}


@dataclass(frozen=True, slots=True)
class TextCheckAnswer:
    """The verdict, or why there is none.

    Attributes:
        verdict: None where WeChat has not judged the text.
        code: WeChat's errcode, None without an answer.
        pause: why no text can be checked for a while.
        away: WeChat did not take the call, or did not answer it.
        not_seen: the reader was not in the mini-program in the last two hours; another time.
    """

    verdict: TextVerdict | None = None
    code: int | None = None
    pause: PauseReason | None = None
    away: bool = False
    not_seen: bool = False


def refused(errcode: int | None) -> TextCheckAnswer:
    """The answer that is an error, or (None) no answer."""
    if errcode is None or errcode == -1:
        return TextCheckAnswer(code=errcode, away=True)
    if errcode == _RISKY:
        return TextCheckAnswer(TextVerdict.RISKY, errcode)
    if errcode == _NOT_SEEN:
        return TextCheckAnswer(code=errcode, not_seen=True)
    return TextCheckAnswer(code=errcode, pause=_PAUSES.get(OUTCOMES.get(errcode, SendStatus.OTHER)))


def judged(answer: Any) -> TextCheckAnswer:
    """The answer without an error. What it suggests and we do not know is to be looked at."""
    if not isinstance(answer, dict) or answer.get("errcode") != 0:
        return TextCheckAnswer(away=True)  # not the API's answer (a proxy's page, say)
    result = answer.get("result")
    suggested = result.get("suggest") if isinstance(result, dict) else None
    return TextCheckAnswer(_SUGGESTED.get(str(suggested), TextVerdict.REVIEW), 0)
