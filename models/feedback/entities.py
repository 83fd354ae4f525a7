"""客服咨询: what readers write to the library, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from models.kernel.ids import ReaderId
from models.text_checks.entities import TextVerdict

MAX_LENGTH: Final = 1000
"""Characters of a question, and of an answer."""


CONVERSATION: Final = timedelta(hours=48)
"""So long after what somebody wrote in WeChat it takes words for them."""
MOST_IN_CONVERSATION: Final = 5
"""Messages that it takes in that time."""


class AnswerPush(StrEnum):
    """What became of an answer on its way to the conversation in WeChat. The value is stored."""

    SENDING = "sending"
    """It was begun; if it stays so, nobody knows."""
    SENT = "sent"
    CLOSED = "closed"
    """WeChat takes nothing more for that person until they write again."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Feedback:
    """``answer`` is empty until ``answered_at``. ``source``: web (the form), mini (the
    mini-program's customer service) or mp (the official account), where the reader may be unknown.
    ``openid``: who wrote there. ``push`` is None where the answer was not sent there (yet), and
    ``push_code`` is WeChat's answer to it. An empty answer closes it without one.
    """

    id: str
    reader_id: ReaderId | None
    text: str
    at: datetime
    answer: str = ""
    answered_at: datetime | None = None
    channel: str = "web"
    note: str = ""
    """For colleagues; its reader does not see it. ``note_rev`` grows with every change of it."""
    note_rev: int = 0
    verdict: TextVerdict = TextVerdict.UNCHECKED
    """What WeChat says of the text."""
    openid: str = ""
    push: AnswerPush | None = None
    push_code: int | None = None

    def conversation_open(self, now: datetime) -> bool:
        """Whether WeChat may still take words for whoever wrote this there."""
        return bool(self.openid) and now < self.at + CONVERSATION


@dataclass(frozen=True, slots=True)
class FeedbackQuery:
    """Which feedback: that waits for a reply or has one, all of it where that is None; written from
    ``start`` on and before ``end``."""

    answered: bool | None = None
    start: datetime | None = None
    end: datetime | None = None


LONGEST_TITLE: Final = 30
"""Of a canned answer."""


@dataclass(frozen=True, slots=True)
class CannedAnswer:
    """An answer that the library gives often; ``rev`` grows with every change."""

    id: str
    title: str
    text: str
    rev: int = 1
