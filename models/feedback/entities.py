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
"""For this long after a message of a WeChat user, WeChat delivers messages to that user."""
MOST_IN_CONVERSATION: Final = 5
"""Messages that WeChat delivers to the user within ``CONVERSATION``."""


class AnswerPush(StrEnum):
    """The delivery of a reply to the conversation in WeChat. The values are stored."""

    SENDING = "sending"
    """Delivery has begun; after a crash it stays so and the outcome is unknown."""
    SENT = "sent"
    CLOSED = "closed"
    """WeChat delivers nothing more to this user until they write again."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Feedback:
    """``answer``: "" until ``answered_at``, or for ever if closed without a reply. ``channel``:
    web (the form), mini (the mini-program's customer service) or mp (the official account;
    ``reader_id`` may be None). ``openid``: the author's WeChat user, "" for the form. ``push``:
    the delivery of the reply to WeChat, if begun; ``push_code``: WeChat's result."""

    id: str
    reader_id: ReaderId | None
    text: str
    at: datetime
    answer: str = ""
    answered_at: datetime | None = None
    channel: str = "web"
    note: str = ""
    """Seen by staff only. ``note_rev`` grows with every change."""
    note_rev: int = 0
    verdict: TextVerdict = TextVerdict.UNCHECKED
    openid: str = ""
    push: AnswerPush | None = None
    push_code: int | None = None

    def conversation_open(self, now: datetime) -> bool:
        """True if WeChat still delivers messages to the author."""
        return bool(self.openid) and now < self.at + CONVERSATION


@dataclass(frozen=True, slots=True)
class FeedbackQuery:
    """A filter of feedback. ``answered`` None is all; ``start`` is inclusive, ``end`` exclusive."""

    answered: bool | None = None
    start: datetime | None = None
    end: datetime | None = None


LONGEST_TITLE: Final = 30
"""Characters of a canned answer's title."""


@dataclass(frozen=True, slots=True)
class CannedAnswer:
    """An answer that the library gives often; ``rev`` grows with every change."""

    id: str
    title: str
    text: str
    rev: int = 1
