from __future__ import annotations

from datetime import datetime

from models.feedback.canned_answer_repository import CannedAnswerRepository
from models.feedback.entities import CannedAnswer, Feedback, FeedbackQuery
from models.feedback.errors import AlreadyAnswered, FeedbackChanged
from models.feedback.repository import FeedbackRepository
from models.kernel.errors import NotFound
from models.kernel.ids import ReaderId


class FeedbackService:
    """The feedback (留言) of readers and of followers of the official account, and the replies. A
    form that is sent twice is stored once."""

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
        """Stores the feedback; returns its id, or None if feedback of the form ``key`` was
        stored before. ``openid``: the author's WeChat user."""
        return await self._feedback.add(reader_id, key, text, now, channel, openid)

    async def page_of(
        self, reader_id: ReaderId, skip: int, limit: int
    ) -> tuple[list[Feedback], int]:
        """A page of the reader's feedback, newest first, and its total number."""
        return await self._feedback.page_of(reader_id, skip, limit)

    async def get(self, id: str) -> Feedback:
        """The feedback with this id. Raises: NotFound."""
        feedback = await self._feedback.get(id)
        if feedback is None:
            raise NotFound()
        return feedback

    async def answer(self, id: str, text: str, now: datetime) -> Feedback:
        """Stores the reply. A repeated call with the same text changes nothing. Raises:
        NotFound; AlreadyAnswered if the stored reply is another text."""
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
        """Writes the staff's note. Raises: FeedbackChanged if it is not at revision ``rev``."""
        if not await self._feedback.set_note(id, rev, note):
            raise FeedbackChanged()

    async def canned_answers(self) -> list[CannedAnswer]:
        """The canned answers, sorted by title."""
        return await self._canned.all()

    async def add_canned_answer(self, title: str, text: str) -> None:
        await self._canned.add(title, text)

    async def change_canned_answer(self, new: CannedAnswer) -> None:
        """Replaces the canned answer by its next revision. Raises: FeedbackChanged if it was
        changed or removed meanwhile."""
        if not await self._canned.replace(new):
            raise FeedbackChanged()

    async def remove_canned_answer(self, id: str, rev: int) -> None:
        """Removes the canned answer. Raises: FeedbackChanged if it is not at revision ``rev``."""
        if not await self._canned.remove(id, rev):
            raise FeedbackChanged()
