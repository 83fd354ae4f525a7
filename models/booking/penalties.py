"""From a missed booking to a violation, and from violations to a suspension.

Called by the relay of the outbox, once or more for each notice: every step is kept by a unique key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models import rules
from models.booking.desk import Desk
from models.reservation import Notice, ReaderId, Reservation
from models.timerange import local_date
from models.violation import Suspension, Violation, Window, decide_suspension, window_start


@dataclass(frozen=True, slots=True)
class Penalty:
    """What a notice brought: the violation, if it is one, the reader's count, a suspension."""

    violation: Violation | None
    window: Window
    suspension: Suspension | None


async def judge(desk: Desk, r: Reservation, notice: Notice) -> Penalty:
    """Record what the ended reservation means for its reader."""
    policy = await desk.policy_of(r)
    limit, days = policy.violations_limit, policy.violations_window_days
    if not rules.is_violation(notice.event, bool(notice.facts["excused"]), policy):
        # A missed booking that does not count still says where the reader stands.
        count = 0
        if notice.event == "no_show":
            since = window_start(policy, notice.at)
            count = len(await desk.violations.unspent(r.reader_id, since, notice.at))
        return Penalty(None, Window(count, limit, days), None)
    violation = await desk.violations.record(
        Violation(
            id=f"{r.id}:{notice.event}",
            reader_id=r.reader_id,
            reservation_id=r.id,
            kind="no_show" if notice.event == "no_show" else "away_timeout",
            at=notice.at,
            day=local_date(notice.at),
            counted=True,
        )
    )
    # Before the count: a suspension that this very violation brought has used it up.
    known = await desk.violations.suspension(violation.id)
    unspent = await desk.violations.unspent(r.reader_id, window_start(policy, notice.at), notice.at)
    suspension = known or decide_suspension(violation, unspent, policy)
    if suspension is None:
        return Penalty(violation, Window(len(unspent), limit, days), None)
    if known is None and not await desk.violations.suspend(suspension):
        return Penalty(violation, Window(len(unspent), limit, days), None)
    await desk.readers.suspend(r.reader_id, suspension.until)
    return Penalty(violation, Window(limit, limit, days), suspension)


async def standing(desk: Desk, reader_id: ReaderId, now: datetime) -> Window:
    """Where the reader stands now: violations that count and no suspension has used up."""
    policy = desk.policy
    unspent = await desk.violations.unspent(reader_id, window_start(policy, now), now)
    return Window(len(unspent), policy.violations_limit, policy.violations_window_days)
