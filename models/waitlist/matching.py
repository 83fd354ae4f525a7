"""Who gets a seat that becomes free: the first waitlist entry that it fits."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from models.kernel.ids import Actor, ReservationId
from models.kernel.time_range import TimeRange, local_date
from models.library.entities import Seat
from models.reference_data import ReferenceData
from models.reservations import transitions
from models.reservations.claims import ClaimKind
from models.reservations.entities import OutboxEventKind, Reservation
from models.reservations.live_occupancy import LiveOccupancy
from models.reservations.occupancy import DayOccupancy
from models.reservations.repository import ReservationRepository
from models.reservations.state_machine import CHECKED_IN_STATES
from models.reservations.writer import SeatOffer
from models.storage.mongo import new_id
from models.waitlist.entities import OFFER_DURATION, RENEWAL_PRIORITY, WaitlistEntry, in_quiet_hours
from models.waitlist.repository import WaitlistRepository

_SYSTEM: Final = Actor("system", "line")


class WaitlistMatcher:
    """Implements ``ReleasedSeats``; makes offers, and writes nothing."""

    def __init__(
        self,
        waitlist: WaitlistRepository,
        reservations: ReservationRepository,
        occupancy: LiveOccupancy,
        reference: ReferenceData,
    ) -> None:
        self._waitlist, self._reservations = waitlist, reservations
        self._occupancy, self._reference = occupancy, reference

    async def next_offer(
        self, old: Reservation, new: Reservation, now: datetime, passed_over: set[str]
    ) -> SeatOffer | None:
        """The offer to the first waitlist entry that fits what the change gives back, if any."""
        keeps = any(c.startswith(ClaimKind.SEAT.prefix) for c in new.claims)
        kept = new.span if keeps and new.seat_id == old.seat_id else None
        seat = self._reference.catalog.seats.get(old.seat_id)
        if seat is None or old.end <= now or in_quiet_hours(now):
            return None
        if kept is not None and kept.start <= old.start and old.end <= kept.end:
            return None
        entries = await self._waitlist.waiting_for(seat.area_id, max(now, old.start), old.end)
        if not entries or seat.id in await self._reservations.reported_occupied_seats(now):
            return None
        occupancy = await self._occupancy.get_day(old.date)
        for entry in entries:
            if entry.id in passed_over or entry.reader_id == old.reader_id:
                continue
            span = self.match(entry, seat, occupancy, now, exclude=old.id)
            if span is not None and not (kept is not None and kept.overlaps(span)):
                offer = self.create_offer(entry, seat, span, now)
                return SeatOffer(offer, self._waitlist.offering(offer))
        return None

    def match(
        self,
        entry: WaitlistEntry,
        seat: Seat,
        occupancy: DayOccupancy,
        now: datetime,
        exclude: str = "",
    ) -> TimeRange | None:
        """The time that the seat could be offered for, by what the occupancy knows without the
        reservation ``exclude``; the claim index decides."""
        policy = self._reference.policy_for(seat.area_id, entry.day)
        span = entry.remaining(now, timedelta(minutes=policy.min_minutes))
        if span is None or not entry.accepts(seat):
            return None
        if not self._reference.may_use_seat(seat, entry.reader_id, entry.day):
            return None
        hours = self._reference.opening_hours(policy, local_date(span.start), seat.area_id)
        if not hours.covers(span.start, span.end):
            return None  # closed since
        for row in occupancy.by_seat.get(seat.id, ()):
            if row.id == exclude:
                continue
            if row.start < span.end and span.start < row.end:
                return None
            stays = row.state in CHECKED_IN_STATES and row.end == span.start
            if stays and now < row.end - RENEWAL_PRIORITY:
                return None
        for row in occupancy.by_reader.get(entry.reader_id, ()):
            if row.id != exclude and row.start < span.end and span.start < row.end:
                return None
        return span

    def create_offer(
        self, entry: WaitlistEntry, seat: Seat, span: TimeRange, now: datetime
    ) -> Reservation:
        """The seat, held for the entry's reader for some minutes."""
        until, tell = min(now + OFFER_DURATION, span.end), OutboxEventKind.WAITLIST_OFFER
        return offer_for(self._reference, entry, seat, span, until, _SYSTEM, now, tell)


def offer_for(
    reference: ReferenceData,
    entry: WaitlistEntry,
    seat: Seat,
    span: TimeRange,
    until: datetime,
    actor: Actor,
    now: datetime,
    tell: OutboxEventKind,
) -> Reservation:
    """The seat, held for the entry's reader until ``until``; the event ``tell`` tells them."""
    return transitions.create_offer(
        id=ReservationId(new_id()),
        reader_id=entry.reader_id,
        venue_id=reference.catalog.areas[seat.area_id].venue_id,
        area_id=seat.area_id,
        seat_id=seat.id,
        span=span,
        policy=reference.policy_for(seat.area_id, entry.day),
        wait_id=entry.id,
        until=until,
        actor=actor,
        now=now,
        tell=tell,
    )
