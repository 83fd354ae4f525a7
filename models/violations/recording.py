"""Records missed bookings as violations, and suspends readers with too many of them. The outbox
dispatcher may deliver an event twice, so each step has a unique key."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Final

from models.kernel.ids import ReaderId
from models.kernel.records import record
from models.policy.entities import Policy
from models.reference_data import ReferenceData
from models.reservations.entities import OutboxEvent, OutboxEventKind, Reservation
from models.violations.entities import Suspension, Violation, ViolationCount
from models.violations.repository import ViolationRepository
from models.violations.rules import decide_suspension, is_violation, window_start

log = logging.getLogger(__name__)
_KINDS: Final[Mapping[OutboxEventKind, str]] = {
    OutboxEventKind.NO_SHOW: "no_show",
    OutboxEventKind.LEAVE_EXPIRED: "away_timeout",
}


@record
class ViolationResult:
    """The result of a missed booking. `violation`: None if the reader was excused. `window`: the
    reader's violations that count. `suspension`: the one that this violation has caused.
    `suspended_until`: when the reader may book again; later than the end of ``suspension`` if
    another suspension lasts longer."""

    violation: Violation | None
    window: ViolationCount
    suspension: Suspension | None = None
    suspended_until: datetime | None = None


class ViolationRecorder:
    def __init__(
        self,
        violations: ViolationRepository,
        reference: ReferenceData,
        on_reader_changed: Callable[[ReaderId], Awaitable[None]],
    ) -> None:
        """``on_reader_changed`` is called with the reader's id when a suspension begins, since
        workers cache readers with their sessions."""
        self._violations, self._reference = violations, reference
        self._on_reader_changed = on_reader_changed

    async def record(self, r: Reservation, event: OutboxEvent) -> ViolationResult | None:
        """Records violation and suspension from the event, each once; returns the result. None
        if the event is neither a no-show nor an expired leave. Raises: Unavailable."""
        kind = _KINDS.get(event.event)
        if kind is None:
            return None
        policy = await self._reference.policy_version_for(
            r.policy_version, r.area_id, r.date, r.reader_id
        )
        if not is_violation(event.event, bool(event.facts["penalty_waived"]), policy):
            # The message about an excused no-show also reports the reader's count.
            missed = event.event is OutboxEventKind.NO_SHOW
            counting = await self._counting(r.reader_id, event.at, policy) if missed else []
            return ViolationResult(None, _window(policy, len(counting)))
        return await self.count(
            Violation(
                id=f"{r.id}:{event.event}",
                reader_id=r.reader_id,
                reservation_id=r.id,
                kind=kind,
                at=event.at,
                day=r.date,
                counts=True,
            ),
            policy,
        )

    async def count(self, missed: Violation, policy: Policy) -> ViolationResult:
        """Records the violation, and the suspension that follows from it by the policy, each
        once; returns the result. Raises: Unavailable."""
        violation = await self._violations.record(missed)
        counting = await self._counting(violation.reader_id, violation.at, policy)
        decided = decide_suspension(violation, counting, policy)
        if decided is not None:
            await self._violations.suspend(decided)
        # It may be that of another run, which has used this violation up, and which may end before
        # it tells the reader. So it is read after the count.
        suspension = await self._violations.suspension(violation.id)
        if suspension is None:
            return ViolationResult(violation, _window(policy, len(counting)))
        reader_id = violation.reader_id
        await self._on_reader_changed(reader_id)
        log.info(
            "reader_suspended", extra={"reader": reader_id, "reservation": missed.reservation_id}
        )
        last = await self._violations.last_suspension(reader_id) or suspension
        until = max(last.until, suspension.until)
        window = _window(policy, policy.violations_limit)
        return ViolationResult(violation, window, suspension, until)

    async def _counting(self, reader_id: ReaderId, at: datetime, policy: Policy) -> list[Violation]:
        since = window_start(policy, at)
        return await self._violations.counting_violations(reader_id, since, at)


def _window(policy: Policy, count: int) -> ViolationCount:
    return ViolationCount(count, policy.violations_limit, policy.violations_window_days)
