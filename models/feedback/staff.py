from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.feedback.entities import CannedAnswer
from models.feedback.service import FeedbackService
from models.staff.audit import AuditAction
from models.staff.audit_log import AuditLog, StaffContext
from models.staff.ports import ReaderNotifier


class StaffFeedback:
    def __init__(
        self, audit: AuditLog, feedback: FeedbackService, notifier: ReaderNotifier
    ) -> None:
        self._audit, self._feedback, self._notifier = audit, feedback, notifier

    async def reply(self, ctx: StaffContext, id: str, text: str) -> None:
        """Stores the reply and sends it to the reader: in the app, and in WeChat if the reader
        wrote there. An empty text closes the feedback without a reply. A repeat sends no second
        message, and completes an interrupted call. Raises: NotFound; AlreadyAnswered."""
        feedback = await self._feedback.get(id)
        async with self._audit.entry(
            ctx, AuditAction.REPLY, target=f"question:{id}", reader=feedback.reader_id, reason=text
        ) as entry:
            answered = await self._feedback.answer(id, text, ctx.now)
            await self._notifier.feedback_answered(answered, ctx.now)
            entry.after = {"answered": True}

    async def set_note(self, ctx: StaffContext, id: str, rev: int, note: str) -> None:
        """Writes the staff's note; an empty text removes it. Raises: NotFound; FeedbackChanged."""
        feedback = await self._feedback.get(id)
        async with self._audit.entry(
            ctx,
            AuditAction.FEEDBACK_NOTE,
            target=f"question:{id}",
            reader=feedback.reader_id,
            reason=note,
        ):
            await self._feedback.set_note(id, rev, note)

    async def add_canned_answer(self, ctx: StaffContext, title: str, text: str) -> None:
        async with self._entry_of_canned_answer(ctx, title):
            await self._feedback.add_canned_answer(title, text)

    async def change_canned_answer(self, ctx: StaffContext, new: CannedAnswer) -> None:
        """Replaces the canned answer by its next revision. Raises: FeedbackChanged."""
        async with self._entry_of_canned_answer(ctx, new.title):
            await self._feedback.change_canned_answer(new)

    async def remove_canned_answer(self, ctx: StaffContext, id: str, rev: int) -> None:
        """Removes the canned answer. Raises: FeedbackChanged if it is not at revision ``rev``."""
        async with self._entry_of_canned_answer(ctx, None):
            await self._feedback.remove_canned_answer(id, rev)

    @asynccontextmanager
    async def _entry_of_canned_answer(
        self, ctx: StaffContext, title: str | None
    ) -> AsyncIterator[None]:
        ctx.require(None)  # canned answers are shared by all venues
        async with self._audit.entry(
            ctx, AuditAction.CANNED_ANSWER, target="canned_answers"
        ) as entry:
            yield
            entry.after = {"title": title}
