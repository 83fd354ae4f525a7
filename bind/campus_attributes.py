"""What the campus releases about a reader at a sign-in, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from bind.session_service import SessionService
from models.email_addresses.service import EmailAddressService
from models.reader_groups.entities import Membership, MembershipSource
from models.reader_groups.membership_repository import MembershipRepository
from models.readers.entities import Reader
from models.reference_data import ReferenceData


class CampusAttributes:
    """Brings a reader's groups and address up to date."""

    def __init__(
        self,
        memberships: MembershipRepository,
        reference: ReferenceData,
        sessions: SessionService,
        addresses: EmailAddressService | None,
    ) -> None:
        """``addresses`` are there where the library sends mail."""
        self._memberships, self._reference = memberships, reference
        self._sessions, self._addresses = sessions, addresses

    @property
    def looked_at(self) -> frozenset[str]:
        """The names of the attributes from which anything follows."""
        return frozenset(self._reference.groups.campus_attributes)

    async def follow_address(self, reader: Reader, address: str) -> None:
        """Let the address that the campus names be the reader's, unless they have said otherwise.
        Nothing where it names none or the library sends no mail."""
        if self._addresses is not None and address:
            await self._addresses.follow_campus(reader.id, address)

    async def follow(
        self, reader: Reader, attributes: Mapping[str, Sequence[str]], now: datetime
    ) -> None:
        """Let the reader's memberships by the campus be those of the attributes. Hardly ever has
        anything changed since the last sign-in."""
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
