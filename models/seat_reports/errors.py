"""Why a report about a seat is refused."""

from __future__ import annotations

from models.kernel.errors import Conflict, RuleViolation


class NotInUse(Conflict):
    """Nobody is checked in at the seat now."""

    code = "not_in_use"


class NotThere(RuleViolation):
    """Who doubts a seat has to be checked in in the same venue, and to have been seen there."""

    code = "not_there"
