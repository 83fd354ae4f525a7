from __future__ import annotations

from models.kernel.errors import Conflict


class GroupChanged(Conflict):
    code = "group_changed"


class GroupNameTaken(Conflict):
    """The name is taken by another group, or another group is the default group already."""

    code = "group_name_taken"


class MembershipChanged(Conflict):
    code = "membership_changed"


class TooManyGroups(Conflict):
    """The reader has too many memberships, or the library too many groups. Details: ``limit``."""

    code = "too_many_groups"
