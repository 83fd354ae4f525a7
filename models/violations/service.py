"""From a missed booking to a violation, and from violations to a suspension.

Called by the relay of the outbox, once or more for each notice: every step is kept by a unique key.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from models.booking.desk import Desk
from models.gates.entities import GateEvent
from models.kernel.errors import NotFound
from models.kernel.ids import ReaderId
from models.kernel.time_range import local_date
from models.reservations.entities import OutboxEvent, Reservation
from models.reservations.errors import InvalidState
from models.violations import rules
from models.violations.entities import (
    Appeal,
    Suspension,
    Violation,
    ViolationCount,
    Waiver,
    decide_suspension,
    window_start,
)
from models.violations.errors import NothingToAppeal

BY_GATE: Final = "gate"
_TRIES: Final = 8
_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class ViolationResult:
    """What a notice brought: the violation, if it is one, the reader's count, a suspension."""

    violation: Violation | None
    window: ViolationCount
    suspension: Suspension | None


async def record_violation(desk: Desk, r: Reservation, notice: OutboxEvent) -> ViolationResult:
    """Record what the ended reservation means for its reader."""
    policy = await desk.policy_at_booking(r)
    limit, days = policy.violations_limit, policy.violations_window_days
    if not rules.is_violation(notice.event, bool(notice.facts["penalty_waived"]), policy):
        # A missed booking that does not count still says where the reader stands.
        count = 0
        if notice.event == "no_show":
            since = window_start(policy, notice.at)
            count = len(await desk.violations.counting_violations(r.reader_id, since, notice.at))
        return ViolationResult(None, ViolationCount(count, limit, days), None)
    violation = await desk.violations.record(
        Violation(
            id=f"{r.id}:{notice.event}",
            reader_id=r.reader_id,
            reservation_id=r.id,
            kind="no_show" if notice.event == "no_show" else "away_timeout",
            at=notice.at,
            day=local_date(notice.at),
            counts=True,
        )
    )
    # Before the count: a suspension that this very violation brought has used it up.
    known = await desk.violations.suspension(violation.id)
    unspent = await desk.violations.counting_violations(
        r.reader_id, window_start(policy, notice.at), notice.at
    )
    suspension = known or decide_suspension(violation, unspent, policy)
    if suspension is None:
        return ViolationResult(violation, ViolationCount(len(unspent), limit, days), None)
    if known is None and not await desk.violations.suspend(suspension):
        return ViolationResult(violation, ViolationCount(len(unspent), limit, days), None)
    await desk.reader_changed(r.reader_id)
    return ViolationResult(violation, ViolationCount(limit, limit, days), suspension)


async def appeal(
    desk: Desk, reader_id: ReaderId, violation_id: str, text: str, now: datetime
) -> Violation:
    """The reader says why it was none. Once. Raises: NotFound, NothingToAppeal."""
    kept = await desk.violations.appeal(violation_id, reader_id, Appeal(text, now))
    if kept is not None:
        return kept
    found = await desk.violations.get(violation_id)
    if found is None or found.reader_id != reader_id:
        raise NotFound()
    raise NothingToAppeal()


async def decide_appeal(
    desk: Desk, violation_id: str, granted: bool, answer: str, by: str, now: datetime
) -> Violation:
    """The library's answer; granted, it waives the violation. The same again changes nothing.

    Raises: NotFound; InvalidState where no appeal waits, or another answer was given.
    """
    found = await desk.violations.settle_appeal(violation_id, granted, answer, now)
    found = found or await desk.violations.get(violation_id)
    if found is None:
        raise NotFound()
    kept = found.appeal
    if kept is None or (kept.granted, kept.answer) != (granted, answer):
        raise InvalidState(state="settled")
    return await waive(desk, found.id, Waiver(by, answer, now)) if granted else found


async def waive_all(
    desk: Desk,
    start: datetime,
    end: datetime,
    waiver: Waiver,
    tell: Callable[[Violation], Awaitable[None]],
) -> int:
    """Let go of every violation in [start, end): a gate was broken, the heating was out. Each
    reader is told."""
    waived = 0
    while found := await desk.violations.not_waived_between(start, end, _BATCH):
        for violation in found:
            await tell(await waive(desk, violation.id, waiver))
        waived += len(found)
    return waived


async def waive(desk: Desk, violation_id: str, waiver: Waiver) -> Violation:
    """Let a violation go. A suspension that rests on it ends; the other violations that it used up
    count again. The same again changes nothing.

    Raises: NotFound.
    """
    await desk.violations.waive(violation_id, waiver)
    found = await desk.violations.get(violation_id)
    if found is None:
        raise NotFound()
    # Also when it was waived already: the first try may have been cut off here. An appeal that
    # waits has got what it asked for.
    answer = waiver.reason if waiver.by != BY_GATE else "闸机记录显示您已到馆"
    await desk.violations.settle_appeal(violation_id, True, answer, waiver.at)
    await desk.violations.end_suspensions_of(violation_id)
    for _ in range(_TRIES):
        reader = await desk.readers.get(found.reader_id)
        if reader is None:
            break
        until = await desk.violations.suspended_until(found.reader_id)
        was = reader.suspended_until
        # A suspension that is written meanwhile raises it: then this is not what stands.
        if was == until or await desk.readers.set_suspended_until(found.reader_id, was, until):
            break
    await desk.reader_changed(found.reader_id)
    return await desk.violations.get(violation_id) or found


async def void_by_gate(desk: Desk, r: Reservation, p: GateEvent) -> None:
    """A gate tells late that the reader of a missed booking had come: it was no violation."""
    waiver = Waiver(BY_GATE, f"passage {p.id}", p.at)
    id = f"{r.id}:no_show"
    await desk.violations.void(
        Violation(
            id=id,
            reader_id=r.reader_id,
            reservation_id=r.id,
            kind="no_show",
            at=r.ended_at or p.at,
            day=local_date(r.ended_at or p.at),
            counts=False,
            waived=True,
            waiver=waiver,
        )
    )
    await waive(desk, id, waiver)


async def set_suspension(
    desk: Desk, reader_id: ReaderId, was: datetime | None, until: datetime | None, now: datetime
) -> None:
    """Suspended until then by somebody's decision; None: not any more. What brought an earlier
    suspension stays used up by it.

    Raises: InvalidState, where ``was`` is not what stands.
    """
    if not await desk.violations.set_suspension(reader_id, was, until, now):
        raise InvalidState(state="suspended")
    await desk.reader_changed(reader_id)


async def violation_count(desk: Desk, reader_id: ReaderId, now: datetime) -> ViolationCount:
    """Where the reader stands now: violations that count and no suspension has used up."""
    policy = desk.policy
    unspent = await desk.violations.counting_violations(reader_id, window_start(policy, now), now)
    return ViolationCount(len(unspent), policy.violations_limit, policy.violations_window_days)
