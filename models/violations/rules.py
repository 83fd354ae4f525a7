from __future__ import annotations

from datetime import datetime, timedelta

from models.policy.entities import Policy
from models.readers.entities import SuspensionReason
from models.reservations.entities import OutboxEventKind
from models.violations.entities import Suspension, Violation


def is_violation(event: str, excused: bool, policy: Policy) -> bool:
    if excused:
        return False
    return event == OutboxEventKind.NO_SHOW or (
        event == OutboxEventKind.LEAVE_EXPIRED and policy.away_timeout_is_violation
    )


def window_start(policy: Policy, now: datetime) -> datetime:
    return now - timedelta(days=policy.violations_window_days)


def decide_suspension(
    trigger: Violation, unspent: list[Violation], policy: Policy
) -> Suspension | None:
    """The suspension that follows from the violation ``trigger``; None if the limit is not
    reached. ``unspent``: the reader's violations in the period up to and including ``trigger``
    that count, are not waived and have not led to a suspension yet."""
    if not trigger.counts or len(unspent) < policy.violations_limit:
        return None
    used = tuple(v.id for v in sorted(unspent, key=lambda v: v.at)[: policy.violations_limit])
    until = trigger.at + timedelta(days=policy.suspension_days)
    reason = SuspensionReason(len(used), policy.violations_window_days)
    return Suspension(trigger.id, trigger.reader_id, trigger.at, until, used, reason)
