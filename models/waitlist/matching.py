from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from models.booking.entitlement import check_in_service, check_seat
from models.booking.writer import SeatOffer
from models.kernel.errors import NotFound, RuleViolation
from models.kernel.ids import Actor, ReaderId, ReservationId
from models.kernel.time_range import TimeRange
from models.library.entities import Seat
from models.occupancy.joined import OccupancyView
from models.occupancy.live import LiveOccupancy
from models.readers.entities import Reader
from models.readers.repository import ReaderRepository
from models.reference_data import ReferenceData
from models.reservation_store.repository import ReservationRepository
from models.reservations import rules, transitions
from models.reservations.entities import OutboxEventKind, Placement, Reservation
from models.reservations.state_machine import CHECKED_IN_STATES
from models.storage.mongo import new_id
from models.waitlist.entities import (
    OFFER_DURATION,
    OFFER_DURATION_UNREACHABLE,
    RENEWAL_PRIORITY,
    WaitlistEntry,
    waits_for_morning,
)
from models.waitlist.repository import WaitlistRepository
from models.waitlist.rules import can_be_offered, can_hold

_SYSTEM: Final = Actor("system", "line")
_READERS_AT_ONCE: Final = 20
"""At most this many readers are looked up at once to find one who may be offered a seat. Nearly
always one of them may."""


MissesOffers = Callable[[ReaderId, datetime], Awaitable[bool]]
"""A function that returns True if none of the channels that would notify the reader of an offer
can send now."""


class WaitlistMatcher:
    def __init__(
        self,
        waitlist: WaitlistRepository,
        reservations: ReservationRepository,
        readers: ReaderRepository,
        occupancy: LiveOccupancy,
        reference: ReferenceData,
        misses_offers: MissesOffers,
    ) -> None:
        self._waitlist, self._reservations, self._readers = waitlist, reservations, readers
        self._occupancy, self._reference = occupancy, reference
        self._misses_offers = misses_offers

    async def next_offer(
        self, old: Reservation, new: Reservation, now: datetime, passed_over: set[str]
    ) -> SeatOffer | None:
        """An offer of the seat that the change from ``old`` to ``new`` releases, to the first
        entry in line that fits and whose reader can accept it; None if there is none.
        ``passed_over``: the ids of entries to which such an offer has just failed, because the
        entry or its reader's time was taken meanwhile."""
        remaining = rules.kept_time(old, new)
        seat = self._reference.catalog.seats.get(old.seat_id)
        begin = max(now, old.start)
        if seat is None or old.end <= now or waits_for_morning(self._reference.zone, begin, now):
            return None
        if not rules.gives_seat_back(old, new):
            return None
        entries = await self._waitlist.waiting_for(seat.area_id, begin, old.end)
        if not entries or seat.id in await self._reservations.reported_occupied_seats(now):
            return None
        fitting: list[tuple[WaitlistEntry, TimeRange]] = []
        for entry in entries:
            if entry.id in passed_over or entry.reader_id == old.reader_id:
                continue
            if waits_for_morning(self._reference.zone, max(now, entry.start), now):
                continue
            occupancy = await self._occupancy.get_day(entry.day(self._reference.zone))
            span = self.match(entry, seat, occupancy, now, exclude=old.id)
            if span is not None and not (remaining is not None and remaining.overlaps(span)):
                fitting.append((entry, span))
        match = await self._first_eligible(seat, fitting, now)
        if match is None:
            return None
        offer = await self.create_offer(match[0], seat, match[1], now)
        return SeatOffer(offer, self._waitlist.offering(self._reference.zone, offer))

    async def _first_eligible(
        self, seat: Seat, fitting: list[tuple[WaitlistEntry, TimeRange]], now: datetime
    ) -> tuple[WaitlistEntry, TimeRange] | None:
        for n in range(0, len(fitting), _READERS_AT_ONCE):
            some = fitting[n : n + _READERS_AT_ONCE]
            readers = await self.readers_of([entry for entry, _ in some])
            eligible = await self.eligible([entry for entry, _ in some], readers, now)
            for entry, span in some:
                reader = readers.get(entry.reader_id)
                entitled = self._reference.may_use_seat(
                    seat, reader, entry.day(self._reference.zone)
                )
                if entry.id in eligible and entitled:
                    return entry, span
        return None

    async def readers_of(self, entries: Sequence[WaitlistEntry]) -> Mapping[ReaderId, Reader]:
        return await self._readers.many({entry.reader_id for entry in entries})

    async def eligible(
        self, entries: Sequence[WaitlistEntry], readers: Mapping[ReaderId, Reader], now: datetime
    ) -> set[str]:
        """The ids of the entries whose readers could accept a seat now, by suspension, visit and
        daily limit. Queries the database once for each day of the entries."""
        eligible: set[str] = set()
        for day in {entry.day(self._reference.zone) for entry in entries}:
            of_day = [entry for entry in entries if entry.day(self._reference.zone) == day]
            ids = {entry.reader_id for entry in of_day}
            used = await self._reservations.used_daily_numbers_of(self._reference.zone, ids, day)
            for entry in of_day:
                id = entry.reader_id
                # Without the reader: groups and accommodations do not change the daily limit.
                policy = self._reference.policy_for(entry.area_id, day)
                if can_be_offered(readers.get(id), day, used[id], policy.daily_booking_limit, now):
                    eligible.add(entry.id)
        return eligible

    def match(
        self,
        entry: WaitlistEntry,
        seat: Seat,
        occupancy: OccupancyView,
        now: datetime,
        exclude: str = "",
    ) -> TimeRange | None:
        """The time for which the entry can be offered the seat; None if it cannot. The
        reservation with the id ``exclude`` is ignored in the occupancy. Whether the reader may
        book (``eligible``) and whether the seat is reserved for others is not checked."""
        policy = self._reference.policy_for(seat.area_id, entry.day(self._reference.zone))
        span = entry.remaining(now, timedelta(minutes=policy.min_minutes))
        if span is None or not entry.accepts(self._reference.zone, seat):
            return None
        try:
            check_in_service(self._reference, seat, span)
        except RuleViolation:
            return None  # closed or out of service meanwhile
        for row in occupancy.by_seat.get(seat.id, ()):
            if row.id == exclude:
                continue
            if row.start < span.end and span.start < row.end:
                return None
            # The stay's reader may renew first. An alert takes no seat from them.
            stays = row.state in CHECKED_IN_STATES and row.end == span.start
            if stays and not entry.alert and now < row.end - RENEWAL_PRIORITY:
                return None
        for row in occupancy.by_reader.get(entry.reader_id, ()):
            if row.id != exclude and row.start < span.end and span.start < row.end:
                return None
        return span

    async def create_offer(
        self, entry: WaitlistEntry, seat: Seat, span: TimeRange, now: datetime
    ) -> Reservation:
        """An offer of the seat to the entry's reader. The offer lasts longer if no channel can
        notify the reader now, even if a channel works again later."""
        unreachable = await self._misses_offers(entry.reader_id, now)
        until = min(now + (OFFER_DURATION_UNREACHABLE if unreachable else OFFER_DURATION), span.end)
        event_kind = OutboxEventKind.WAITLIST_OFFER
        return offer_for(self._reference, entry, seat, span, until, _SYSTEM, now, event_kind)

    def is_acceptable(self, offer: Reservation, reader: Reader | None, now: datetime) -> bool:
        if not can_hold(reader, offer.date, now):
            return False
        try:
            seat = self._reference.seat_even_if_removed(offer.seat_id)
            check_seat(self._reference, seat, reader, offer.span)
        except (NotFound, RuleViolation):
            return False
        return True


def offer_for(
    reference: ReferenceData,
    entry: WaitlistEntry,
    seat: Seat,
    span: TimeRange,
    until: datetime,
    actor: Actor,
    now: datetime,
    event_kind: OutboxEventKind,
) -> Reservation:
    """An offer of the seat to the entry's reader that ends at ``until``. Like a booking, the
    offer claims the half hours of seat and reader. The event ``event_kind`` notifies the reader."""
    venue_id = reference.catalog.areas[seat.area_id].venue_id
    return transitions.create_offer(
        id=ReservationId(new_id()),
        placement=Placement(reference.zone, entry.reader_id, venue_id, seat.area_id, seat.id, span),
        policy=reference.policy_for(seat.area_id, entry.day(reference.zone)),
        waitlist_entry_id=entry.id,
        until=until,
        actor=actor,
        now=now,
        event_kind=event_kind,
    )
