"""The language of a reader's messages and mails: chosen by the reader, or learnt at a sign-in."""

from __future__ import annotations

from bind.session_service import SessionService
from models.kernel.ids import ReaderId
from models.readers.entities import Reader
from models.readers.repository import ReaderRepository


class ReaderLanguages:
    def __init__(self, readers: ReaderRepository, sessions: SessionService) -> None:
        self._readers, self._sessions = readers, sessions

    async def choose(self, reader_id: ReaderId, language: str) -> None:
        """Stores the reader's choice. ``language``: the language's tag."""
        await self._readers.choose_language(reader_id, language)
        await self._sessions.reader_changed(reader_id)

    async def learn(self, reader: Reader, language: str | None) -> None:
        """Stores the language of the device on which the reader signs in, unless the reader has
        chosen one. ``language``: its tag; None if the device names none."""
        if language is not None and not reader.language_chosen and language != reader.language:
            await self._readers.learn_language(reader.id, language)
            await self._sessions.reader_changed(reader.id)
