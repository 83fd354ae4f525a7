from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from models.kernel.errors import NotFound
from models.kernel.ids import ReaderId
from models.readers.repository import ReaderRepository
from models.reference_data import ReferenceData
from models.reservations.entities import Reservation
from models.violations.entities import (
    ANSWER_BY_GATE,
    BY_GATE,
    Appeal,
    Violation,
    ViolationCount,
    Waiver,
)
from models.violations.errors import AppealDecided, NothingToAppeal, SuspensionChanged
from models.violations.repository import ViolationRepository
from models.violations.rules import window_start

_TRIES: Final = 8
_BATCH: Final = 500


class ViolationService:
    def __init__(
        self,
        violations: ViolationRepository,
        readers: ReaderRepository,
        reference: ReferenceData,
        on_reader_changed: Callable[[ReaderId], Awaitable[None]],
    ) -> None:
        """``on_reader_changed`` is called with the reader's id when a suspension begins or ends,
        since workers cache readers with their sessions."""
        self._violations, self._readers = violations, readers
        self._reference, self._on_reader_changed = reference, on_reader_changed

    async def page_of(
        self, reader_id: ReaderId, skip: int, limit: int
    ) -> tuple[list[Violation], int]:
        """A page of the reader's violations, the latest first, and the number of all of them."""
        return await self._violations.page_of(reader_id, skip, limit)

    async def appeals(self, skip: int, limit: int) -> tuple[list[Violation], int]:
        """A page of violations with an unanswered appeal, and the number of all of them."""
        return await self._violations.appeals(skip, limit)

    async def get(self, violation_id: str) -> Violation:
        """The violation with this id. Raises: NotFound."""
        violation = await self._violations.get(violation_id)
        if violation is None:
            raise NotFound()
        return violation

    async def appeal(
        self, reader_id: ReaderId, violation_id: str, text: str, now: datetime
    ) -> Violation:
        """Stores the reader's appeal against the violation. Raises: NotFound; NothingToAppeal if
        the violation is waived or was appealed against before."""
        appealed = await self._violations.appeal(violation_id, reader_id, Appeal(text, now))
        if appealed is not None:
            return appealed
        violation = await self._violations.get(violation_id)
        if violation is None or violation.reader_id != reader_id:
            raise NotFound()
        raise NothingToAppeal()

    async def decide_appeal(
        self, violation_id: str, granted: bool, answer: str, by: str, now: datetime
    ) -> Violation:
        """Stores the library's answer to an appeal. ``granted`` also waives the violation.
        Repeating the same answer has no further effect. Raises: NotFound; AppealDecided if no
        appeal waits or a different answer was given before."""
        violation = await self._violations.settle_appeal(violation_id, granted, answer, now)
        violation = violation or await self.get(violation_id)
        appeal = violation.appeal
        if appeal is None or (appeal.granted, appeal.answer) != (granted, answer):
            raise AppealDecided()
        return await self.waive(violation.id, Waiver(by, answer, now)) if granted else violation

    async def waive_all(
        self,
        start: datetime,
        end: datetime,
        waiver: Waiver,
        notify: Callable[[Violation], Awaitable[None]],
    ) -> int:
        """Waives the violations from ``start`` to before ``end`` (for example while a gate was
        broken) and notifies their readers; returns the number of violations."""
        waived = 0
        while batch := await self._violations.not_waived_between(start, end, _BATCH):
            for violation in batch:
                await notify(await self.waive(violation.id, waiver))
            waived += len(batch)
        return waived

    async def waive(self, violation_id: str, waiver: Waiver) -> Violation:
        """Waives a violation and grants its appeal. A suspension that the violation has led to
        ends, and the suspension's other violations count again. A repetition has no further
        effect. Raises: NotFound."""
        await self._violations.waive(violation_id, waiver)
        violation = await self.get(violation_id)
        # Everything is repeated for a violation that was waived before: the first attempt may have
        # been interrupted here.
        answer = waiver.reason if waiver.by != BY_GATE else ANSWER_BY_GATE
        await self._violations.settle_appeal(violation_id, True, answer, waiver.at)
        await self._violations.end_suspensions_of(violation_id, waiver.at)
        for _ in range(_TRIES):
            reader = await self._readers.get(violation.reader_id)
            if reader is None:
                break
            last = await self._violations.last_suspension(violation.reader_id)
            until, why = (last.until, last.reason) if last is not None else (None, None)
            was = reader.suspended_until
            # A suspension that is written meanwhile extends it; then the update fails and is
            # repeated.
            if was == until or await self._readers.set_suspended_until(reader.id, was, until, why):
                break
        await self._on_reader_changed(violation.reader_id)
        return await self._violations.get(violation_id) or violation

    async def void_by_gate(self, r: Reservation, event_id: str, at: datetime) -> None:
        """Waives the reservation's no-show, because a gate's late record shows that the reader
        came. A no-show that is not recorded yet is waived in advance."""
        waiver = Waiver(BY_GATE, f"passage {event_id}", at)
        id = f"{r.id}:no_show"
        await self._violations.void(
            Violation(
                id=id,
                reader_id=r.reader_id,
                reservation_id=r.id,
                kind="no_show",
                at=r.ended_at or at,
                day=r.date,
                counts=False,
                waived=True,
                waiver=waiver,
            )
        )
        await self.waive(id, waiver)

    async def set_suspension(
        self,
        reader_id: ReaderId,
        was: datetime | None,
        until: datetime | None,
        words: str,
        now: datetime,
    ) -> None:
        """Suspends the reader until ``until``, or with None ends the suspension, by a decision
        of the staff with the explanation ``words``. Violations that led to an earlier suspension
        do not count again. Raises: SuspensionChanged if ``was`` is not the present end."""
        if not await self._violations.set_suspension(reader_id, was, until, words, now):
            raise SuspensionChanged()
        await self._on_reader_changed(reader_id)

    async def violation_count(self, reader_id: ReaderId, now: datetime) -> ViolationCount:
        policy = self._reference.policy_on(self._reference.zone.day(now), None)
        violations = await self._violations.counting_violations(
            reader_id, window_start(policy, now), now
        )
        return ViolationCount(
            len(violations), policy.violations_limit, policy.violations_window_days
        )
