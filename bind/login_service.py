from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bind.campus_attributes import CampusAttributes
from bind.providers.base import EntryRefused
from bind.reader_languages import ReaderLanguages
from bind.session_service import IssuedToken, SessionService
from models.identity.entities import Session, SignOnSession
from models.identity.roles import StaffDirectory
from models.readers.entities import Reader, mask_name, mask_student_no, normalise_student_no
from models.readers.errors import NumberOfVisitor
from models.readers.repository import ReaderRepository


@dataclass(frozen=True, slots=True)
class SignIn:
    """A completed sign-in. ``realm``: the namespace of its account number; empty for the campus."""

    number: str
    name: str
    category: str
    ticket: str
    groups: Collection[str] = ()
    device: str = ""
    attributes: Mapping[str, Sequence[str]] | None = None
    """Attributes that the sign-on releases about the person; None if it releases none."""
    email: str = ""
    provider: str = ""
    realm: str = ""
    sign_on: SignOnSession | None = None
    second_factor: bool = False
    """Whether the sign-on has checked more than a password."""
    language: str | None = None
    """The tag of the browser's language; None if the browser names none."""

    @property
    def reader_number(self) -> str:
        """The student number under which this service stores the reader."""
        return normalise_student_no(f"{self.realm}:{self.number}" if self.realm else self.number)

    @property
    def masked(self) -> tuple[str, str]:
        """Masked name and number, for a page that is visible without a session."""
        return mask_name(self.name), mask_student_no(self.reader_number)


class LoginService:
    def __init__(
        self,
        readers: ReaderRepository,
        sessions: SessionService,
        staff: StaffDirectory,
        campus: CampusAttributes,
        languages: ReaderLanguages,
        realms: Collection[str] = (),
    ) -> None:
        """``realms``: the namespaces of all sign-ons with separate account numbers."""
        self._readers, self._sessions, self._staff = readers, sessions, staff
        self._campus, self._languages = campus, languages
        self._reserved = tuple(normalise_student_no(f"{realm}:") for realm in realms)

    async def sign_in(self, identity: SignIn, now: datetime) -> IssuedToken:
        """Creates or updates the reader and opens a web session with their current staff role.
        Raises: EntryRefused if the number is a visitor's or could be taken for another reader's;
        Unauthenticated if single logout has ended the ticket."""
        reader = await self._admit(identity, now)
        role = self._staff.role_of(identity.reader_number, identity.provider, identity.groups)
        return await self._sessions.open_web(
            reader.id,
            identity.ticket,
            now,
            role=role,
            device=identity.device,
            granted=reader.granted,
            sign_on=identity.sign_on,
            second_factor=identity.second_factor,
        )

    async def renew(self, identity: SignIn, session: Session, now: datetime) -> datetime | None:
        """Renews the staff role of a session after a new sign-in. Returns the session's new end;
        None if another reader signed in or the session is over. Raises: EntryRefused if the
        number is a visitor's or could be taken for another reader's."""
        reader = await self._admit(identity, now)
        if reader.id != session.reader_id:
            return None
        role = self._staff.role_of(identity.reader_number, identity.provider, identity.groups)
        return await self._sessions.renew_role(
            session,
            identity.ticket,
            role,
            now,
            granted=reader.granted,
            sign_on=identity.sign_on,
            second_factor=identity.second_factor,
        )

    async def _admit(self, identity: SignIn, now: datetime) -> Reader:
        """Creates or updates the reader who signs in, with group memberships and e-mail address.
        Raises: EntryRefused if the number is a visitor's or could be taken for another reader's."""
        number = identity.reader_number
        if not identity.realm and number.startswith(self._reserved):
            raise EntryRefused()  # it imitates a number of another sign-on's realm
        if any(not letter.isascii() and letter.upper().isascii() for letter in identity.number):
            raise EntryRefused()  # upper-casing would turn it into another reader's number
        try:
            reader = await self._readers.upsert_from_login(
                number, identity.name, identity.category, now
            )
        except NumberOfVisitor:
            raise EntryRefused() from None
        await self._languages.learn(reader, identity.language)
        await self._campus.follow_address(reader, identity.email)
        if identity.attributes is not None:
            await self._campus.follow(reader, identity.attributes, now)
        return reader
