"""What the campus releases about a reader at a sign-in, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bind.session_service import SessionService
from models.email_addresses.service import EmailAddressService
from models.reader_groups.entities import Membership, MembershipSource
from models.reader_groups.membership_repository import MembershipRepository
from models.readers.entities import Reader
from models.reference_data import ReferenceData


@dataclass(frozen=True, slots=True)
class CampusMail:
    """The campus's attribute that holds a reader's e-mail address, and what keeps the address."""

    attribute: str
    addresses: EmailAddressService


class CampusAttributes:
    """Brings a reader's groups and address up to date."""

    def __init__(
        self,
        memberships: MembershipRepository,
        reference: ReferenceData,
        sessions: SessionService,
        mail: CampusMail | None,
    ) -> None:
        self._memberships, self._reference = memberships, reference
        self._sessions, self._mail = sessions, mail

    @property
    def looked_at(self) -> frozenset[str]:
        """The names of the attributes from which anything follows."""
        mail = {self._mail.attribute} if self._mail is not None else set[str]()
        return frozenset(self._reference.groups.campus_attributes) | mail

    async def follow(
        self, reader: Reader, attributes: Mapping[str, Sequence[str]], now: datetime
    ) -> None:
        """Let the reader's memberships by the campus, and the address that it names, be those of
        the attributes. Hardly ever has anything changed since the last sign-in."""
        if self._mail is not None:
            for address in attributes.get(self._mail.attribute, ())[:1]:
                await self._mail.addresses.follow_campus(reader.id, address)
        stand = {m.group_id: m for m in reader.memberships if m.source is MembershipSource.CAMPUS}
        wanted = self._reference.groups.from_campus(attributes)
        if wanted == stand.keys():
            return
        new = [
            stand.get(id) or Membership(id, MembershipSource.CAMPUS, at=now)
            for id in sorted(wanted)
        ]
        await self._memberships.follow_campus(reader.id, new)
        await self._sessions.reader_changed(reader.id)
