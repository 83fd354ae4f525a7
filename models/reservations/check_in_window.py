"""How early and how late a reader may check in."""

from __future__ import annotations

from datetime import datetime, timedelta

from models.policy.entities import Policy


def check_in_window(
    start: datetime, end: datetime, created_at: datetime, policy: Policy
) -> tuple[datetime, datetime, bool]:
    """From when and until when the reader of a booking, made at ``created_at``, may check in; and
    whether it ends before they had the full time: it lapses without a violation then."""
    opens = start - timedelta(minutes=policy.check_in_before_minutes)
    full = max(start, created_at) + timedelta(minutes=policy.check_in_after_minutes)
    return opens, min(full, end), end < full
