"""How far it is known who was there: the one answer for all deadlines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from models.gates.entities import Direction, GateEvent, complete_until, gates_in
from models.gates.event_repository import GateEventRepository
from models.gates.repository import GateRepository
from models.kernel.ids import ReaderId
from models.kiosks.repository import KioskRepository
from models.library.entities import PresenceSource, VenueId
from models.outages.entities import observed_until, screens_of
from models.outages.extension import DeadlineExtension
from models.outages.repository import OutageRepository
from models.reference_data import ReferenceData
from models.reservations.due_queries import FrozenVenues
from models.reservations.entities import Reservation
from models.reservations.presence import (
    FRESH_FOR,
    PresenceMethod,
    PresenceProof,
    can_prove_presence,
)
from models.reservations.presence_repository import PresenceMethodRepository


class PresenceKnowledge:
    """Asks the gates, the kiosks, the outages, the heartbeat and the proofs that there were."""

    def __init__(
        self,
        gates: GateRepository,
        gate_events: GateEventRepository,
        kiosks: KioskRepository,
        outages: OutageRepository,
        presence_methods: PresenceMethodRepository,
        reference: ReferenceData,
        extension: DeadlineExtension,
    ) -> None:
        self._gates, self._gate_events, self._kiosks = gates, gate_events, kiosks
        self._outages, self._presence_methods = outages, presence_methods
        self._reference, self._extension = reference, extension

    async def gate_events_complete_until(self, now: datetime) -> datetime:
        """Until when it is certain who went through the gates; ``now`` where no gate tells."""
        return complete_until(await self._gates.all(), now)

    async def gate_events_of(self, r: Reservation) -> Sequence[GateEvent]:
        """The reader's events at gates of the reservation's venue in its time; none where gates
        prove nothing."""
        if not self._gates_prove(r.venue_id):
            return ()
        events = await self._gate_events.of_day(r.reader_id, r.start, r.end)
        there = gates_in(r.venue_id, await self._gates.all()) if events else frozenset()
        return [event for event in events if event.gate_id in there]

    async def passage_into(
        self, reader_id: ReaderId, venue_id: VenueId, now: datetime
    ) -> PresenceProof | None:
        """The reader's last passage through a gate of the venue, where it led in and is fresh."""
        if not self._gates_prove(venue_id):
            return None
        events = await self._gate_events.of_day(reader_id, now - FRESH_FOR, now)
        if not events or events[-1].direction is not Direction.IN:
            return None
        last = events[-1]
        if last.gate_id not in gates_in(venue_id, await self._gates.all()):
            return None
        return PresenceProof(reader_id, venue_id, PresenceMethod.GATE, last.at)

    def _gates_prove(self, venue_id: VenueId) -> bool:
        sources = self._reference.catalog.venues[venue_id].presence_sources
        return PresenceSource.GATE in sources

    async def frozen_venues(self, now: datetime) -> FrozenVenues:
        """Venues whose deadlines wait since nobody can check in there now: all of them, or some."""
        out = [o for o in await self._outages.all() if o.end is None or o.is_significant(now)]
        if any(outage.venue_id is None for outage in out):
            return True
        return frozenset(outage.venue_id for outage in out if outage.venue_id is not None)

    async def venues_without_proof(self, now: datetime) -> frozenset[VenueId]:
        """Venues where nothing has lately shown that it can prove a presence: what readers miss
        there is not their fault."""
        proofs, screens = await self._presence_methods.last_proofs(), await self._screens()
        return frozenset(
            id
            for id, venue in self._reference.catalog.venues.items()
            if not can_prove_presence(
                venue.presence_sources, proofs.get(id, {}), screens.get(id, ()), now
            )
        )

    async def _screens(self) -> Mapping[VenueId, Sequence[datetime]]:
        """When each screen of a venue's kiosks was last seen."""
        return screens_of(self._reference.catalog, await self._kiosks.kiosk_last_seen())

    async def certain_until(self, frozen: FrozenVenues, now: datetime) -> datetime:
        """Until when it is certain that readers could check in, and who did: the gates have told,
        and a screen was seen. The first two minutes of an outage are not known to be one."""
        until = min(
            await self.gate_events_complete_until(now), await self._extension.alive_until(now)
        )
        if frozen is True:
            return until
        screens = await self._screens()
        for venue_id in self._reference.catalog.venues.keys() - frozen:
            until = min(until, observed_until(screens.get(venue_id, ()), now))
        return until
