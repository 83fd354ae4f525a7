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
"""The grant id of a role that comes from the settings instead of the console."""


class Role(StrEnum):
    """A role of staff. Viewers can only look, librarians decide about readers, administrators
    change rules. The value is stored."""

    VIEWER = "viewer"
    LIBRARIAN = "librarian"
    ADMINISTRATOR = "administrator"

    def covers(self, role: Role) -> bool:
        """True if this role includes ``role``: librarians are also viewers, administrators both."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(role)


@dataclass(frozen=True, slots=True)
class StaffGrant:
    """A role granted by the administrator ``by``, from the day ``first`` to ``last``, both
    included; None is an open end. Without ``venues`` it applies to the whole library."""

    id: GrantId
    role: Role
    venues: frozenset[VenueId] = frozenset()
    first: date | None = None
    last: date | None = None
    by: ReaderId | None = None
    at: datetime | None = None

    def is_active_on(self, day: date) -> bool:
        return is_within(day, self.first, self.last)

    def covers(self, role: Role, venue_id: VenueId | None) -> bool:
        """True if the grant includes ``role`` in the venue (None: in the whole library)."""
        reaches = not self.venues or (venue_id is not None and venue_id in self.venues)
        return reaches and self.role.covers(role)


@dataclass(frozen=True, slots=True)
class StaffRights:
    """The combined rights of a staff member: the active grants and the role from the settings."""

    grants: tuple[StaffGrant, ...]

    @property
    def role(self) -> Role:
        """The highest role in any venue."""
        return max((grant.role for grant in self.grants), key=list(Role).index)

    def covers(self, role: Role, venue_id: VenueId | None) -> bool:
        """True if the rights include ``role`` in the venue (None: in the whole library)."""
        return any(grant.covers(role, venue_id) for grant in self.grants)

    def require(self, role: Role, venue_id: VenueId | None) -> None:
        """Requires ``role`` in the venue, or with None for the venue in the whole library.
        Raises: OtherVenue if the rights do not include the role there."""
        if not self.covers(role, venue_id):
            raise OtherVenue()

    @property
    def venues(self) -> frozenset[VenueId] | None:
        """The venues that the staff member may see; None for all venues."""
        if self.covers(Role.VIEWER, None):
            return None
        return frozenset(venue for grant in self.grants for venue in grant.venues)


def rights_everywhere(role: Role) -> StaffRights:
    return StaffRights((StaffGrant(CONFIGURED, role),))


@dataclass(frozen=True, slots=True)
class StaffDirectory:
    """The staff that the settings name. `numbers`: roles by account number. `groups`: roles by a
    sign-on's id and the name of a user group at this sign-on."""

    numbers: Mapping[str, Role]
    groups: Mapping[tuple[str, str], Role]

    @property
    def names_administrator(self) -> bool:
        """True if the settings name an administrator, whom nobody can remove in the console."""
        return Role.ADMINISTRATOR in {*self.numbers.values(), *self.groups.values()}

    def role_of(self, number: str, sign_on: str, groups: Iterable[str]) -> Role | None:
        """The highest role that the settings give to the account number or to one of the groups
        at the sign-on; None for a reader without a role."""
        named = [(sign_on, group) for group in groups]
        roles = [self.groups[one] for one in named if one in self.groups]
        if number in self.numbers:
            roles.append(self.numbers[number])
        return max(roles, key=list(Role).index, default=None)
