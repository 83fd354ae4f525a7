"""Gates (门禁): passages check readers in, and record their leaves and returns. Each event is
stored once, by its id. Then the reader's reservations are derived again from all events
(replay.py), so that order, repetitions and the worker make no difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from models.gates.entities import (
    LATE_AFTER,
    MAX_AHEAD,
    Gate,
    GateEvent,
    GateId,
    IngestResult,
    ReportedEvent,
)
from models.gates.event_repository import GateEventRepository
from models.gates.reconciliation import GateReconciliation
from models.gates.repository import GateRepository
from models.kernel.errors import Unauthenticated
from models.kernel.ids import ReaderId
from models.readers.entities import normalise_student_no
from models.readers.repository import ReaderRepository
from models.reference_data import ReferenceData


class GateService:
    def __init__(
        self,
        gates: GateRepository,
        gate_events: GateEventRepository,
        readers: ReaderRepository,
        reconciliation: GateReconciliation,
        reference: ReferenceData,
    ) -> None:
        self._gates, self._gate_events = gates, gate_events
        self._readers, self._reconciliation = readers, reconciliation
        self._reference = reference

    async def all(self) -> list[Gate]:
        return await self._gates.all()

    async def key(self, gate_id: str) -> str | None:
        """The key with which the gate signs reports; None if the gate is unknown or has no key."""
        return await self._gates.key(gate_id)

    async def admit(self, gate_id: str, now: datetime) -> None:
        """Records that the gate began a signed report. Raises: Unauthenticated without a key."""
        if not await self._gates.admit(gate_id, now):
            raise Unauthenticated()

    async def heard(
        self, gate_id: str, now: datetime, reported_until: datetime | None, clock_skew: timedelta
    ) -> None:
        """Records a report of the gate. ``reported_until``: the gate claims to have reported all
        passages before this time (None: no claim). The stored `complete_until` never decreases."""
        await self._gates.heard(gate_id, now, reported_until, clock_skew)

    async def page_of(
        self, reader_id: ReaderId, skip: int, limit: int
    ) -> tuple[list[GateEvent], int]:
        """A page of the reader's gate events, newest first, and their total number."""
        return await self._gate_events.page_of(reader_id, skip, limit)

    async def ingest_batch(
        self, gate_id: GateId, reported: Sequence[ReportedEvent | None], now: datetime
    ) -> IngestResult:
        """Stores and applies the events of a report. ``reported`` has None for an unreadable
        event, which is rejected."""
        rejected: list[tuple[int, str]] = []
        read: list[ReportedEvent] = []
        for place, event in enumerate(reported):
            if event is None:
                rejected.append((place, "malformed"))
            elif event.at > now + MAX_AHEAD:
                rejected.append((place, "in_the_future"))
            else:
                read.append(event)
        numbers = {normalise_student_no(event.student_no) for event in read}
        readers = await self._readers.by_numbers(numbers)
        events = [_with_reader(gate_id, event, readers, now) for event in read]
        accepted, duplicates = await self.ingest(events, now)
        return IngestResult(accepted, duplicates, rejected)

    async def ingest(
        self, events: Sequence[tuple[GateEvent, str]], now: datetime
    ) -> tuple[int, int]:
        """Stores and applies events, each with the number on the card. Returns the numbers of new
        events and of those stored before. ``GatePresenceJob`` completes an interrupted call."""
        new, repeated = await self._gate_events.add(events, now)
        days = {
            (p.reader_id, self._reference.zone.day(p.at)) for p in new if p.reader_id is not None
        }
        await self._reconciliation.reconcile_all(days, now, await self._gates.all())
        return len(new), repeated


def _with_reader(
    gate_id: GateId, event: ReportedEvent, readers: Mapping[str, ReaderId], now: datetime
) -> tuple[GateEvent, str]:
    number = normalise_student_no(event.student_no)
    stored = GateEvent(
        id=f"{gate_id}:{event.id}",
        gate_id=gate_id,
        reader_id=readers.get(number),
        direction=event.direction,
        method=event.method,
        at=event.at,
        late=now - event.at > LATE_AFTER,
    )
    return stored, number
