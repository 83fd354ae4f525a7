"""Texts in WeChat to users who wrote to the customer service or to the official account."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final

from models.feedback.entities import AnswerPush, Feedback
from models.feedback.repository import FeedbackRepository

SendText = Callable[[str, str], Awaitable[int | None]]
"""Sends a text to an openid. Returns WeChat's errcode, or None if the outcome is unknown."""
LONGEST_BYTES: Final = 2048
_CLOSED: Final = frozenset({45015, 45047})
"""Errcodes by which WeChat refuses a text because it has closed the conversation: 48 hours have
passed, or five texts were sent, since the user's last message."""
_NOT_SENT: Final = frozenset({-1, 45009, 45011, 44990, 44991})
"""WeChat's errcodes for an overloaded API or a limit of calls. The text may be accepted later."""
_ACKNOWLEDGED_WITHIN_S: Final = 2.5
"""A confirmation is sent within this many seconds; WeChat waits five for the response to a push."""


class Conversations:
    """Sends texts to users who have written to an account in WeChat. ``accounts``: for each
    value of ``Feedback.channel``, the function that sends a text by this account."""

    def __init__(self, feedback: FeedbackRepository, accounts: Mapping[str, SendText]) -> None:
        self._feedback, self._accounts = feedback, accounts

    def is_open(self, f: Feedback, now: datetime) -> bool:
        """True if WeChat still delivers an answer to the author of ``f``."""
        return f.channel in self._accounts and f.conversation_open(now)

    async def acknowledge(
        self, id: str, source: str, openid: str, words: str, now: datetime
    ) -> None:
        """Confirms to the user that feedback arrived, once per message ``id``. Ignores failures."""
        if source in self._accounts and await self._feedback.take_message(id, now):
            await self.send_once(source, openid, words)

    async def send_once(self, source: str, openid: str, words: str) -> None:
        """Sends the text while WeChat waits for the response to its push; ignores failures. WeChat
        accepts one text in the minute after a user has opened the conversation, apart from the
        five allowed in 48 hours after a message of the user."""
        if source in self._accounts:
            with suppress(TimeoutError):
                async with asyncio.timeout(_ACKNOWLEDGED_WITHIN_S):
                    await self._accounts[source](openid, words)

    async def answer(self, f: Feedback, now: datetime) -> None:
        """Sends the staff's answer to the feedback once and stores the outcome. If WeChat was
        too busy to accept the answer, a repeated call may send it. Raises: Unavailable."""
        parts = split_text(f.answer, LONGEST_BYTES)
        if not self.is_open(f, now) or not await self._feedback.begin_push(f.id, len(parts), now):
            return
        code: int | None = 0
        sent = 0
        for part in parts:
            code = await self._accounts[f.channel](f.openid, part)
            if code != 0:
                break
            sent += 1
        if code in _NOT_SENT and not sent:
            await self._feedback.give_back_push(f.id, len(parts))
        elif code is not None:
            await self._feedback.end_push(f.id, _push_of(code), code)


def split_text(text: str, most: int) -> list[str]:
    """Splits the text into parts of at most ``most`` bytes in UTF-8; no character is cut."""
    parts, size = [""], 0
    for char in text:
        size += len(char.encode())
        if size > most:
            parts.append("")
            size = len(char.encode())
        parts[-1] += char
    return parts


def _push_of(code: int) -> AnswerPush:
    if code == 0:
        return AnswerPush.SENT
    return AnswerPush.CLOSED if code in _CLOSED else AnswerPush.REFUSED
