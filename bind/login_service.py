"""Signing in on the web: the reader that the campus knows, and a session for the browser."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from bind.session_service import IssuedToken, SessionService
from models.identity.roles import StaffDirectory
from models.readers.entities import normalise_student_no
from models.readers.repository import ReaderRepository


class LoginService:
    """Turns what an identity provider says into a session."""

    def __init__(
        self, readers: ReaderRepository, sessions: SessionService, staff: StaffDirectory
    ) -> None:
        self._readers, self._sessions, self._staff = readers, sessions, staff

    async def sign_in(
        self,
        number: str,
        name: str,
        category: str,
        ticket: str,
        now: datetime,
        groups: Iterable[str] = (),
    ) -> IssuedToken:
        """A web session for the reader, who is entered or brought up to date. Raises:
        Unauthenticated where the ticket's session has been ended elsewhere."""
        number = normalise_student_no(number)
        category = self._staff.kind_of(number, groups, category)
        reader = await self._readers.upsert_from_login(number, name, category, now)
        return await self._sessions.open_web(reader.id, ticket, now)
