"""Readers' feedback, answered by the staff."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.feedback.entities import CannedAnswer
from models.feedback.service import FeedbackService
from models.staff.audit import AuditAction
from models.staff.audit_log import AuditLog, StaffContext
from models.staff.ports import ReaderNotifier


class StaffFeedback:
    """Replies once to each piece of feedback."""

    def __init__(
        self, audit: AuditLog, feedback: FeedbackService, notifier: ReaderNotifier
    ) -> None:
        self._audit, self._feedback, self._notifier = audit, feedback, notifier

    async def reply(self, ctx: StaffContext, id: str, text: str) -> None:
        """The reply is kept; the reader finds it in the app, and in WeChat if they wrote there. An
        empty text closes it without a reply. The same reply again sends no second message, and
        completes one that was interrupted.

        Raises: NotFound; AlreadyAnswered where another reply was given.
        """
        asked = await self._feedback.get(id)
        async with self._audit.entry(
            ctx, AuditAction.REPLY, target=f"question:{id}", reader=asked.reader_id, reason=text
        ) as entry:
            answered = await self._feedback.answer(id, text, ctx.now)
            await self._notifier.feedback_answered(answered, ctx.now)
            entry.after = {"answered": True}

    async def set_note(self, ctx: StaffContext, id: str, rev: int, note: str) -> None:
        """The note is left for colleagues, or taken away with an empty one. Raises: NotFound;
        FeedbackChanged."""
        asked = await self._feedback.get(id)
        async with self._audit.entry(
            ctx,
            AuditAction.FEEDBACK_NOTE,
            target=f"question:{id}",
            reader=asked.reader_id,
            reason=note,
        ):
            await self._feedback.set_note(id, rev, note)

    async def add_canned_answer(self, ctx: StaffContext, title: str, text: str) -> None:
        """The answer is kept for all colleagues."""
        async with self._entry_of_canned_answer(ctx, title):
            await self._feedback.add_canned_answer(title, text)

    async def change_canned_answer(self, ctx: StaffContext, new: CannedAnswer) -> None:
        """The new answer stands in the old one's place. Raises: FeedbackChanged."""
        async with self._entry_of_canned_answer(ctx, new.title):
            await self._feedback.change_canned_answer(new)

    async def remove_canned_answer(self, ctx: StaffContext, id: str, rev: int) -> None:
        """The answer is gone. Raises: FeedbackChanged."""
        async with self._entry_of_canned_answer(ctx, None):
            await self._feedback.remove_canned_answer(id, rev)

    @asynccontextmanager
    async def _entry_of_canned_answer(
        self, ctx: StaffContext, title: str | None
    ) -> AsyncIterator[None]:
        ctx.require(None)  # all venues send them
        async with self._audit.entry(
            ctx, AuditAction.CANNED_ANSWER, target="canned_answers"
        ) as entry:
            yield
            entry.after = {"title": title}
