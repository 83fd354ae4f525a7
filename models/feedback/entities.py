"""Feedback (客服咨询): messages of readers to the library, and its replies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from models.kernel.ids import ReaderId
from models.text_checks.entities import TextVerdict

MAX_LENGTH: Final = 1000
"""Characters of a text or of a reply."""


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
    """One message to the library.

    ``answer`` is empty until ``answered_at``; a message closed without a reply has an empty one.
    ``channel``: ``web`` (the form), ``mini`` (customer service of the mini-program) or ``mp`` (the
    official account, where ``reader_id`` may be unknown).
    ``openid``: the author's WeChat user, unless the message came by the form.
    ``push``: delivery of the reply to WeChat, None if not begun; ``push_code``: WeChat's result
    code.
    """

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
    """The result of WeChat's text check."""
    openid: str = ""
    push: AnswerPush | None = None
    push_code: int | None = None

    def conversation_open(self, now: datetime) -> bool:
        """True if WeChat still delivers messages to the author."""
        return bool(self.openid) and now < self.at + CONVERSATION


@dataclass(frozen=True, slots=True)
class FeedbackQuery:
    """A filter of feedback: ``answered`` None is all; times are ``start`` (inclusive) to ``end``
    (exclusive)."""

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
