"""Which end of a booking is a violation."""

from __future__ import annotations

from models.policy.entities import Policy
from models.reservations.entities import OutboxEventKind


# --- violations ---------------------------------------------------------------------------------
def is_violation(event: str, excused: bool, policy: Policy) -> bool:
    """Does the ended reservation count against its reader?"""
    if excused:
        return False
    return event == OutboxEventKind.NO_SHOW or (
        event == OutboxEventKind.LEAVE_EXPIRED and policy.away_timeout_is_violation
    )
