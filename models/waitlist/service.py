"""候补: a seat that becomes free is held for the first in line, in the same step.

Whatever gives a seat back goes through ``Line.write``: it looks who waits, and lets the seat go and
holds it for them in one transaction, so no passer-by comes in between. What became free unseen (at
night, or in the moment in which somebody joined) a job offers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from models.kernel.errors import NotFound, Overloaded
from models.kernel.ids import Actor, ReservationId
from models.kernel.time_range import TimeRange, floor_minute, local_date
from models.library.entities import Seat, SeatId
from models.policy import rules as policy_rules
from models.readers.context import RequestContext
from models.reservations import rules, transitions
from models.reservations.claims import daily_booking_claim, slot_claims
from models.reservations.entities import Reservation
from models.reservations.errors import (
    AccessibleSeatOnly,
    ClaimConflict,
    DailyLimit,
    InvalidState,
    OverlapsOwnBooking,
    RevisionConflict,
)
from models.reservations.occupancy import DayOccupancy
from models.reservations.state_machine import CHECKED_IN_STATES, ReservationState
from models.storage.mongo import new_id
from models.waitlist.entities import (
    OFFER_DURATION,
    RENEWAL_PRIORITY,
    WaitlistEntry,
    WaitlistState,
    in_quiet_hours,
)
from models.waitlist.errors import SeatAvailable

if TYPE_CHECKING:
    from models.booking.desk import Desk

BATCH: Final = 200
_TRIES: Final = 8
_SYSTEM: Final = Actor("system", "line")
_OPEN: Final = (WaitlistState.WAITING, WaitlistState.OFFERED)


class WaitlistMatcher:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._looked: dict[str, tuple[DayOccupancy, int, datetime]] = {}
        """What of the board each place in the line was looked at with, in vain."""

    async def save(
        self,
        old: Reservation,
        new: Reservation,
        now: datetime,
        due: Mapping[str, object] | None = None,
    ) -> Reservation:
        """Write ``new`` over ``old``; a seat that it gives back is held for who waits for it.

        Returns ``new`` as it is stored. Raises: RevisionConflict, ClaimConflict, ServiceUnavailable.
        """
        desk, passed_over = self._desk, set[str]()
        for _ in range(_TRIES):
            offer = await self.next_offer(old, new, now, passed_over)
            if offer is None:
                break
            wait, hold = offer
            try:
                with desk.board.inserting(hold.date):
                    written = await desk.reservations.replace_and_offer(old, new, due, hold)
            except ClaimConflict:
                passed_over.add(wait.id)
                continue
            desk.board.record_write(new)
            desk.board.record_write(hold)
            return written
        written = await desk.reservations.replace(old, new, due)
        desk.board.record_write(new)
        return written

    async def next_offer(
        self, old: Reservation, new: Reservation, now: datetime, passed_over: set[str]
    ) -> tuple[WaitlistEntry, Reservation] | None:
        """Who is first in line for what is given back, with the hold for them."""
        desk = self._desk
        keeps = any(c.startswith("s:") for c in new.claims) and new.seat_id == old.seat_id
        kept = new.span if keeps else None
        seat = desk.library.seats.get(old.seat_id)
        if seat is None or old.end <= now or in_quiet_hours(now):
            return None
        if kept is not None and kept.start <= old.start and old.end <= kept.end:
            return None
        waits = await desk.waits.waiting_for(seat.area_id, max(now, old.start), old.end)
        if not waits or seat.id in await desk.reservations.reported_occupied_seats(now):
            return None
        board = await desk.board.get_day(old.date)
        for wait in waits:
            if wait.id in passed_over or wait.reader_id == old.reader_id:
                continue
            span = self._match(wait, seat, board, now, besides=old.id)
            if span is not None and not (kept is not None and kept.overlaps(span)):
                return wait, self._create_offer(wait, seat, span, now)
        return None

    def _match(
        self, wait: WaitlistEntry, seat: Seat, board: DayOccupancy, now: datetime, besides: str = ""
    ) -> TimeRange | None:
        """The time that the seat could be held for, as the board knows it; the index judges."""
        policy = self._desk.policy_for(seat.area_id, wait.day)
        span = wait.remaining(now, timedelta(minutes=policy.min_minutes))
        if span is None or not wait.accepts(seat):
            return None
        if not self._desk.may_use_seat(seat, wait.reader_id, wait.day):
            return None
        place = self._desk.opening_hours(policy, local_date(span.start), seat.area_id)
        if not place.covers(span.start, span.end):
            return None  # closed since
        for row in board.by_seat.get(seat.id, ()):
            if row.id == besides:
                continue
            if row.start < span.end and span.start < row.end:
                return None
            stays = row.state in CHECKED_IN_STATES and row.end == span.start
            if stays and now < row.end - RENEWAL_PRIORITY:
                return None
        for row in board.by_reader.get(wait.reader_id, ()):
            if row.id != besides and row.start < span.end and span.start < row.end:
                return None
        return span

    def _create_offer(
        self, wait: WaitlistEntry, seat: Seat, span: TimeRange, now: datetime
    ) -> Reservation:
        desk = self._desk
        return transitions.create_offer(
            id=ReservationId(new_id()),
            reader_id=wait.reader_id,
            venue_id=desk.library.areas[seat.area_id].venue_id,
            area_id=seat.area_id,
            seat_id=seat.id,
            span=span,
            policy=desk.policy_for(seat.area_id, wait.day),
            claims=slot_claims(seat.id, wait.reader_id, span),
            wait_id=wait.id,
            until=min(now + OFFER_DURATION, span.end),
            actor=_SYSTEM,
            now=now,
        )

    # --- what time does by itself ---------------------------------------------------------------

    async def expire_offers(self, now: datetime) -> int:
        """Offers that nobody took pass on."""
        desk, done = self._desk, 0
        for r in await desk.reservations.due_for_lapse(now, BATCH):
            assert r.held_until is not None
            gone = transitions.expire_offer(r, _SYSTEM, r.held_until)
            if r.wait_id is not None:
                # First: it must not be offered to the same reader again.
                await desk.waits.close(
                    r.wait_id, [WaitlistState.OFFERED], WaitlistState.OFFER_EXPIRED
                )
            try:
                await self.save(r, gone, now, {"held_until": {"$lte": now}})
            except RevisionConflict:
                continue  # accepted in the last moment
            done += 1
        return done

    async def offer_free_seats(self, now: datetime) -> int:
        """Hold what is free for who waits; and end the places whose time is over."""
        desk, done = self._desk, 0
        looked, self._looked = self._looked, {}
        taken: set[SeatId] | None = None
        after: WaitlistEntry | None = None
        while waits := await desk.waits.iterate_open(after, BATCH):
            if taken is None:
                taken = await desk.reservations.reported_occupied_seats(now)
            for wait in waits:
                if wait.id in looked:
                    self._looked[wait.id] = looked[wait.id]
                done += await self._process_entry(wait, taken, now)
                await asyncio.sleep(0)  # requests have their turn
            after = waits[-1]
        return done

    async def _process_entry(self, wait: WaitlistEntry, taken: set[SeatId], now: datetime) -> int:
        desk = self._desk
        shortest = timedelta(minutes=desk.policy_for(wait.area_id, wait.day).min_minutes)
        if wait.state is WaitlistState.OFFERED:
            return await self._sync_offer_outcome(wait)
        if wait.remaining(now, shortest) is None:
            return int(
                await desk.waits.close(wait.id, [WaitlistState.WAITING], WaitlistState.EXPIRED)
                is not None
            )
        if in_quiet_hours(now):
            return 0
        board = await desk.board.get_day(local_date(wait.start))
        looked = board, board.version, floor_minute(now)
        if self._looked.get(wait.id) == looked:
            return 0
        self._looked[wait.id] = looked
        for seat in self._seats(wait):
            span = self._match(wait, seat, board, now)
            if span is None or seat.id in taken:
                continue
            hold = self._create_offer(wait, seat, span, now)
            try:
                with desk.board.inserting(hold.date):
                    await desk.reservations.insert_offer(hold)
            except (ClaimConflict, RevisionConflict):
                continue
            desk.board.record_write(hold)
            return 1
        return 0

    async def _sync_offer_outcome(self, wait: WaitlistEntry) -> int:
        """An offer that was decided, while the note about it was cut off."""
        held = await self._desk.reservations.get(wait.offer or "")
        if held is None or held.state is ReservationState.OFFERED:
            return 0
        taken = held.state is not ReservationState.OFFER_EXPIRED
        state = WaitlistState.ACCEPTED if taken else WaitlistState.OFFER_EXPIRED
        return int(
            await self._desk.waits.close(wait.id, [WaitlistState.OFFERED], state) is not None
        )

    def _seats(self, wait: WaitlistEntry) -> Iterable[Seat]:
        area = self._desk.library.areas.get(wait.area_id)
        return area.seats if area is not None else ()

    # --- the reader -----------------------------------------------------------------------------

    async def join(
        self,
        ask: RequestContext,
        area_id: str,
        seats: Iterable[str],
        marks: frozenset[str],
        wish: rules.TimeSelection,
    ) -> WaitlistEntry:
        """A place in the line. Raises: as ``reserve.reserve``, for the time and for the reader;
        SeatAvailable where nobody has to wait, AlreadyWaiting, FilterDisabled, NotFound."""
        desk = self._desk
        area = desk.area(area_id)
        if not area.seats:
            raise NotFound()
        wanted = frozenset(SeatId(seat) for seat in seats)
        if any(desk.seat(id).area_id != area.id for id in wanted):
            raise NotFound()
        policy = desk.policy_for(area.id, wish.day)
        policy_rules.may_filter(marks, policy)
        rules.check_reader_eligible(ask.reader, wish.day, ask.now)
        rules.check_date_bookable(wish.day, policy, ask.now)
        span = rules.resolve_time(
            wish, policy, desk.opening_hours(policy, wish.day, area.id), ask.now
        )
        wait = WaitlistEntry(
            new_id(), ask.reader.id, area.id, wanted, marks, span.start, span.end, ask.now
        )
        board = await desk.board.get_day(wish.day)
        for row in board.by_reader.get(ask.reader.id, ()):
            # What is held for them now is of a place in the line, which the index knows.
            if (
                row.state is not ReservationState.OFFERED
                and row.start < span.end
                and span.start < row.end
            ):
                raise OverlapsOwnBooking()
        used = await desk.reservations.used_daily_slots(ask.reader.id, wish.day)
        if len(used) >= policy.daily_booking_limit:
            raise DailyLimit(limit=policy.daily_booking_limit)
        free = [s for s in self._seats(wait) if self._match(wait, s, board, ask.now) is not None]
        if free:
            raise SeatAvailable(
                seats=[
                    {"id": s.id, "no": s.number, "label": desk.library.seat_label(s)}
                    for s in free[:3]
                ]
            )
        await desk.waits.join(wait)
        return wait

    async def leave(self, ask: RequestContext, id: str) -> None:
        """Give the place up; a seat that is held passes on. Raises: NotFound."""
        desk = self._desk
        wait = await desk.waits.get(id)
        if wait is None or wait.reader_id != ask.reader.id:
            raise NotFound()
        # What it was offered up to this very moment, not what it was when it was read.
        left = await desk.waits.close(id, _OPEN, WaitlistState.WITHDRAWN)
        if left is not None and left.offer is not None:
            held = await desk.reservations.get(left.offer)
            if held is not None and held.state is ReservationState.OFFERED:
                await self._release_offer(held, ask)

    async def _release_offer(self, held: Reservation, ask: RequestContext) -> Reservation:
        gone = transitions.expire_offer(held, ask.actor, ask.now)
        try:
            return await self.save(held, gone, ask.now)
        except RevisionConflict:
            return await self._desk.get_own(held.id, ask.reader.id)

    async def decline(self, ask: RequestContext, id: str) -> Reservation:
        """Not this seat: it passes on, and the reader waits on. Raises: NotFound, InvalidState."""
        desk = self._desk
        held = await desk.get_own(id, ask.reader.id)
        if held.state is not ReservationState.OFFERED:
            raise InvalidState(state=held.state.value)
        if held.wait_id is not None:
            await desk.waits.decline(held.wait_id, held.seat_id, held.id)
        return await self._release_offer(held, ask)

    async def accept(self, ask: RequestContext, id: str) -> Reservation:
        """Take the seat that is held. It counts among the day's bookings.

        Raises: NotFound, InvalidState, Suspended, DailyLimit; Closed, SeatDisabled, AccessibleSeatOnly, where
        that has become so since.
        """
        desk, k = self._desk, 1
        for _ in range(4 * desk.policy.daily_booking_limit):
            held = await desk.get_own(id, ask.reader.id)
            rules.check_reader_eligible(ask.reader, held.date, ask.now)
            rules.may_accept(held, ask.now)
            day = held.date
            policy = desk.policy_for(held.area_id, day, held.reader_id)
            place = desk.opening_hours(policy, day, held.area_id)
            rules.check_open(held.start, held.end, place)
            seat = desk.seat_even_if_removed(held.seat_id)
            rules.seat_in_service(seat, day)
            if not desk.may_use_seat(seat, ask.reader.id, day):
                raise AccessibleSeatOnly()
            new = transitions.accept(
                held, daily_booking_claim(ask.reader.id, day, k), policy, ask.actor, ask.now
            )
            try:
                new = await desk.reservations.replace(held, new)
            except RevisionConflict:
                continue
            except ClaimConflict as lost:
                if lost.kind != "n":
                    raise
                used = await desk.reservations.used_daily_slots(ask.reader.id, day)
                free = set(range(1, policy.daily_booking_limit + 1)) - used
                if not free:
                    raise DailyLimit(limit=policy.daily_booking_limit) from lost
                k = min(free)
                continue
            desk.board.record_write(new)
            if held.wait_id is not None:
                await desk.waits.close(held.wait_id, _OPEN, WaitlistState.ACCEPTED)
            return new
        raise Overloaded()
