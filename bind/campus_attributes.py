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
    """At each sign-in updates a reader's group memberships and e-mail address from campus data."""

    def __init__(
        self,
        memberships: MembershipRepository,
        reference: ReferenceData,
        sessions: SessionService,
        addresses: EmailAddressService | None,
    ) -> None:
        """``addresses`` is None if the library sends no mail."""
        self._memberships, self._reference = memberships, reference
        self._sessions, self._addresses = sessions, addresses

    @property
    def attribute_names(self) -> frozenset[str]:
        """Names of the campus attributes that decide about memberships in reader groups."""
        return frozenset(self._reference.groups.campus_attributes)

    async def follow_address(self, reader: Reader, address: str) -> None:
        """Stores the e-mail address that the campus releases, unless ``address`` is empty or the
        reader has entered or removed an address."""
        if self._addresses is not None and address:
            await self._addresses.follow_campus(reader.id, address)

    async def follow(
        self, reader: Reader, attributes: Mapping[str, Sequence[str]], now: datetime
    ) -> None:
        """Replaces the reader's memberships from campus data by those that ``attributes`` give.
        Writes nothing if the memberships stay the same."""
        current = {m.group_id: m for m in reader.memberships if m.source is MembershipSource.CAMPUS}
        group_ids = self._reference.groups.from_campus(attributes)
        if group_ids == current.keys():
            return
        new = [
            current.get(id) or Membership(id, MembershipSource.CAMPUS, at=now)
            for id in sorted(group_ids)
        ]
        await self._memberships.follow_campus(reader.id, new)
        await self._sessions.reader_changed(reader.id)
