from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from models.booking.entitlement import check_seat
from models.booking.writer import MAX_ATTEMPTS, ReservationWriter
from models.kernel.errors import Busy, NotFound, WrongState
from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import Area, SeatId
from models.occupancy.live import LiveOccupancy
from models.policy.rules import may_filter
from models.readers.context import RequestContext
from models.reference_data import ReferenceData
from models.reservation_store.repository import ReservationRepository
from models.reservations import rules, transitions
from models.reservations.claims import ClaimKind
from models.reservations.entities import Reservation
from models.reservations.errors import (
    ClaimLost,
    GroupOnly,
    OwnOverlap,
    StaleRevision,
)
from models.reservations.rules import TimeSelection
from models.reservations.state_machine import ReservationState
from models.storage.mongo import new_id
from models.storage.transactions import InTransaction
from models.waitlist.entities import WaitlistEntry, WaitlistState
from models.waitlist.errors import SeatFree
from models.waitlist.matching import WaitlistMatcher
from models.waitlist.repository import WaitlistRepository

_OPEN: Final = (WaitlistState.WAITING, WaitlistState.OFFERED)


class WaitlistService:
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

    async def page_of(
        self, reader_id: ReaderId, skip: int, limit: int
    ) -> tuple[list[WaitlistEntry], int]:
        """A page of the reader's waitlist entries, the latest first, and the number of all of
        them."""
        return await self._waitlist.page_of(reader_id, skip, limit)

    async def open_of(self, reader_id: ReaderId) -> list[WaitlistEntry]:
        return await self._waitlist.open_of(reader_id)

    def offering(self, offer: Reservation, entry: WaitlistEntry) -> InTransaction:
        """The step of a transaction that inserts the new ``entry`` and marks it as offered by
        ``offer``. It fails with a ClaimLost of the kind WAITLIST if the reader has another entry
        for that time."""
        return self._waitlist.offering(self._reference.zone, offer, entry)

    async def position_of(self, entry: WaitlistEntry) -> int:
        return await self._waitlist.position_of(entry)

    async def offer_of(self, entry: WaitlistEntry) -> Reservation | None:
        return await self._reservations.get(entry.offer) if entry.offer else None

    async def join(
        self,
        ctx: RequestContext,
        area_id: str,
        seats: Iterable[str],
        features: frozenset[str],
        selection: TimeSelection,
        *,
        only_tell: bool = False,
    ) -> WaitlistEntry:
        """Adds a waitlist entry, which waits in line for a seat. With ``only_tell`` the entry is a
        free-seat alert: it does not stand in line and gets no offer, but the reader is notified
        once if a seat is free.

        Raises: the errors of ``ReservationService.create`` about time and reader; SeatFree;
        SeatDisabled if all suitable seats are out of service; GroupOnly if these are reserved for
        other groups; AlreadyWaiting, AlreadyAlerted, TooManyAlerts, FilterOff, NotFound.
        """
        area = self._reference.area(area_id)
        seat_ids = frozenset(SeatId(seat) for seat in seats)
        if not area.seats or any(self._reference.seat(id).area_id != area.id for id in seat_ids):
            raise NotFound()
        policy = self._reference.policy_for(area.id, selection.day, ctx.reader)
        may_filter(features, policy, self._reference.catalog.features.filters)
        rules.check_reader_eligible(ctx.reader, selection.day, ctx.now)
        rules.check_date_bookable(self._reference.zone, selection.day, policy, ctx.now)
        hours = self._reference.opening_hours(policy, selection.day, area.id)
        span = rules.resolve_time(self._reference.zone, selection, policy, hours, ctx.now)
        entry = WaitlistEntry(
            new_id(), ctx.reader.id, area.id, seat_ids, features, span.start, span.end, ctx.now
        )
        _check_seats_in_service(self._reference.zone, entry, area)
        self._check_any_entitled(ctx, entry, area)
        await self._check_nothing_booked(ctx, selection, span, policy.daily_booking_limit)
        await self._check_nothing_free(ctx, entry, area)
        if only_tell:
            return await self._waitlist.add_alert(self._reference.zone, entry)
        await self._waitlist.join(self._reference.zone, entry)
        return entry

    def _check_any_entitled(self, ctx: RequestContext, entry: WaitlistEntry, area: Area) -> None:
        groups_instead = self._reference.groups_instead
        suitable = [seat for seat in area.seats if entry.wants(self._reference.zone, seat)]
        others = [
            groups_instead(seat, ctx.reader, entry.day(self._reference.zone)) for seat in suitable
        ]
        if all(others):
            raise GroupOnly(sorted({name for names in others for name in names}))

    async def _check_nothing_booked(
        self, ctx: RequestContext, selection: TimeSelection, span: TimeRange, limit: int
    ) -> None:
        occupancy = await self._occupancy.get_day(selection.day)
        for row in occupancy.by_reader.get(ctx.reader.id, ()):
            # The entry of an offer claims its time, so another place in line raises AlreadyWaiting.
            offered = row.state is ReservationState.OFFERED
            if not offered and row.start < span.end and span.start < row.end:
                raise OwnOverlap()
        used = await self._reservations.used_daily_numbers(
            self._reference.zone, ctx.reader.id, selection.day
        )
        rules.free_daily_number(used, limit)

    async def _check_nothing_free(
        self, ctx: RequestContext, entry: WaitlistEntry, area: Area
    ) -> None:
        """Checks that no suitable seat is free. Raises: SeatFree with up to three free seats."""
        occupancy = await self._occupancy.get_day(entry.day(self._reference.zone))
        free = [
            seat
            for seat in area.seats
            if self._matcher.match(entry, seat, occupancy, ctx.now) is not None
            and self._reference.may_use_seat(seat, ctx.reader, entry.day(self._reference.zone))
        ]
        if free:
            raise SeatFree(seats=[self._reference.catalog.described(s) for s in free[:3]])

    async def leave(self, ctx: RequestContext, id: str, *, by_library: bool = False) -> None:
        """Ends the reader's entry; if it has an offer, the seat is offered to the next entry.
        ``by_library``: True if the library ends it; the reader is then notified of a withdrawn
        offer, but not of the entry's end. Raises: NotFound, Busy."""
        for _ in range(MAX_ATTEMPTS):
            entry = await self._waitlist.get(id)
            if entry is None or entry.reader_id != ctx.reader.id:
                raise NotFound()
            if entry.state not in _OPEN:
                return
            # The offer first: after an interruption, the next attempt or the job updates the entry.
            # In the other order a seat could stay held for no entry.
            offer = await self.offer_of(entry)
            if offer is not None and offer.state is ReservationState.OFFERED:
                await self._release_offer(offer, ctx, by_library=by_library)
            if await self._waitlist.withdraw(entry):
                return
        raise Busy()

    async def decline(
        self, ctx: RequestContext, id: str, *, by_library: bool = False
    ) -> Reservation:
        """Declines the offer, whose seat is offered to the next entry; the reader's own entry
        waits on for other seats. ``by_library``: True if the library withdraws the offer, of
        which the reader is then notified. Raises: NotFound, WrongState."""
        offer = await self._writer.get_own(id, ctx.reader.id)
        if offer.state is not ReservationState.OFFERED:
            raise WrongState(state=offer.state.value)
        if offer.waitlist_entry_id is not None:
            await self._waitlist.decline(offer.waitlist_entry_id, offer.seat_id, offer.id)
        return await self._release_offer(offer, ctx, by_library=by_library)

    async def accept(self, ctx: RequestContext, id: str) -> Reservation:
        """Accepts the offer, which becomes one of the reader's bookings of the day. Raises:
        NotFound, WrongState, Suspended, NotAdmitted, DailyLimit, Busy; and if hours, seat or
        groups were changed since the offer, Closed, SeatDisabled, SeatKept, GroupOnly."""
        daily_number = 1
        # A try fails if another booking of the reader has just taken the number. Four tries for
        # each number of the day are more than such a race needs.
        for _ in range(4 * self._reference.policy.daily_booking_limit):
            offer = await self._writer.get_own(id, ctx.reader.id)
            day = offer.date
            policy = self._reference.policy_for(offer.area_id, day, ctx.reader)
            self._check_acceptable(ctx, offer)
            new = transitions.accept(offer, daily_number, policy, ctx.actor, ctx.now)
            try:
                # Not `save`: no seat is released.
                new = await self._writer.replace(offer, new)
            except StaleRevision:
                continue
            except ClaimLost as lost:
                if lost.kind is not ClaimKind.DAILY:
                    raise  # cannot happen: the offer already holds its seat and time
                used = await self._reservations.used_daily_numbers(
                    self._reference.zone, ctx.reader.id, day
                )
                daily_number = rules.free_daily_number(used, policy.daily_booking_limit)
                continue
            if offer.waitlist_entry_id is not None:
                await self._waitlist.close(offer.waitlist_entry_id, _OPEN, WaitlistState.ACCEPTED)
            return new
        raise Busy()

    def _check_acceptable(self, ctx: RequestContext, offer: Reservation) -> None:
        rules.check_reader_eligible(ctx.reader, offer.date, ctx.now)
        rules.may_accept(offer, ctx.now)
        seat = self._reference.seat_even_if_removed(offer.seat_id)
        check_seat(self._reference, seat, ctx.reader, offer.span)

    async def _release_offer(
        self, offer: Reservation, ctx: RequestContext, *, by_library: bool
    ) -> Reservation:
        expired = transitions.expire_offer(offer, ctx.actor, ctx.now, notify_reader=by_library)
        try:
            return await self._writer.save(offer, expired, ctx.now)
        except StaleRevision:
            return await self._writer.get_own(offer.id, ctx.reader.id)


def _check_seats_in_service(zone: Zone, entry: WaitlistEntry, area: Area) -> None:
    """Checks that the area has a seat for which the entry could wait. Raises: NotFound if it has
    none; SeatDisabled if all of them are out of service."""
    named = [seat for seat in area.seats if entry.names(seat)]
    if not named:
        raise NotFound()
    if not any(entry.wants(zone, seat) for seat in named):
        rules.seat_in_service(named[0], entry.day(zone))
        rules.seat_in_service(named[0], zone.last_day(TimeRange(entry.start, entry.end)))
