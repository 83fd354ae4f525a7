"""The waitlist's jobs: they offer free seats, let offers expire and end entries.

A seat that a change releases is offered by that change (``ReservationWriter.save``). These jobs
offer seats that became free in another way, at night, or while a reader was joining the waitlist.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Final

from models.booking.writer import ReservationWriter
from models.kernel.ids import Actor
from models.kernel.time_range import floor_minute
from models.library.entities import SeatId
from models.occupancy.joined import OccupancyView
from models.occupancy.live import LiveOccupancy
from models.readers.entities import Reader
from models.reference_data import ReferenceData
from models.reservation_store.repository import ReservationRepository
from models.reservations import transitions
from models.reservations.errors import ClaimLost, StaleRevision
from models.reservations.state_machine import ReservationState
from models.waitlist.entities import (
    EndReason,
    WaitlistEnd,
    WaitlistEntry,
    WaitlistState,
    waits_for_morning,
)
from models.waitlist.matching import WaitlistMatcher
from models.waitlist.repository import WaitlistRepository
from models.waitlist.rules import early_end

BATCH: Final = 200
_SYSTEM: Final = Actor("system", "line")


class WaitlistJobs:
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
        self._last_checked: dict[str, tuple[OccupancyView, int, datetime]] = {}
        """For each entry whose last search found no seat: the occupancy that was searched, its
        version, and the minute. The search is repeated only after one of these has changed."""

    async def expire_offers(self, now: datetime) -> int:
        """Ends offers that were not accepted in time, and offers their seats to the next
        entries; returns the number of ended offers."""
        done = 0
        for r in await self._reservations.due_for_offer_expiry(now, BATCH):
            assert r.held_until is not None
            expired = transitions.expire_offer(r, _SYSTEM, r.held_until)
            if r.waitlist_entry_id is not None:
                # The entry is closed first, so that the seat is not offered to the same reader
                # again. If the reader declined meanwhile, the entry may have another offer by now.
                await self._waitlist.close(
                    r.waitlist_entry_id,
                    [WaitlistState.OFFERED],
                    WaitlistState.OFFER_EXPIRED,
                    offer=r.id,
                )
            try:
                await self._writer.save(r, expired, now, {"held_until": {"$lte": now}})
            except StaleRevision:
                continue  # accepted at the last moment
            done += 1
        return done

    async def offer_free_seats(self, now: datetime) -> int:
        """Offers free seats to waitlist entries and notifies readers of free-seat alerts. Ends
        entries that cannot be fulfilled any more, and withdraws offers that cannot be accepted
        any more. Returns the number of changes."""
        done = 0
        checked, self._last_checked = self._last_checked, {}
        reported_occupied: set[SeatId] | None = None
        after: WaitlistEntry | None = None
        alerts: list[tuple[WaitlistEntry, Reader | None, bool]] = []
        while entries := await self._waitlist.iterate_open(after, BATCH):
            if reported_occupied is None:
                reported_occupied = await self._reservations.reported_occupied_seats(now)
            # The plan and rules under which the entries were made may be newer than this worker's
            # copy.
            await self._reference.refresh()
            readers = await self._matcher.readers_of(entries)
            eligible = await self._matcher.eligible(entries, readers, now)
            for entry in entries:
                if entry.id in checked:
                    self._last_checked[entry.id] = checked[entry.id]
                reader, may_have_it = readers.get(entry.reader_id), entry.id in eligible
                if entry.alert:
                    alerts.append((entry, reader, may_have_it))
                    continue
                done += await self._process_entry(
                    entry, reader, may_have_it, reported_occupied, now
                )
                await asyncio.sleep(0)  # lets requests run in between
            after = entries[-1]
        for entry, reader, may_have_it in alerts:  # they get what no entry in line has taken
            done += await self._process_entry(
                entry, reader, may_have_it, reported_occupied or set(), now
            )
            await asyncio.sleep(0)
        return done

    async def _process_entry(
        self,
        entry: WaitlistEntry,
        reader: Reader | None,
        eligible: bool,
        reported_occupied: set[SeatId],
        now: datetime,
    ) -> int:
        if entry.state is WaitlistState.OFFERED:
            return await self._process_offered(entry, reader, now)
        if entry.remaining(now, self._shortest(entry)) is None:
            return await self._close(entry, WaitlistState.WAITING, WaitlistState.EXPIRED)
        end = self._early_end(entry, reader, now)
        if end is not None:
            return await self._close(entry, WaitlistState.WAITING, WaitlistState.EXPIRED, end)
        if waits_for_morning(self._reference.zone, max(now, entry.start), now) or not eligible:
            return 0
        return await self._offer_free_seat(entry, reader, reported_occupied, now)

    async def _offer_free_seat(
        self,
        entry: WaitlistEntry,
        reader: Reader | None,
        reported_occupied: set[SeatId],
        now: datetime,
    ) -> int:
        occupancy = await self._occupancy.get_day(self._reference.zone.day(entry.start))
        checked = occupancy, occupancy.version, floor_minute(now)
        if self._last_checked.get(entry.id) == checked:
            return 0
        self._last_checked[entry.id] = checked
        area = self._reference.catalog.areas.get(entry.area_id)
        for seat in area.seats if area is not None else ():
            span = self._matcher.match(entry, seat, occupancy, now)
            if span is None or seat.id in reported_occupied:
                continue
            if not self._reference.may_use_seat(seat, reader, entry.day(self._reference.zone)):
                continue
            if entry.alert:
                alert_end = WaitlistEnd(now, EndReason.SEAT_FREE)
                return await self._close(
                    entry, WaitlistState.WAITING, WaitlistState.TOLD, alert_end
                )
            offer = await self._matcher.create_offer(entry, seat, span, now)
            try:
                with self._occupancy.inserting(offer.date):
                    await self._reservations.insert_together(
                        offer, self._waitlist.offering(self._reference.zone, offer)
                    )
            except (ClaimLost, StaleRevision):
                continue
            self._occupancy.record_write(offer)
            return 1
        return 0

    async def _process_offered(
        self, entry: WaitlistEntry, reader: Reader | None, now: datetime
    ) -> int:
        """Withdraws the entry's offer if it cannot be accepted any more. Then updates the entry
        to the state of its offer, for example after an acceptance that was interrupted. Returns
        the number of changed entries."""
        offer = await self._reservations.get(entry.offer or "")
        if offer is None:
            return 0
        acceptable = self._matcher.is_acceptable(offer, reader, now)
        end = self._early_end(entry, reader, now)
        if offer.state is ReservationState.OFFERED:
            if acceptable:
                return 0
            # If the entry ends early, its reader gets that message instead.
            expired = transitions.expire_offer(offer, _SYSTEM, now, notify_reader=end is None)
            try:
                offer = await self._writer.save(offer, expired, now)
            except StaleRevision:
                return 0  # answered at the last moment
        if offer.state is not ReservationState.OFFER_EXPIRED:
            return await self._close(entry, WaitlistState.OFFERED, WaitlistState.ACCEPTED)
        if end is not None:
            return await self._close(entry, WaitlistState.OFFERED, WaitlistState.EXPIRED, end)
        if not acceptable:
            return int(await self._waitlist.wait_again(entry.id, offer.id))
        return await self._close(entry, WaitlistState.OFFERED, WaitlistState.OFFER_EXPIRED)

    def _shortest(self, entry: WaitlistEntry) -> timedelta:
        policy = self._reference.policy_for(entry.area_id, entry.day(self._reference.zone))
        return timedelta(minutes=policy.min_minutes)

    def _early_end(
        self, entry: WaitlistEntry, reader: Reader | None, now: datetime
    ) -> WaitlistEnd | None:
        area = self._reference.catalog.areas.get(entry.area_id)
        seats = area.seats if area is not None else ()
        return early_end(self._reference.zone, entry, seats, reader, self._shortest(entry), now)

    async def _close(
        self,
        entry: WaitlistEntry,
        state: WaitlistState,
        becomes: WaitlistState,
        end: WaitlistEnd | None = None,
    ) -> int:
        closed = await self._waitlist.close(entry.id, [state], becomes, end, offer=entry.offer)
        return int(closed is not None)
