"""Roles of the staff, and who has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


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
class StaffDirectory:
    """Who works for the library: by account number, and by the campus's groups."""

    numbers: Mapping[str, Role]
    groups: Mapping[str, Role]

    def role_of(self, number: str, groups: Iterable[str]) -> Role | None:
        """The highest role that they have, by their number or by a group; None for a reader."""
        found = [self.groups[group] for group in groups if group in self.groups]
        if number in self.numbers:
            found.append(self.numbers[number])
        return max(found, key=list(Role).index, default=None)
