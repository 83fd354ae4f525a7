"""What becomes of violations and suspensions: appeals, waivers, and what the staff decide."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from models.kernel.errors import NotFound
from models.kernel.ids import ReaderId
from models.kernel.time_range import local_date
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
    """Violations, appeals, waivers and suspensions."""

    def __init__(
        self,
        violations: ViolationRepository,
        readers: ReaderRepository,
        reference: ReferenceData,
        on_reader_changed: Callable[[ReaderId], Awaitable[None]],
    ) -> None:
        """``on_reader_changed`` is called when a suspension begins or ends: sessions remember whom
        they belong to."""
        self._violations, self._readers = violations, readers
        self._reference, self._on_reader_changed = reference, on_reader_changed

    async def page_of(
        self, reader_id: ReaderId, skip: int, limit: int
    ) -> tuple[list[Violation], int]:
        """A page of the reader's violations, the latest first, and how many there are."""
        return await self._violations.page_of(reader_id, skip, limit)

    async def appeals(self, skip: int, limit: int) -> tuple[list[Violation], int]:
        """A page of the violations whose appeal waits, and how many there are."""
        return await self._violations.appeals(skip, limit)

    async def get(self, violation_id: str) -> Violation:
        """Raises: NotFound."""
        found = await self._violations.get(violation_id)
        if found is None:
            raise NotFound()
        return found

    async def appeal(
        self, reader_id: ReaderId, violation_id: str, text: str, now: datetime
    ) -> Violation:
        """The reader says why it was none. Once. Raises: NotFound, NothingToAppeal."""
        kept = await self._violations.appeal(violation_id, reader_id, Appeal(text, now))
        if kept is not None:
            return kept
        found = await self._violations.get(violation_id)
        if found is None or found.reader_id != reader_id:
            raise NotFound()
        raise NothingToAppeal()

    async def decide_appeal(
        self, violation_id: str, granted: bool, answer: str, by: str, now: datetime
    ) -> Violation:
        """The library's answer; granted, it waives the violation. The same again changes nothing.

        Raises: NotFound; AppealDecided where no appeal waits, or another answer was given.
        """
        found = await self._violations.settle_appeal(violation_id, granted, answer, now)
        found = found or await self.get(violation_id)
        kept = found.appeal
        if kept is None or (kept.granted, kept.answer) != (granted, answer):
            raise AppealDecided()
        return await self.waive(found.id, Waiver(by, answer, now)) if granted else found

    async def waive_all(
        self,
        start: datetime,
        end: datetime,
        waiver: Waiver,
        notify: Callable[[Violation], Awaitable[None]],
    ) -> int:
        """Waive every violation in [start, end): a gate was broken, the heating was out. Each
        reader is notified. How many."""
        waived = 0
        while found := await self._violations.not_waived_between(start, end, _BATCH):
            for violation in found:
                await notify(await self.waive(violation.id, waiver))
            waived += len(found)
        return waived

    async def waive(self, violation_id: str, waiver: Waiver) -> Violation:
        """Waive a violation. A suspension that rests on it ends; the other violations that it used
        up count again. The same again changes nothing.

        Raises: NotFound.
        """
        await self._violations.waive(violation_id, waiver)
        found = await self.get(violation_id)
        # Also when it was waived already: the first try may have been cut off here. An appeal that
        # waits has got what it asked for.
        answer = waiver.reason if waiver.by != BY_GATE else ANSWER_BY_GATE
        await self._violations.settle_appeal(violation_id, True, answer, waiver.at)
        await self._violations.end_suspensions_of(violation_id, waiver.at)
        for _ in range(_TRIES):
            reader = await self._readers.get(found.reader_id)
            if reader is None:
                break
            last = await self._violations.last_suspension(found.reader_id)
            until, why = (last.until, last.reason) if last is not None else (None, None)
            was = reader.suspended_until
            # A suspension that is written meanwhile raises it: then this is not the current one.
            if was == until or await self._readers.set_suspended_until(reader.id, was, until, why):
                break
        await self._on_reader_changed(found.reader_id)
        return await self._violations.get(violation_id) or found

    async def void_by_gate(self, r: Reservation, event_id: str, at: datetime) -> None:
        """A gate tells late that the reader of a missed booking had come: it was no violation."""
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
        """Suspended until then by somebody's decision, whose ``words`` say why; None: not any more.
        What brought an earlier suspension stays used up by it.

        Raises: SuspensionChanged where ``was`` is not the current one.
        """
        if not await self._violations.set_suspension(reader_id, was, until, words, now):
            raise SuspensionChanged()
        await self._on_reader_changed(reader_id)

    async def violation_count(self, reader_id: ReaderId, now: datetime) -> ViolationCount:
        """The reader's violations that count now and that no suspension has used up."""
        policy = self._reference.policy_on(local_date(now))
        found = await self._violations.counting_violations(
            reader_id, window_start(policy, now), now
        )
        return ViolationCount(len(found), policy.violations_limit, policy.violations_window_days)
