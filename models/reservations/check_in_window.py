from __future__ import annotations

from datetime import datetime, timedelta

from models.policy.entities import Policy


def check_in_window(
    start: datetime, end: datetime, created_at: datetime, policy: Policy
) -> tuple[datetime, datetime, bool]:
    """The instants at which check-in opens and closes. The third value is True if the booking
    ends before the full time for check-in is over: then a missed check-in is no violation."""
    opens = start - timedelta(minutes=policy.check_in_before_minutes)
    full = max(start, created_at) + timedelta(minutes=policy.check_in_after_minutes)
    return opens, min(full, end), end < full
