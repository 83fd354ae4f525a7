from __future__ import annotations

from models.kernel.errors import Conflict, RuleViolation


class NotInUse(Conflict):
    """No other reader is checked in at the seat now."""

    code = "not_in_use"


class NotThere(RuleViolation):
    """The reporting reader is not checked in at that venue, or has no proof of presence there."""

    code = "not_there"
