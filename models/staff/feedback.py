"""Readers' feedback, answered by the staff."""

from __future__ import annotations

from models.feedback.entities import Feedback
from models.feedback.service import FeedbackService
from models.staff.audit import AuditAction
from models.staff.ports import ReaderNotifier
from models.staff.recorder import AuditedOperation, AuditLog, StaffContext


class StaffFeedback:
    """Replies once to each piece of feedback."""

    def __init__(
        self, audit: AuditLog, feedback: FeedbackService, notifier: ReaderNotifier
    ) -> None:
        self._audit, self._feedback, self._notifier = audit, feedback, notifier

    async def reply(self, ctx: StaffContext, id: str, text: str) -> None:
        """Reply; the reader finds it in the app. The same reply again sends no second message, and
        completes one that was interrupted.

        Raises: NotFound; AlreadyAnswered where another reply was given.
        """
        asked = await self._feedback.get(id)

        async def work() -> Feedback:
            found = await self._feedback.answer(id, text, ctx.now)
            await self._notifier.feedback_answered(found)
            return found

        operation = AuditedOperation(AuditAction.REPLY, f"question:{id}", asked.reader_id, text)
        await self._audit.record(ctx, operation, work, lambda _: {"answered": True})
