from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from models.gates.knowledge import GateKnowledge
from models.kiosks.repository import KioskRepository
from models.library.entities import VenueId
from models.outages.entities import observed_until, screens_of
from models.outages.extension import DeadlineExtension
from models.outages.repository import OutageRepository
from models.reference_data import ReferenceData
from models.reservation_store.due_queries import FrozenVenues
from models.reservation_store.presence_repository import PresenceMethodRepository
from models.reservations.presence import can_prove_presence


class PresenceKnowledge:
    def __init__(
        self,
        gates: GateKnowledge,
        kiosks: KioskRepository,
        outages: OutageRepository,
        presence_methods: PresenceMethodRepository,
        reference: ReferenceData,
        extension: DeadlineExtension,
    ) -> None:
        self._gates, self._kiosks, self._outages = gates, kiosks, outages
        self._presence_methods, self._reference = presence_methods, reference
        self._extension = extension

    async def frozen_venues(self, now: datetime) -> FrozenVenues:
        """The venues where deadlines do not run now, as readers cannot check in; True for all."""
        out = [o for o in await self._outages.all() if o.end is None or o.is_significant(now)]
        if any(outage.venue_id is None for outage in out):
            return True
        return frozenset(outage.venue_id for outage in out if outage.venue_id is not None)

    async def venues_without_proof(self, now: datetime) -> frozenset[VenueId]:
        """Venues in which no presence has been proved for a week, nor a kiosk's screen been
        seen: readers there are not to blame for a missed check-in."""
        proofs, screens = await self._presence_methods.last_proofs(), await self._screens()
        return frozenset(
            id
            for id, venue in self._reference.catalog.venues.items()
            if not can_prove_presence(
                venue.presence_sources, proofs.get(id, {}), screens.get(id, ()), now
            )
        )

    async def _screens(self) -> Mapping[VenueId, Sequence[datetime]]:
        return screens_of(self._reference.catalog, await self._kiosks.kiosk_last_seen())

    async def certain_until(self, frozen: FrozenVenues, now: datetime) -> datetime:
        """The instant until which it is certain that readers could check in and that all
        check-ins are known. Until then records of gates are complete, the service was running,
        and in each venue outside ``frozen`` a kiosk's screen was seen (a venue whose screens are
        not seen counts for two minutes only)."""
        until = min(await self._gates.complete_until(now), await self._extension.alive_until(now))
        if frozen is True:
            return until
        screens = await self._screens()
        for venue_id in self._reference.catalog.venues.keys() - frozen:
            until = min(until, observed_until(screens.get(venue_id, ()), now))
        return until
