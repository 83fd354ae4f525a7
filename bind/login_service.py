"""Signing in on the web: the reader that the campus knows, and a session for the browser."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bind.campus_attributes import CampusAttributes
from bind.providers.base import EntryRefused
from bind.session_service import IssuedToken, SessionService
from models.identity.entities import Session, SignOnSession
from models.identity.roles import StaffDirectory
from models.readers.entities import Reader, mask_name, mask_student_no, normalise_student_no
from models.readers.errors import NumberOfVisitor
from models.readers.repository import ReaderRepository


@dataclass(frozen=True, slots=True)
class SignIn:
    """Whom the campus names: account number, name, category, groups and e-mail address; by which
    ticket and sign-on. ``realm``: what the numbers of that sign-on are told apart by."""

    number: str
    name: str
    category: str
    ticket: str
    groups: Collection[str] = ()
    device: str = ""
    attributes: Mapping[str, Sequence[str]] | None = None
    """What the campus releases about them; None where this way in tells nothing."""
    email: str = ""
    provider: str = ""
    realm: str = ""
    sign_on: SignOnSession | None = None
    second_factor: bool = False
    """The campus has asked for more than a password."""

    @property
    def reader_number(self) -> str:
        """The number under which the service knows them."""
        return normalise_student_no(f"{self.realm}:{self.number}" if self.realm else self.number)

    @property
    def masked(self) -> tuple[str, str]:
        """Name and number, for a page that anybody may look at."""
        return mask_name(self.name), mask_student_no(self.reader_number)


class LoginService:
    """Turns what an identity provider says into a session."""

    def __init__(
        self,
        readers: ReaderRepository,
        sessions: SessionService,
        staff: StaffDirectory,
        campus: CampusAttributes,
        realms: Collection[str] = (),
    ) -> None:
        """``realms`` are those of the sign-ons whose numbers are not the campus's."""
        self._readers, self._sessions, self._staff = readers, sessions, staff
        self._campus = campus
        self._reserved = tuple(normalise_student_no(f"{realm}:") for realm in realms)

    async def sign_in(self, who: SignIn, now: datetime) -> IssuedToken:
        """A web session for the reader, who is entered or brought up to date; with the role that
        they have at this moment.

        Raises: EntryRefused where the number is a visitor's; Unauthenticated where the ticket's
        session has been ended elsewhere.
        """
        reader = await self._admit(who, now)
        role = self._staff.role_of(who.reader_number, who.provider, who.groups)
        return await self._sessions.open_web(
            reader.id,
            who.ticket,
            now,
            role=role,
            device=who.device,
            granted=reader.granted,
            sign_on=who.sign_on,
            second_factor=who.second_factor,
        )

    async def renew(self, who: SignIn, session: Session, now: datetime) -> datetime | None:
        """Until when the session lasts, with the role of this moment, where it is this reader's.
        None where it is not. Raises: EntryRefused where the number is a visitor's."""
        reader = await self._admit(who, now)
        if reader.id != session.reader_id:
            return None
        role = self._staff.role_of(who.reader_number, who.provider, who.groups)
        return await self._sessions.renew_role(
            session,
            who.ticket,
            role,
            now,
            granted=reader.granted,
            sign_on=who.sign_on,
            second_factor=who.second_factor,
        )

    async def _admit(self, who: SignIn, now: datetime) -> Reader:
        """The reader, entered or brought up to date. Raises: EntryRefused."""
        number = who.reader_number
        if not who.realm and number.startswith(self._reserved):
            raise EntryRefused()  # it looks like somebody's of another sign-on
        if any(not letter.isascii() and letter.upper().isascii() for letter in who.number):
            raise EntryRefused()  # in capitals it would be somebody else's
        try:
            reader = await self._readers.upsert_from_login(number, who.name, who.category, now)
        except NumberOfVisitor:
            raise EntryRefused() from None
        await self._campus.follow_address(reader, who.email)
        if who.attributes is not None:
            await self._campus.follow(reader, who.attributes, now)
        return reader
