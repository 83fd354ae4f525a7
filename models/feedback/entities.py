"""Feedback (客服咨询): messages of readers to the library, and its replies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from models.kernel.ids import ReaderId
from models.text_checks.entities import TextVerdict

MAX_LENGTH: Final = 1000


CONVERSATION: Final = timedelta(hours=48)
"""WeChat delivers messages to a user for this long after the user's last message."""
MOST_IN_CONVERSATION: Final = 5
"""WeChat delivers at most this many messages to the user within ``CONVERSATION``."""


class AnswerPush(StrEnum):
    """The state of sending a reply into its reader's WeChat conversation. The values are stored."""

    SENDING = "sending"
    """Sending has begun. If the process crashes the state stays so, and the outcome is unknown."""
    SENT = "sent"
    CLOSED = "closed"
    """WeChat delivers nothing to this user until the user writes again."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Feedback:
    """A message of a reader to the library, and the reply.

    `channel`: "web" (the form), "mini" (the mini-program's customer service) or "mp" (the
    official account, where `reader_id` may be None). `openid`: the author's WeChat user, "" for the
    form. `answer`: "" until `answered_at`, and for ever if it was closed without a reply. `push`:
    the state of sending the reply to WeChat, if begun; `push_code`: WeChat's errcode.
    """

    id: str
    reader_id: ReaderId | None
    text: str
    at: datetime
    answer: str = ""
    answered_at: datetime | None = None
    channel: str = "web"
    note: str = ""
    """A note that only staff see. `note_rev` grows with every change of it."""
    note_rev: int = 0
    verdict: TextVerdict = TextVerdict.UNCHECKED
    openid: str = ""
    push: AnswerPush | None = None
    push_code: int | None = None

    def conversation_open(self, now: datetime) -> bool:
        """True if WeChat still delivers messages to the author at ``now``."""
        return bool(self.openid) and now < self.at + CONVERSATION


@dataclass(frozen=True, slots=True)
class FeedbackQuery:
    """A filter of feedback. `answered`: None for all. `start` is inclusive, `end` exclusive."""

    answered: bool | None = None
    start: datetime | None = None
    end: datetime | None = None


LONGEST_TITLE: Final = 30
"""At most this many characters are in a canned answer's title."""


@dataclass(frozen=True, slots=True)
class CannedAnswer:
    """A text that the library answers with often. `rev` grows with every change."""

    id: str
    title: str
    text: str
    rev: int = 1
