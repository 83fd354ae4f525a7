"""Feedback (留言): what readers and followers write to the library."""

from __future__ import annotations

from datetime import datetime

from models.feedback.canned_answer_repository import CannedAnswerRepository
from models.feedback.entities import CannedAnswer, Feedback, FeedbackQuery
from models.feedback.errors import AlreadyAnswered, FeedbackChanged
from models.feedback.repository import FeedbackRepository
from models.kernel.errors import NotFound
from models.kernel.ids import ReaderId


class FeedbackService:
    """Keeps what was written, each once."""

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
        """Keep the text: its id. The same form (``key``) sent again is kept once, and has none.
        ``openid``: who wrote it in WeChat."""
        return await self._feedback.add(reader_id, key, text, now, channel, openid)

    async def page_of(
        self, reader_id: ReaderId, skip: int, limit: int
    ) -> tuple[list[Feedback], int]:
        """A page of the reader's feedback, the latest first, and how much there is."""
        return await self._feedback.page_of(reader_id, skip, limit)

    async def get(self, id: str) -> Feedback:
        """Raises: NotFound."""
        found = await self._feedback.get(id)
        if found is None:
            raise NotFound()
        return found

    async def answer(self, id: str, text: str, now: datetime) -> Feedback:
        """The feedback with its reply; the same reply again changes nothing.

        Raises: NotFound; AlreadyAnswered where another reply was given.
        """
        found = await self._feedback.answer(id, text, now)
        if found is None:
            raise NotFound()
        if found.answer != text or found.answered_at is None:
            raise AlreadyAnswered()
        return found

    async def waiting(self, limit: int) -> list[Feedback]:
        """Feedback without a reply, the oldest first."""
        return await self._feedback.waiting(limit)

    async def archive(
        self, wanted: FeedbackQuery, skip: int, limit: int
    ) -> tuple[list[Feedback], int]:
        """A page of all readers' feedback, the latest first, and how much there is."""
        return await self._feedback.archive(wanted, skip, limit)

    async def set_note(self, id: str, rev: int, note: str) -> None:
        """Write the note for colleagues. Raises: FeedbackChanged where it is not of ``rev`` any
        more."""
        if not await self._feedback.set_note(id, rev, note):
            raise FeedbackChanged()

    async def canned_answers(self) -> list[CannedAnswer]:
        """The answers that the library gives often, by their titles."""
        return await self._canned.all()

    async def add_canned_answer(self, title: str, text: str) -> None:
        """Keep another one."""
        await self._canned.add(title, text)

    async def change_canned_answer(self, new: CannedAnswer) -> None:
        """Raises: FeedbackChanged where somebody was faster."""
        if not await self._canned.replace(new):
            raise FeedbackChanged()

    async def remove_canned_answer(self, id: str, rev: int) -> None:
        """Raises: FeedbackChanged where somebody has changed or removed it."""
        if not await self._canned.remove(id, rev):
            raise FeedbackChanged()
