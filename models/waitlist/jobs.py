"""Offers that time makes: free seats are offered, offers expire, entries end.

A seat that is given back is offered at once (``ReservationWriter.save``). What became free unseen,
at night or in the moment in which somebody joined, is offered here.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Final

from models.kernel.ids import Actor
from models.kernel.time_range import floor_minute, local_date
from models.library.entities import SeatId
from models.reference_data import ReferenceData
from models.reservations import transitions
from models.reservations.errors import ClaimConflict, RevisionConflict
from models.reservations.live_occupancy import LiveOccupancy
from models.reservations.occupancy import DayOccupancy
from models.reservations.repository import ReservationRepository
from models.reservations.state_machine import ReservationState
from models.reservations.writer import ReservationWriter
from models.waitlist.entities import WaitlistEntry, WaitlistState, in_quiet_hours
from models.waitlist.matching import WaitlistMatcher
from models.waitlist.repository import WaitlistRepository

BATCH: Final = 200
_SYSTEM: Final = Actor("system", "line")


class WaitlistJobs:
    """What happens to waitlist entries and offers without a request."""

    def __init__(
        self,
        waitlist: WaitlistRepository,
        reservations: ReservationRepository,
        occupancy: LiveOccupancy,
        reference: ReferenceData,
        writer: ReservationWriter,
        matcher: WaitlistMatcher,
    ) -> None:
        self._waitlist, self._reservations = waitlist, reservations
        self._occupancy, self._reference = occupancy, reference
        self._writer, self._matcher = writer, matcher
        self._last_checked: dict[str, tuple[DayOccupancy, int, datetime]] = {}
        """The occupancy, its version and the minute that each entry was last matched with in
        vain."""

    async def expire_offers(self, now: datetime) -> int:
        """Offers that nobody accepted pass on. How many."""
        done = 0
        for r in await self._reservations.due_for_offer_expiry(now, BATCH):
            assert r.held_until is not None
            expired = transitions.expire_offer(r, _SYSTEM, r.held_until)
            if r.wait_id is not None:
                # First: it must not be offered to the same reader again.
                await self._waitlist.close(
                    r.wait_id, [WaitlistState.OFFERED], WaitlistState.OFFER_EXPIRED
                )
            try:
                await self._writer.save(r, expired, now, {"held_until": {"$lte": now}})
            except RevisionConflict:
                continue  # accepted in the last moment
            done += 1
        return done

    async def offer_free_seats(self, now: datetime) -> int:
        """Offer what is free to who waits for it, and end the entries whose time is over."""
        done = 0
        checked, self._last_checked = self._last_checked, {}
        occupied: set[SeatId] | None = None
        after: WaitlistEntry | None = None
        while entries := await self._waitlist.iterate_open(after, BATCH):
            if occupied is None:
                occupied = await self._reservations.reported_occupied_seats(now)
            for entry in entries:
                if entry.id in checked:
                    self._last_checked[entry.id] = checked[entry.id]
                done += await self._process_entry(entry, occupied, now)
                await asyncio.sleep(0)  # requests have their turn
            after = entries[-1]
        return done

    async def _process_entry(
        self, entry: WaitlistEntry, occupied: set[SeatId], now: datetime
    ) -> int:
        if entry.state is WaitlistState.OFFERED:
            return await self._sync_offer_outcome(entry)
        policy = self._reference.policy_for(entry.area_id, entry.day)
        if entry.remaining(now, timedelta(minutes=policy.min_minutes)) is None:
            return await self._close(entry, WaitlistState.WAITING, WaitlistState.EXPIRED)
        if in_quiet_hours(now):
            return 0
        occupancy = await self._occupancy.get_day(local_date(entry.start))
        checked = occupancy, occupancy.version, floor_minute(now)
        if self._last_checked.get(entry.id) == checked:
            return 0
        self._last_checked[entry.id] = checked
        area = self._reference.catalog.areas.get(entry.area_id)
        for seat in area.seats if area is not None else ():
            span = self._matcher.match(entry, seat, occupancy, now)
            if span is None or seat.id in occupied:
                continue
            offer = self._matcher.create_offer(entry, seat, span, now)
            try:
                with self._occupancy.inserting(offer.date):
                    await self._reservations.insert_offer(offer, self._waitlist.offering(offer))
            except (ClaimConflict, RevisionConflict):
                continue
            self._occupancy.record_write(offer)
            return 1
        return 0

    async def _sync_offer_outcome(self, entry: WaitlistEntry) -> int:
        """An offer that was decided, while the note about it was cut off."""
        offer = await self._reservations.get(entry.offer or "")
        if offer is None or offer.state is ReservationState.OFFERED:
            return 0
        expired = offer.state is ReservationState.OFFER_EXPIRED
        state = WaitlistState.OFFER_EXPIRED if expired else WaitlistState.ACCEPTED
        return await self._close(entry, WaitlistState.OFFERED, state)

    async def _close(
        self, entry: WaitlistEntry, state: WaitlistState, becomes: WaitlistState
    ) -> int:
        return int(await self._waitlist.close(entry.id, [state], becomes) is not None)
