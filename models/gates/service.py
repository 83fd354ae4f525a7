"""门禁: events through the gates check readers in and mark their leaves and returns for them.

Each event is kept once, by its id; then everything that the reader's events mean today is
worked out anew (replay.py) and written under the reservation's revision. So it does not
matter in which order, how often, or in which worker they arrive.
"""

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
from models.kernel.time_range import local_date
from models.readers.entities import normalise_student_no
from models.readers.repository import ReaderRepository


class GateService:
    """Takes in gate events, and lets reservations follow them."""

    def __init__(
        self,
        gates: GateRepository,
        gate_events: GateEventRepository,
        readers: ReaderRepository,
        reconciliation: GateReconciliation,
    ) -> None:
        self._gates, self._gate_events = gates, gate_events
        self._readers, self._reconciliation = readers, reconciliation

    async def all(self) -> list[Gate]:
        """All gates."""
        return await self._gates.all()

    async def key(self, gate_id: str) -> str | None:
        """What the gate signs with; None for an unknown gate."""
        return await self._gates.key(gate_id)

    async def admit(self, gate_id: str, now: datetime) -> None:
        """A batch that the gate has signed begins. Raises: Unauthenticated, where its key has gone
        meanwhile."""
        if not await self._gates.admit(gate_id, now):
            raise Unauthenticated()

    async def heard(
        self, gate_id: str, now: datetime, told: datetime | None, clock_skew: timedelta
    ) -> None:
        """A batch of the gate has come. What it has told never goes back."""
        await self._gates.heard(gate_id, now, told, clock_skew)

    async def page_of(
        self, reader_id: ReaderId, skip: int, limit: int
    ) -> tuple[list[GateEvent], int]:
        """A page of the reader's gate events, the latest first, and how many there are."""
        return await self._gate_events.page_of(reader_id, skip, limit)

    async def ingest_batch(
        self, gate_id: GateId, reported: Sequence[ReportedEvent | None], now: datetime
    ) -> IngestResult:
        """Take in a batch of one gate, each event judged alone: one that cannot be read (None)
        holds up no other."""
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
        """Take in what a gate tells, each with the student number that it read. (new, known).

        What was kept and not worked out, since this worker died in between, ``GatePresenceJob``
        works out.
        """
        new, known = await self._gate_events.add(events, now)
        days = {(p.reader_id, local_date(p.at)) for p in new if p.reader_id is not None}
        await self._reconciliation.reconcile_all(days, now, await self._gates.all())
        return len(new), known


def _with_reader(
    gate_id: GateId, event: ReportedEvent, readers: Mapping[str, ReaderId], now: datetime
) -> tuple[GateEvent, str]:
    """The event as it is kept, and the student number in it."""
    number = normalise_student_no(event.student_no)
    kept = GateEvent(
        id=f"{gate_id}:{event.id}",
        gate_id=gate_id,
        reader_id=readers.get(number),
        direction=event.direction,
        method=event.method,
        at=event.at,
        late=now - event.at > LATE_AFTER,
    )
    return kept, number
