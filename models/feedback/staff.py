"""Readers' feedback, answered by the staff."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from models.feedback.entities import CannedAnswer, Feedback
from models.feedback.service import FeedbackService
from models.staff.audit import AuditAction
from models.staff.audit_log import AuditedOperation, AuditLog, StaffContext, nothing
from models.staff.ports import ReaderNotifier


class StaffFeedback:
    """Replies once to each piece of feedback."""

    def __init__(
        self, audit: AuditLog, feedback: FeedbackService, notifier: ReaderNotifier
    ) -> None:
        self._audit, self._feedback, self._notifier = audit, feedback, notifier

    async def reply(self, ctx: StaffContext, id: str, text: str) -> None:
        """Reply; the reader finds it in the app, and in WeChat if they wrote there. An empty text
        closes it without a reply. The same reply again sends no second message, and completes one
        that was interrupted.

        Raises: NotFound; AlreadyAnswered where another reply was given.
        """
        asked = await self._feedback.get(id)

        async def work() -> Feedback:
            found = await self._feedback.answer(id, text, ctx.now)
            await self._notifier.feedback_answered(found, ctx.now)
            return found

        operation = AuditedOperation(AuditAction.REPLY, f"question:{id}", asked.reader_id, text)
        await self._audit.record(ctx, operation, work, lambda _: {"answered": True})

    async def set_note(self, ctx: StaffContext, id: str, rev: int, note: str) -> None:
        """Leave a note for colleagues, or take it away with an empty one. Raises: NotFound;
        FeedbackChanged."""
        asked = await self._feedback.get(id)
        operation = AuditedOperation(
            AuditAction.FEEDBACK_NOTE, f"question:{id}", asked.reader_id, note
        )
        await self._audit.record(
            ctx, operation, lambda: self._feedback.set_note(id, rev, note), nothing
        )

    async def add_canned_answer(self, ctx: StaffContext, title: str, text: str) -> None:
        """Keep an answer for all colleagues."""
        await self._canned(ctx, title, lambda: self._feedback.add_canned_answer(title, text))

    async def change_canned_answer(self, ctx: StaffContext, new: CannedAnswer) -> None:
        """Raises: FeedbackChanged."""
        await self._canned(ctx, new.title, lambda: self._feedback.change_canned_answer(new))

    async def remove_canned_answer(self, ctx: StaffContext, id: str, rev: int) -> None:
        """Raises: FeedbackChanged."""
        await self._canned(ctx, "", lambda: self._feedback.remove_canned_answer(id, rev))

    async def _canned(
        self, ctx: StaffContext, title: str, work: Callable[[], Awaitable[None]]
    ) -> None:
        ctx.require(None)  # all venues send them
        operation = AuditedOperation(AuditAction.CANNED_ANSWER, "canned_answers")
        await self._audit.record(ctx, operation, work, lambda _: {"title": title or None})
