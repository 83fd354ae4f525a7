"""Roles of the staff, and who has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

VIEWER: Final = "viewer"
LIBRARIAN: Final = "librarian"
ADMINISTRATOR: Final = "administrator"
ROLES: Final = (VIEWER, LIBRARIAN, ADMINISTRATOR)
"""Kinds of readers who work for the library: who may look, who may decide about readers, and who
may also change the rules. Each may what those before it may."""


def has_role(kind: str, role: str) -> bool:
    """Is a reader of this kind at least that?"""
    return kind in ROLES and ROLES.index(kind) >= ROLES.index(role)


@dataclass(frozen=True, slots=True)
class StaffDirectory:
    """Who works for the library: by account number, and by the campus's groups."""

    numbers: Mapping[str, str]
    groups: Mapping[str, str]

    def kind_of(self, number: str, groups: Iterable[str], kind: str) -> str:
        """The highest role that they have, or the ``kind`` that they are otherwise; a kind of the
        campus's that is called like a role is none."""
        found = [self.groups[group] for group in groups if group in self.groups]
        if number in self.numbers:
            found.append(self.numbers[number])
        return max(found, key=ROLES.index, default="staff" if kind in ROLES else kind)
