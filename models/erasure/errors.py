from __future__ import annotations

from enum import StrEnum

from models.kernel.errors import RuleViolation


class ErasureObstacle(StrEnum):
    """The reason why a reader cannot be erased now. The value is part of the API."""

    SUSPENDED = "suspended"
    VIOLATIONS = "violations"
    """The reader has violations that still count; an erasure would avoid a suspension."""
    BOOKINGS = "bookings"
    """The reader has bookings today or later; an erasure would reset the daily limit."""
    STAFF = "staff"


class ErasureNotNow(RuleViolation):
    """The reader cannot be erased now. The service desk answers questions about the ``reason``."""

    code = "erasure_not_now"

    def __init__(self, reason: ErasureObstacle) -> None:
        super().__init__(reason=reason.value)
