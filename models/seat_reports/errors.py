from __future__ import annotations

from models.kernel.errors import Conflict, RuleViolation


class NotInUse(Conflict):
    """No other reader is checked in at the seat now."""

    code = "not_in_use"


class NotThere(RuleViolation):
    """The reporter is not checked in at that venue, or was not seen there."""

    code = "not_there"
