"""Cancels or replaces bookings that new opening hours or a new plan no longer allow, or keeps
them, as the staff choose."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Final

from models.affected_bookings import transitions
from models.affected_bookings.impact import Availability
from models.booking.alternatives import overlaps
from models.booking.writer import ReservationWriter
from models.kernel.errors import Busy, DomainError, NotFound, RuleViolation, WrongState
from models.kernel.ids import Actor
from models.kernel.time_range import TimeRange, floor_minute
from models.kernel.zone import Zone
from models.library.entities import Seat, SeatId
from models.occupancy.live import LiveOccupancy
from models.readers.context import RequestContext
from models.readers.repository import ReaderRepository
from models.reference_data import ReferenceData
from models.reservation_store.repository import ReservationRepository
from models.reservations import rules
from models.reservations import transitions as reservation_transitions
from models.reservations.claims import ClaimKind
from models.reservations.entities import OutboxEventKind, Reservation
from models.reservations.errors import ClaimLost, StaleRevision
from models.reservations.occupancy_rows import OccupancyRow
from models.reservations.state_machine import ReservationState
from models.storage.mongo import new_id
from models.waitlist.entities import OFFER_DURATION, QUIET_HOURS, WaitlistEntry, in_quiet_hours
from models.waitlist.matching import offer_for
from models.waitlist.service import WaitlistService

KEPT_FOR: Final = timedelta(hours=2)
"""An offer of another seat is held for at most this long. The hours of the night do not count."""
_TRIES: Final = 8


class Resolution(StrEnum):
    """The staff's choice for affected bookings: cancel and offer another seat, cancel, or keep."""

    OFFER = "offer"
    CANCEL = "cancel"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class ResolutionResult:
    """Numbers of bookings. `cancelled`: cancelled ones. `offered`: cancelled ones for which
    another seat was offered. `left`: those that could not be cancelled now."""

    cancelled: int = 0
    offered: int = 0
    left: int = 0

    def __add__(self, more: ResolutionResult) -> ResolutionResult:
        return ResolutionResult(
            self.cancelled + more.cancelled, self.offered + more.offered, self.left + more.left
        )


class AffectedBookingService:
    def __init__(
        self,
        reservations: ReservationRepository,
        readers: ReaderRepository,
        occupancy: LiveOccupancy,
        reference: ReferenceData,
        writer: ReservationWriter,
        waitlist: WaitlistService,
    ) -> None:
        self._reservations, self._readers = reservations, readers
        self._occupancy, self._reference = occupancy, reference
        self._writer, self._waitlist = writer, waitlist

    async def resolve(
        self,
        rows: list[OccupancyRow],
        resolution: Resolution,
        actor: Actor,
        now: datetime,
        sizes: bool = False,
        entitled: bool = False,
    ) -> ResolutionResult:
        """Applies the resolution to the reservations in ``rows`` that are still not allowed, and
        notifies their readers. Stays that have begun are left alone; offers are withdrawn in any
        case.

        `sizes`: treats bookings that are too long or too short as not allowed. `entitled`: treats
        bookings of a seat that is reserved for others as not allowed.
        """
        done, available = ResolutionResult(), self._availability()
        occupied: set[SeatId] | None = None
        if resolution is Resolution.OFFER:
            # Seats that are occupied without a booking.
            occupied = await self._reservations.reported_occupied_seats(now)
        readers = await self._readers.many({row.reader_id for row in rows})

        def fits(r: Reservation) -> bool:
            limits = self._reference.limits_of(readers.get(r.reader_id), r.date)
            sized = not sizes or available.has_length(r.seat_id, r.start, r.end, limits)
            seat = self._reference.catalog.all_seats.get(r.seat_id)
            if entitled and seat is not None:
                sized = sized and self._reference.may_use_seat(
                    seat, readers.get(r.reader_id), r.date
                )
            return sized and available.can_seat(r.seat_id, r.start, r.end)

        for row in rows:
            reader = readers.get(row.reader_id)
            if reader is None:
                continue
            ctx = RequestContext(reader, actor, now)
            try:
                if row.state is ReservationState.OFFERED:
                    await self._waitlist.decline(ctx, row.id, by_library=True)
                elif row.state is ReservationState.RESERVED and resolution is not Resolution.KEEP:
                    done += await self._cancel_or_rebook(ctx, row.id, fits, occupied)
            except (NotFound, WrongState):
                continue  # the reader has acted first
            except DomainError:
                done += ResolutionResult(left=1)
            await asyncio.sleep(0)  # lets requests run in between
        return done

    def _availability(self) -> Availability:
        return Availability(self._reference.zone, self._reference.policy, self._reference.catalog)

    async def _cancel_or_rebook(
        self,
        ctx: RequestContext,
        id: str,
        fits: Callable[[Reservation], bool],
        occupied: Collection[SeatId] | None,
    ) -> ResolutionResult:
        """Cancels the booking. If ``occupied`` is given, offers another seat outside of it in
        the same step. If the booking is allowed again, as ``fits`` decides, it stays. Raises:
        NotFound, WrongState, Unavailable, Busy."""
        for _ in range(_TRIES):
            old = await self._writer.get_own(id, ctx.reader.id)
            rules.may_cancel(old, ctx.now)
            if fits(old):
                return ResolutionResult()
            try:
                if occupied is not None and await self._offer_alternative(ctx, old, occupied):
                    return ResolutionResult(cancelled=1, offered=1)
                cancelled = reservation_transitions.cancel(old, ctx.actor, ctx.now)
                await self._writer.save(old, cancelled, ctx.now)
            except StaleRevision:
                continue
            return ResolutionResult(cancelled=1)
        raise Busy()

    async def _offer_alternative(
        self, ctx: RequestContext, old: Reservation, occupied: Collection[SeatId]
    ) -> bool:
        """Cancels the booking and holds another seat outside ``occupied`` for its reader. False,
        without a change, if there is no seat that the reader could take now, or the reader waits
        in line for that time. Raises: StaleRevision, Unavailable."""
        cancelled = transitions.cancel_for_offer(old, ctx.actor, ctx.now)
        span = TimeRange(max(old.start, floor_minute(ctx.now)), old.end)
        try:
            rules.check_reader_eligible(ctx.reader, old.date, ctx.now)
        except RuleViolation:
            return False
        available = self._availability()
        taken = (await self._occupancy.get_day(old.date)).by_seat
        limits = self._reference.limits_of(ctx.reader, old.date)
        for seat in self._alternative_seats(old.seat_id, span, available):
            if seat.id in occupied or overlaps(taken.get(seat.id, ()), span):
                continue
            if not (
                available.can_seat(seat.id, span.start, span.end)
                and available.has_length(seat.id, old.start, old.end, limits)
                and self._reference.may_use_seat(seat, ctx.reader, old.date)
            ):
                continue
            entry, offer = self._offer(ctx, old, seat, span)
            try:
                with self._occupancy.inserting(offer.date):
                    await self._reservations.replace_and_offer(
                        old, cancelled, None, offer, self._waitlist.offering(offer, entry)
                    )
            except ClaimLost as lost:
                if lost.kind is ClaimKind.WAITLIST:
                    return False  # the reader already waits for that time
                continue  # another request was faster
            self._occupancy.record_write(cancelled)
            self._occupancy.record_write(offer)
            return True
        return False

    def _offer(
        self, ctx: RequestContext, old: Reservation, seat: Seat, span: TimeRange
    ) -> tuple[WaitlistEntry, Reservation]:
        """An offer of ``seat`` to the reader of ``old``, and a new waitlist entry, by which the
        reader gets further offers after declining the first."""
        no_features: frozenset[str] = frozenset()
        entry = WaitlistEntry(
            new_id(),
            old.reader_id,
            seat.area_id,
            frozenset(),
            no_features,
            span.start,
            span.end,
            ctx.now,
        )
        until, event_kind = (
            _offer_deadline(self._reference.zone, span, ctx.now),
            OutboxEventKind.ALTERNATIVE_OFFER,
        )
        offer = offer_for(self._reference, entry, seat, span, until, ctx.actor, ctx.now, event_kind)
        return entry, transitions.add_cancelled(offer, old)

    def _alternative_seats(
        self, seat_id: SeatId, span: TimeRange, available: Availability
    ) -> Iterator[Seat]:
        """Seats that could replace the seat, in areas of its venue that are open for the time:
        first in its own area the nearest ones, then on the nearest floors."""
        catalog = self._reference.catalog
        seat = catalog.all_seats.get(seat_id)
        if seat is None:
            return
        home = catalog.areas[seat.area_id]
        areas = [a for a in catalog.areas.values() if a.venue_id == home.venue_id]
        for area in sorted(
            areas, key=lambda a: (a is not home, abs(a.floor - home.floor), a.order)
        ):
            if available.is_open(area.id, span.start, span.end):
                yield from catalog.nearest_seats(seat) if area is home else area.seats


def _offer_deadline(zone: Zone, span: TimeRange, now: datetime) -> datetime:
    awake = now
    if in_quiet_hours(zone, now):
        day = zone.day(now) + timedelta(days=zone.local(now).time() >= QUIET_HOURS[0])
        awake = zone.instant(day, time(QUIET_HOURS[1].hour))
    return min(max(span.start, now + OFFER_DURATION), awake + KEPT_FOR, span.end)
