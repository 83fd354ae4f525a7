from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from models.gates.entities import Direction, GateEvent, complete_until, gates_in
from models.gates.event_repository import GateEventRepository
from models.gates.repository import GateRepository
from models.kernel.ids import ReaderId
from models.library.entities import VenueId
from models.reference_data import ReferenceData
from models.reservations.entities import Reservation
from models.reservations.presence import FRESH_FOR, PresenceMethod, PresenceProof


class GateKnowledge:
    """Finds out from gate events where a reader was. Covers only venues whose gates prove
    presence."""

    def __init__(
        self, gates: GateRepository, gate_events: GateEventRepository, reference: ReferenceData
    ) -> None:
        self._gates, self._gate_events, self._reference = gates, gate_events, reference

    async def complete_until(self, now: datetime) -> datetime:
        """The instant up to which all passages are known; ``now`` if no gate is active."""
        return complete_until(await self._gates.all(), now)

    async def events_of(self, r: Reservation) -> Sequence[GateEvent]:
        """The reader's passages during the reservation; none if the gates prove no presence."""
        if not self._reference.catalog.venues[r.venue_id].gates_prove:
            return ()
        events = await self._gate_events.of_day(r.reader_id, r.start, r.end)
        there = gates_in(r.venue_id, await self._gates.all()) if events else frozenset()
        return [event for event in events if event.gate_id in there]

    async def entry_of(
        self, reader_id: ReaderId, venue_id: VenueId, now: datetime
    ) -> PresenceProof | None:
        """Proof that the reader is in the venue: the last passage, if recent and into the venue."""
        if not self._reference.catalog.venues[venue_id].gates_prove:
            return None
        events = await self._gate_events.of_day(reader_id, now - FRESH_FOR, now)
        if not events or events[-1].direction is not Direction.IN:
            return None
        last = events[-1]
        if last.gate_id not in gates_in(venue_id, await self._gates.all()):
            return None
        return PresenceProof(reader_id, venue_id, PresenceMethod.GATE, last.at)
