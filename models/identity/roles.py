"""Roles of the staff, and who has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, NewType

from models.identity.errors import OtherVenue
from models.kernel.days import is_within
from models.kernel.ids import ReaderId
from models.library.entities import VenueId

GrantId = NewType("GrantId", str)
CONFIGURED: Final = GrantId("configured")
"""Stands for what the settings give."""


class Role(StrEnum):
    """Who may look, who may decide about readers, and who may also change the rules. The value is
    stored."""

    VIEWER = "viewer"
    LIBRARIAN = "librarian"
    ADMINISTRATOR = "administrator"

    def covers(self, wanted: Role) -> bool:
        """May who has this role do what the wanted one may? Each may what those before it may."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(wanted)


@dataclass(frozen=True, slots=True)
class StaffGrant:
    """A role that an administrator has given to one person, from the day ``first`` until ``last``,
    both included; without bound where one is None. In these ``venues``; in the whole library where
    none is named. ``by`` is who has given it."""

    id: GrantId
    role: Role
    venues: frozenset[VenueId] = frozenset()
    first: date | None = None
    last: date | None = None
    by: ReaderId | None = None
    at: datetime | None = None

    def is_active_on(self, day: date) -> bool:
        return is_within(day, self.first, self.last)

    def covers(self, wanted: Role, venue_id: VenueId | None) -> bool:
        """Does it reach that far: in the venue, or in the whole library where that is None?"""
        reaches = not self.venues or (venue_id is not None and venue_id in self.venues)
        return reaches and self.role.covers(wanted)


@dataclass(frozen=True, slots=True)
class StaffRights:
    """What somebody may do, and where, by all that they were given."""

    grants: tuple[StaffGrant, ...]

    @property
    def role(self) -> Role:
        """The highest role that they have anywhere."""
        return max((grant.role for grant in self.grants), key=list(Role).index)

    def covers(self, wanted: Role, venue_id: VenueId | None) -> bool:
        """May they do what that role may, in the venue or (None) in the whole library?"""
        return any(grant.covers(wanted, venue_id) for grant in self.grants)

    def require(self, wanted: Role, venue_id: VenueId | None) -> None:
        """Raises: OtherVenue where they may not."""
        if not self.covers(wanted, venue_id):
            raise OtherVenue()

    @property
    def venues(self) -> frozenset[VenueId] | None:
        """The venues that they see; None where it is the whole library."""
        if self.covers(Role.VIEWER, None):
            return None
        return frozenset(venue for grant in self.grants for venue in grant.venues)


def rights_everywhere(role: Role) -> StaffRights:
    """That role in the whole library."""
    return StaffRights((StaffGrant(CONFIGURED, role),))


@dataclass(frozen=True, slots=True)
class StaffDirectory:
    """Who works for the library: by account number, and by a sign-on's groups: the sign-on's id
    and the group's name."""

    numbers: Mapping[str, Role]
    groups: Mapping[tuple[str, str], Role]

    @property
    def names_administrator(self) -> bool:
        """Do the settings name an administrator, who is one whatever the console says?"""
        return Role.ADMINISTRATOR in {*self.numbers.values(), *self.groups.values()}

    def role_of(self, number: str, sign_on: str, groups: Iterable[str]) -> Role | None:
        """The highest role that they have, by their number or by a group of the sign-on that they
        came by; None for a reader."""
        named = [(sign_on, group) for group in groups]
        found = [self.groups[one] for one in named if one in self.groups]
        if number in self.numbers:
            found.append(self.numbers[number])
        return max(found, key=list(Role).index, default=None)
