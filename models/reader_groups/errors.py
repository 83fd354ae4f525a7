"""Why a change of a group or of a membership is refused."""

from __future__ import annotations

from models.kernel.errors import Conflict


class GroupChanged(Conflict):
    """Somebody else has changed the group meanwhile."""

    code = "group_changed"


class GroupNameTaken(Conflict):
    """Another group has that name, or is the default one already."""

    code = "group_name_taken"


class MembershipChanged(Conflict):
    """Somebody else has changed the reader's membership meanwhile."""

    code = "membership_changed"


class TooManyGroups(Conflict):
    """The reader is in as many groups as one can be in, or the library has as many as there can be.
    Details: ``limit``."""

    code = "too_many_groups"
