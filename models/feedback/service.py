from __future__ import annotations

from datetime import datetime

from models.feedback.canned_answer_repository import CannedAnswerRepository
from models.feedback.entities import CannedAnswer, Feedback, FeedbackQuery
from models.feedback.errors import AlreadyAnswered, FeedbackChanged
from models.feedback.repository import FeedbackRepository
from models.kernel.errors import NotFound
from models.kernel.ids import ReaderId


class FeedbackService:
    """Feedback (留言) of readers and followers. Each form is stored once."""

    def __init__(self, feedback: FeedbackRepository, canned: CannedAnswerRepository) -> None:
        self._feedback, self._canned = feedback, canned

    async def add(
        self,
        reader_id: ReaderId | None,
        key: str,
        text: str,
        now: datetime,
        channel: str = "web",
        openid: str = "",
    ) -> str | None:
        """Returns the id; None if the form ``key`` was stored before. ``openid``: of the author."""
        return await self._feedback.add(reader_id, key, text, now, channel, openid)

    async def page_of(
        self, reader_id: ReaderId, skip: int, limit: int
    ) -> tuple[list[Feedback], int]:
        """A page of the reader's feedback, newest first, and its total number."""
        return await self._feedback.page_of(reader_id, skip, limit)

    async def get(self, id: str) -> Feedback:
        """Raises: NotFound."""
        feedback = await self._feedback.get(id)
        if feedback is None:
            raise NotFound()
        return feedback

    async def answer(self, id: str, text: str, now: datetime) -> Feedback:
        """Stores the reply; repeating it changes nothing. Raises: NotFound; AlreadyAnswered."""
        feedback = await self._feedback.answer(id, text, now)
        if feedback is None:
            raise NotFound()
        if feedback.answer != text or feedback.answered_at is None:
            raise AlreadyAnswered()
        return feedback

    async def waiting(self, limit: int) -> list[Feedback]:
        """Feedback without a reply, oldest first."""
        return await self._feedback.waiting(limit)

    async def archive(
        self, criteria: FeedbackQuery, skip: int, limit: int
    ) -> tuple[list[Feedback], int]:
        """A page of all readers' feedback, newest first, and its total number."""
        return await self._feedback.archive(criteria, skip, limit)

    async def set_note(self, id: str, rev: int, note: str) -> None:
        """Writes the note. Raises: FeedbackChanged if it is no longer at revision ``rev``."""
        if not await self._feedback.set_note(id, rev, note):
            raise FeedbackChanged()

    async def canned_answers(self) -> list[CannedAnswer]:
        """The canned answers, sorted by title."""
        return await self._canned.all()

    async def add_canned_answer(self, title: str, text: str) -> None:
        await self._canned.add(title, text)

    async def change_canned_answer(self, new: CannedAnswer) -> None:
        """Raises: FeedbackChanged if the answer was changed or removed meanwhile."""
        if not await self._canned.replace(new):
            raise FeedbackChanged()

    async def remove_canned_answer(self, id: str, rev: int) -> None:
        """Raises: FeedbackChanged if the answer was changed or removed meanwhile."""
        if not await self._canned.remove(id, rev):
            raise FeedbackChanged()
