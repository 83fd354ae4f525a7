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

from models import reservation, rules
from models.board import DayBoard
from models.claims import count_claim, place_claims
from models.errors import Busy, DailyLimit, NotFound, OwnOverlap, SeatFree, SeatKept, WrongState
from models.library import Seat, SeatId
from models.reservation import PRESENT, Actor, Reservation, ReservationId, State
from models.store.client import new_id
from models.store.reservations import ClaimLost, StaleRevision
from models.timerange import TimeRange, floor_minute, local_date
from models.wait import EXTENSION_FIRST, OFFER_FOR, Wait, WaitState, is_quiet

if TYPE_CHECKING:
    from models.booking.desk import Ask, Desk

BATCH: Final = 200
_TRIES: Final = 8
_SYSTEM: Final = Actor("system", "line")
_OPEN: Final = (WaitState.WAITING, WaitState.OFFERED)


class Line:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._looked: dict[str, tuple[DayBoard, int, datetime]] = {}
        """What of the board each place in the line was looked at with, in vain."""

    async def write(
        self,
        old: Reservation,
        new: Reservation,
        now: datetime,
        due: Mapping[str, object] | None = None,
    ) -> Reservation:
        """Write ``new`` over ``old``; a seat that it gives back is held for who waits for it.

        Returns ``new`` as it is stored. Raises: StaleRevision, ClaimLost, Upstream.
        """
        desk, passed_over = self._desk, set[str]()
        for _ in range(_TRIES):
            offer = await self._for_the_next(old, new, now, passed_over)
            if offer is None:
                break
            wait, hold = offer
            try:
                with desk.board.inserting(hold.date):
                    written = await desk.reservations.hand_over(old, new, due, hold)
            except ClaimLost:
                passed_over.add(wait.id)
                continue
            desk.board.wrote(new)
            desk.board.wrote(hold)
            return written
        written = await desk.reservations.replace(old, new, due)
        desk.board.wrote(new)
        return written

    async def _for_the_next(
        self, old: Reservation, new: Reservation, now: datetime, passed_over: set[str]
    ) -> tuple[Wait, Reservation] | None:
        """Who is first in line for what is given back, with the hold for them."""
        desk = self._desk
        keeps = any(c.startswith("s:") for c in new.claims) and new.seat_id == old.seat_id
        kept = new.span if keeps else None
        seat = desk.library.seats.get(old.seat_id)
        if seat is None or old.end <= now or is_quiet(now):
            return None
        if kept is not None and kept.start <= old.start and old.end <= kept.end:
            return None
        waits = await desk.waits.in_line(seat.area_id, max(now, old.start), old.end)
        if not waits or seat.id in await desk.reservations.taken_seats(now):
            return None
        board = await desk.board.day(old.date)
        for wait in waits:
            if wait.id in passed_over or wait.reader_id == old.reader_id:
                continue
            span = self._fits(wait, seat, board, now, besides=old.id)
            if span is not None and not (kept is not None and kept.overlaps(span)):
                return wait, self._hold(wait, seat, span, now)
        return None

    def _fits(
        self, wait: Wait, seat: Seat, board: DayBoard, now: datetime, besides: str = ""
    ) -> TimeRange | None:
        """The time that the seat could be held for, as the board knows it; the index judges."""
        policy = self._desk.policy_for(seat.area_id, wait.day)
        span = wait.left_of(now, timedelta(minutes=policy.min_minutes))
        if span is None or not wait.wants(seat):
            return None
        if not self._desk.open_to(seat, wait.reader_id, wait.day):
            return None
        place = self._desk.open_day(policy, local_date(span.start), seat.area_id)
        if not place.covers(span.start, span.end):
            return None  # closed since
        for row in board.by_seat.get(seat.id, ()):
            if row.id == besides:
                continue
            if row.start < span.end and span.start < row.end:
                return None
            stays = row.state in PRESENT and row.end == span.start
            if stays and now < row.end - EXTENSION_FIRST:
                return None
        for row in board.by_reader.get(wait.reader_id, ()):
            if row.id != besides and row.start < span.end and span.start < row.end:
                return None
        return span

    def _hold(self, wait: Wait, seat: Seat, span: TimeRange, now: datetime) -> Reservation:
        desk = self._desk
        return reservation.hold(
            id=ReservationId(new_id()),
            reader_id=wait.reader_id,
            venue_id=desk.library.areas[seat.area_id].venue_id,
            area_id=seat.area_id,
            seat_id=seat.id,
            span=span,
            policy=desk.policy_for(seat.area_id, wait.day),
            claims=place_claims(seat.id, wait.reader_id, span),
            wait_id=wait.id,
            until=min(now + OFFER_FOR, span.end),
            actor=_SYSTEM,
            now=now,
        )

    # --- what time does by itself ---------------------------------------------------------------

    async def lapse(self, now: datetime) -> int:
        """Offers that nobody took pass on."""
        desk, done = self._desk, 0
        for r in await desk.reservations.due_for_lapse(now, BATCH):
            assert r.held_until is not None
            gone = reservation.lapse(r, _SYSTEM, r.held_until)
            if r.wait_id is not None:
                # First: it must not be offered to the same reader again.
                await desk.waits.settle(r.wait_id, [WaitState.OFFERED], WaitState.LAPSED)
            try:
                await self.write(r, gone, now, {"held_until": {"$lte": now}})
            except StaleRevision:
                continue  # accepted in the last moment
            done += 1
        return done

    async def offer(self, now: datetime) -> int:
        """Hold what is free for who waits; and end the places whose time is over."""
        desk, done = self._desk, 0
        looked, self._looked = self._looked, {}
        taken: set[SeatId] | None = None
        after: Wait | None = None
        while waits := await desk.waits.open_ones(after, BATCH):
            if taken is None:
                taken = await desk.reservations.taken_seats(now)
            for wait in waits:
                if wait.id in looked:
                    self._looked[wait.id] = looked[wait.id]
                done += await self._look_after(wait, taken, now)
                await asyncio.sleep(0)  # requests have their turn
            after = waits[-1]
        return done

    async def _look_after(self, wait: Wait, taken: set[SeatId], now: datetime) -> int:
        desk = self._desk
        shortest = timedelta(minutes=desk.policy_for(wait.area_id, wait.day).min_minutes)
        if wait.state is WaitState.OFFERED:
            return await self._settled(wait)
        if wait.left_of(now, shortest) is None:
            return int(
                await desk.waits.settle(wait.id, [WaitState.WAITING], WaitState.OVER) is not None
            )
        if is_quiet(now):
            return 0
        board = await desk.board.day(local_date(wait.start))
        looked = board, board.version, floor_minute(now)
        if self._looked.get(wait.id) == looked:
            return 0
        self._looked[wait.id] = looked
        for seat in self._seats(wait):
            span = self._fits(wait, seat, board, now)
            if span is None or seat.id in taken:
                continue
            hold = self._hold(wait, seat, span, now)
            try:
                with desk.board.inserting(hold.date):
                    await desk.reservations.hold_free(hold)
            except (ClaimLost, StaleRevision):
                continue
            desk.board.wrote(hold)
            return 1
        return 0

    async def _settled(self, wait: Wait) -> int:
        """An offer that was decided, while the note about it was cut off."""
        held = await self._desk.reservations.get(wait.offer or "")
        if held is None or held.state is State.HELD:
            return 0
        taken = held.state is not State.LAPSED
        state = WaitState.ACCEPTED if taken else WaitState.LAPSED
        return int(await self._desk.waits.settle(wait.id, [WaitState.OFFERED], state) is not None)

    def _seats(self, wait: Wait) -> Iterable[Seat]:
        area = self._desk.library.areas.get(wait.area_id)
        return area.seats if area is not None else ()

    # --- the reader -----------------------------------------------------------------------------

    async def join(
        self,
        ask: Ask,
        area_id: str,
        seats: Iterable[str],
        marks: frozenset[str],
        wish: rules.Wish,
    ) -> Wait:
        """A place in the line. Raises: as ``reserve.reserve``, for the time and for the reader;
        SeatFree where nobody has to wait, AlreadyWaiting, FilterOff, NotFound."""
        desk = self._desk
        area = desk.area(area_id)
        if not area.seats:
            raise NotFound()
        wanted = frozenset(SeatId(seat) for seat in seats)
        if any(desk.seat(id).area_id != area.id for id in wanted):
            raise NotFound()
        policy = desk.policy_for(area.id, wish.day)
        rules.may_filter(marks, policy)
        rules.may_book(ask.reader, wish.day, ask.now)
        rules.day_bookable(wish.day, policy, ask.now)
        span = rules.decide_span(wish, policy, desk.open_day(policy, wish.day, area.id), ask.now)
        wait = Wait(new_id(), ask.reader.id, area.id, wanted, marks, span.start, span.end, ask.now)
        board = await desk.board.day(wish.day)
        for row in board.by_reader.get(ask.reader.id, ()):
            # What is held for them now is of a place in the line, which the index knows.
            if row.state is not State.HELD and row.start < span.end and span.start < row.end:
                raise OwnOverlap()
        used = await desk.reservations.count_claims(ask.reader.id, wish.day)
        if len(used) >= policy.bookings_per_day:
            raise DailyLimit(limit=policy.bookings_per_day)
        free = [s for s in self._seats(wait) if self._fits(wait, s, board, ask.now) is not None]
        if free:
            raise SeatFree(
                seats=[
                    {"id": s.id, "no": s.no, "label": desk.library.seat_label(s)} for s in free[:3]
                ]
            )
        await desk.waits.join(wait)
        return wait

    async def leave(self, ask: Ask, id: str) -> None:
        """Give the place up; a seat that is held passes on. Raises: NotFound."""
        desk = self._desk
        wait = await desk.waits.get(id)
        if wait is None or wait.reader_id != ask.reader.id:
            raise NotFound()
        # What it was offered up to this very moment, not what it was when it was read.
        left = await desk.waits.settle(id, _OPEN, WaitState.LEFT)
        if left is not None and left.offer is not None:
            held = await desk.reservations.get(left.offer)
            if held is not None and held.state is State.HELD:
                await self._give_up(held, ask)

    async def _give_up(self, held: Reservation, ask: Ask) -> Reservation:
        gone = reservation.lapse(held, ask.actor, ask.now)
        try:
            return await self.write(held, gone, ask.now)
        except StaleRevision:
            return await self._desk.own(held.id, ask.reader.id)

    async def decline(self, ask: Ask, id: str) -> Reservation:
        """Not this seat: it passes on, and the reader waits on. Raises: NotFound, WrongState."""
        desk = self._desk
        held = await desk.own(id, ask.reader.id)
        if held.state is not State.HELD:
            raise WrongState(state=held.state.value)
        if held.wait_id is not None:
            await desk.waits.decline(held.wait_id, held.seat_id, held.id)
        return await self._give_up(held, ask)

    async def accept(self, ask: Ask, id: str) -> Reservation:
        """Take the seat that is held. It counts among the day's bookings.

        Raises: NotFound, WrongState, Suspended, DailyLimit; Closed, SeatDisabled, SeatKept, where
        that has become so since.
        """
        desk, k = self._desk, 1
        for _ in range(4 * desk.policy.bookings_per_day):
            held = await desk.own(id, ask.reader.id)
            rules.may_book(ask.reader, held.date, ask.now)
            rules.may_accept(held, ask.now)
            day = held.date
            policy = desk.policy_for(held.area_id, day, held.reader_id)
            place = desk.open_day(policy, day, held.area_id)
            rules.open_from_to(held.start, held.end, place)
            seat = desk.known_seat(held.seat_id)
            rules.seat_in_service(seat, day)
            if not desk.open_to(seat, ask.reader.id, day):
                raise SeatKept()
            new = reservation.accept(
                held, count_claim(ask.reader.id, day, k), policy, ask.actor, ask.now
            )
            try:
                new = await desk.reservations.replace(held, new)
            except StaleRevision:
                continue
            except ClaimLost as lost:
                if lost.kind != "n":
                    raise
                used = await desk.reservations.count_claims(ask.reader.id, day)
                free = set(range(1, policy.bookings_per_day + 1)) - used
                if not free:
                    raise DailyLimit(limit=policy.bookings_per_day) from lost
                k = min(free)
                continue
            desk.board.wrote(new)
            if held.wait_id is not None:
                await desk.waits.settle(held.wait_id, _OPEN, WaitState.ACCEPTED)
            return new
        raise Busy()
