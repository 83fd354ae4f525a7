from __future__ import annotations

from models.kernel.errors import Conflict, RuleViolation


class NotInUse(Conflict):
    """No other reader is checked in at the reported seat now."""

    code = "not_in_use"


class NotThere(RuleViolation):
    """The reporter is not checked in in the seat's venue, or has no proof of presence there."""

    code = "not_there"
