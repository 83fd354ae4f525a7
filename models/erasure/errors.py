"""Why readers cannot have themselves forgotten just now."""

from __future__ import annotations

from enum import StrEnum

from models.kernel.errors import RuleViolation


class ErasureObstacle(StrEnum):
    """What would be forgotten too, and must not be: the value is told."""

    SUSPENDED = "suspended"
    VIOLATIONS = "violations"
    """Violations count: without them, nothing would bring the suspension."""
    BOOKINGS = "bookings"
    """Bookings of today or later: without them, the day's number would begin anew."""
    STAFF = "staff"
    """They work for the library."""


class ErasureNotNow(RuleViolation):
    """``reason`` says what stands in the way; the desk can help with each."""

    code = "erasure_not_now"

    def __init__(self, reason: ErasureObstacle) -> None:
        super().__init__(reason=reason.value)
