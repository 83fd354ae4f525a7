"""文本检测: what WeChat says of a text that a reader wrote, and the texts that wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from models.kernel.ids import ReaderId


class TextVerdict(StrEnum):
    """What staff are told of a text. The value is stored.

    ``unchecked`` is a text that waits, and one that can never be checked: its reader has no WeChat
    user, or was not in the mini-program for a day.
    """

    PASS = "pass"
    REVIEW = "review"
    RISKY = "risky"
    UNCHECKED = "unchecked"


_WORST = (TextVerdict.RISKY, TextVerdict.REVIEW, TextVerdict.PASS)


def worst(verdicts: list[TextVerdict]) -> TextVerdict:
    """The verdict on a text whose parts have these."""
    return next((v for v in _WORST if v in verdicts), TextVerdict.UNCHECKED)


@dataclass(frozen=True, slots=True)
class WaitingText:
    """A text that waits for its check. ``sealed`` is how it is stored: the verdict is on that text
    alone. ``tries`` counts the calls that got no answer."""

    collection: str
    id: str
    reader_id: ReaderId | None
    text: str
    sealed: str
    at: datetime
    due: datetime
    tries: int = 0
