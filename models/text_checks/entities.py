from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from models.kernel.ids import ReaderId


class TextVerdict(StrEnum):
    """WeChat's verdict on a text (内容检测). ``UNCHECKED``: not checked yet, or never, because the
    author has no WeChat user or was not in the mini-program for a day. The values are stored."""

    PASS = "pass"
    REVIEW = "review"
    RISKY = "risky"
    UNCHECKED = "unchecked"


_WORST = (TextVerdict.RISKY, TextVerdict.REVIEW, TextVerdict.PASS)


def worst(verdicts: list[TextVerdict]) -> TextVerdict:
    """The strictest of the verdicts on the parts of a text, which is the verdict on the text."""
    return next((v for v in _WORST if v in verdicts), TextVerdict.UNCHECKED)


@dataclass(frozen=True, slots=True)
class WaitingText:
    """A text whose check is due. `sealed`: the encrypted text as stored; the verdict is only
    written if the stored text has not changed. `tries`: the number of calls that had no answer."""

    collection: str
    id: str
    reader_id: ReaderId | None
    text: str
    sealed: str
    at: datetime
    due: datetime
    tries: int = 0
