"""Study rooms (研修间): a reader books a room as a whole; others confirm by an invitation that
they take part."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from models.booking.idempotency import Idempotency
from models.booking.invitations import Invitations
from models.booking.writer import MAX_ATTEMPTS
from models.kernel.errors import Busy, DomainError, NotFound, WrongState
from models.kernel.ids import Actor, ReaderId, ReservationId
from models.kernel.time_range import TimeRange
from models.kernel.zone import SLOT_MINUTES
from models.library.rooms import MOST_BOOKINGS_A_WEEK, RequestAnswer, Room, RoomId
from models.outages.extension import DeadlineExtension
from models.policy.entities import Policy
from models.policy.open_hours import OpenHours, open_hours
from models.readers.context import RequestContext
from models.reference_data import ReferenceData
from models.reservation_store.room_block_repository import RoomBlockRepository
from models.reservation_store.room_repository import RoomBookingRepository
from models.reservations import room_booking
from models.reservations import rules as reservation_rules
from models.reservations.claims import ClaimKind, room_claims, room_key_claim, room_week_claim
from models.reservations.errors import (
    ClaimLost,
    GroupOnly,
    IdempotencyKeyReused,
    OwnOverlap,
    StaleRevision,
    TooLate,
)
from models.reservations.room_block import RoomBlock
from models.reservations.room_booking import RoomBooking, RoomEvent, RoomState
from models.reservations.rules import TimeSelection
from models.rooms import rules
from models.rooms.errors import RoomFull, RoomTaken, WeeklyLimit
from models.storage.encryption import FieldCipher
from models.storage.mongo import new_id

_DAY: Final = timedelta(days=1)
_SLOT: Final = timedelta(minutes=SLOT_MINUTES)


@dataclass(frozen=True, slots=True)
class RoomDay:
    """A room on a day: when it is open, and when it is taken or kept empty after a stay. `blocks`:
    the library's own stays among these."""

    room: Room
    hours: OpenHours
    taken: Sequence[TimeRange]
    blocks: Sequence[RoomBlock] = ()


class RoomService:
    def __init__(
        self,
        bookings: RoomBookingRepository,
        blocks: RoomBlockRepository,
        reference: ReferenceData,
        idempotency: Idempotency,
        deadlines: DeadlineExtension,
        cipher: FieldCipher,
    ) -> None:
        self._bookings, self._blocks = bookings, blocks
        self._reference, self._idempotency, self._deadlines = reference, idempotency, deadlines
        self._invitations = Invitations(cipher, "room")

    async def day(
        self, day: date, rooms: Sequence[Room], without: RoomBooking | None = None
    ) -> list[RoomDay]:
        """The rooms on that day, and in those of its hours that go over midnight, as if the
        booking ``without`` held nothing. Raises: Unavailable."""
        hours = {room.id: self.hours(room, day) for room in rooms}
        slots = {
            claim: (room_id, slot)
            for room_id, open in hours.items()
            for slot in self._slots(day, open)
            for claim in room_claims(self._reference.zone, room_id, slot)
        }
        taken: dict[RoomId, list[TimeRange]] = {room_id: [] for room_id in hours}
        lost = await self._bookings.taken(slots.keys())
        if without is not None:
            lost.difference_update(without.claims(self._reference.zone))
        for claim, (room_id, slot) in slots.items():
            times = taken[room_id]
            if claim in lost and times and times[-1].end == slot.start:
                times[-1] = TimeRange(times[-1].start, slot.end)
            elif claim in lost:
                times.append(slot)
        blocks = await self._blocks.of_rooms(day, [id for id, times in taken.items() if times])
        return [
            RoomDay(
                room,
                hours[room.id],
                taken[room.id],
                [b for b in blocks if any(b.span.overlaps(time) for time in taken[room.id])],
            )
            for room in rooms
        ]

    async def stays(self, d: RoomDay, day: date) -> list[RoomBooking]:
        """The bookings that hold the room on that day, the earliest first. Raises: Unavailable."""
        zone, slots = self._reference.zone, self._slots(day, d.hours)
        claims = {claim for slot in slots for claim in room_claims(zone, d.room.id, slot)}
        return await self._bookings.holders(claims)

    def _slots(self, day: date, hours: OpenHours) -> list[TimeRange]:
        """The half hours of the day, and of its hours after midnight."""
        begin, midnight = (self._reference.zone.midnight(day + n * _DAY) for n in (0, 1))
        end = max([midnight, *(open.end for open in hours.intervals)])
        starts = [begin + n * _SLOT for n in range((end - begin) // _SLOT)]
        return [TimeRange(start, start + _SLOT) for start in starts]

    def hours(self, room: Room, day: date) -> OpenHours:
        """The opening hours of the room on that day."""
        policy = self._reference.policy_on(day, room.venue_id)
        venue = open_hours(self._reference.zone, policy, day, room.venue_id, None)
        return rules.hours_of(self._reference.zone, room, day, venue)

    def chosen_time(
        self, ctx: RequestContext, room: Room, selection: TimeSelection
    ) -> tuple[TimeRange, Policy]:
        """The selected time, if reader and room allow it, and the policy for it. Raises:
        Suspended, NotAdmitted, GroupOnly, InThePast, OutsideHorizon, Closed, OffGrid, TooShort,
        TooLong, EndBeforeStart."""
        zone = self._reference.zone
        reservation_rules.check_reader_eligible(ctx.reader, selection.day, ctx.now)
        venue = self._reference.policy_on(selection.day, room.venue_id)
        policy = rules.policy_of(room, venue)
        if groups := self._reference.room_groups_instead(room, ctx.reader, selection.day):
            raise GroupOnly(groups)
        with rules.refusals_of(room):
            # Before the hours are looked up: the calendar's first day has no instant in UTC.
            days_ahead = room.rules.days_ahead
            reservation_rules.day_in_horizon(zone, selection.day, days_ahead, ctx.now)
            hours = self.hours(room, selection.day)
            rules.check_order(zone, selection, hours, ctx.now)
            span = reservation_rules.choose_time(zone, selection, policy, hours, ctx.now)
        return span, policy

    async def week_numbers(
        self, made: RoomBooking, limit: int, old: RoomBooking | None = None
    ) -> list[int]:
        """The numbers that the booking can have in its booker's week; empty if ``limit`` are used.
        ``old``: the booking in whose place it comes, whose own number is free for it."""
        of_week = {
            room_week_claim(made.booker, made.day, n): n for n in range(1, MOST_BOOKINGS_A_WEEK + 1)
        }
        used = await self._bookings.taken(of_week.keys())
        if old is not None:
            used.discard(room_week_claim(old.booker, old.day, old.number))
        # Limits differ between rooms: a low number can be free again while others are held.
        numbers = [n for claim, n in of_week.items() if claim not in used and n <= limit]
        return numbers if len(used) < limit else []

    async def book(
        self, ctx: RequestContext, room_id: str, selection: TimeSelection, purpose: str
    ) -> RoomBooking:
        """Books the room, or requests it where it needs an approval; the room is the reader's
        from then on. The same booking once more is returned as it is. After the refusal of a
        repetition no earlier attempt can succeed.

        Raises: NotFound, Suspended, NotAdmitted, GroupOnly, InThePast, OutsideHorizon, Closed,
        OffGrid, TooShort, TooLong, EndBeforeStart, Malformed, RequestTooLate, RoomTaken,
        OwnOverlap, WeeklyLimit, IdempotencyKeyReused, InProgress, RequestRefused.
        """

        def work() -> Awaitable[RoomBooking]:
            return self._book(ctx, room_id, selection, purpose)

        if ctx.key is None:
            return await work()
        claim = room_key_claim(ctx.reader.id, ctx.key.value)
        return await self._idempotency.run_for(ctx, claim, work, lambda: self._made(ctx, claim))

    async def _made(self, ctx: RequestContext, claim: str) -> RoomBooking | None:
        """The booking that an earlier request with this key made. Raises: IdempotencyKeyReused if
        it was another request."""
        made = await self._bookings.holder(claim)
        if made is not None and ctx.key is not None and made.digest != ctx.key.digest:
            raise IdempotencyKeyReused()
        return made

    async def _book(
        self, ctx: RequestContext, room_id: str, selection: TimeSelection, purpose: str
    ) -> RoomBooking:
        room = self._reference.room(room_id)
        span, policy = self.chosen_time(ctx, room, selection)
        id = ReservationId(new_id())
        made = rules.new_booking(id, room, ctx, selection.day, span, purpose, policy)
        limit = room.rules.bookings_a_week
        for number in await self.week_numbers(made, limit):
            numbered = replace(made, number=number)
            try:
                await self._bookings.insert(self._reference.zone, numbered)
            except ClaimLost as lost:
                if lost.kind is ClaimKind.IDEMPOTENCY:
                    await self._idempotency.refuse_lost_key(lost.claim)
                if lost.kind is not ClaimKind.ROOM_WEEK:
                    return await self._same(made, selection, lost)
                continue
            return numbered
        raise WeeklyLimit(limit=limit)

    async def _same(
        self, wish: RoomBooking, selection: TimeSelection, lost: ClaimLost
    ) -> RoomBooking:
        """The booker's own booking of that room and time, if it is in the way. Raises: RoomTaken,
        OwnOverlap."""
        other = await self._bookings.holder(lost.claim)
        if other is not None and other.live and other.booker == wish.booker:
            same = (other.room_id, other.span.end) == (wish.room_id, wish.span.end)
            if same and (selection.start is None or other.span == wish.span):
                return other
        raise RoomTaken() if lost.kind is ClaimKind.ROOM else OwnOverlap()

    async def of(self, reader_id: ReaderId, since: datetime) -> list[RoomBooking]:
        """The bookings that end after ``since`` and in which the reader takes part."""
        return await self._bookings.of(reader_id, since)

    async def past_of(
        self, reader_id: ReaderId, skip: int, limit: int
    ) -> tuple[list[RoomBooking], int]:
        """A page of the ended bookings in which the reader took part, the latest first, and the
        number of all of them."""
        return await self._bookings.past_of(reader_id, skip, limit)

    async def own(self, reader_id: ReaderId, id: str) -> RoomBooking:
        """The booking, if the reader takes part in it. Raises: NotFound."""
        booking = await self.get(id)
        if reader_id not in booking.people:
            raise NotFound()
        return booking

    async def get(self, id: str) -> RoomBooking:
        """The booking with this id. Raises: NotFound."""
        booking = await self._bookings.get(id)
        if booking is None:
            raise NotFound()
        return booking

    def invitation_to(self, booking: RoomBooking) -> str:
        """The word in the link of the booking's invitation."""
        return self._invitations.invitation_to(booking.id)

    async def invited(self, invitation: str) -> RoomBooking:
        """The booking to which the invitation belongs. Raises: NotFound for a wrong one."""
        return await self.get(self._invitations.booking_of(invitation))

    async def confirm(self, ctx: RequestContext, invitation: str) -> RoomBooking:
        """Stores that the reader takes part, who then has no other place in that time. Raises:
        NotFound, Suspended, NotAdmitted, WrongState, TooLate, RoomFull, OwnOverlap."""

        def step(b: RoomBooking) -> RoomBooking:
            reservation_rules.check_reader_eligible(ctx.reader, b.day, ctx.now)
            new = room_booking.confirmed(b, ctx.reader.id, ctx.now)
            if len(new.people) > b.most:
                raise RoomFull(most=b.most)
            return new

        id = self._invitations.booking_of(invitation)
        return await self.in_time(id, step, ctx.now, OwnOverlap)

    async def withdraw(self, ctx: RequestContext, invitation: str) -> RoomBooking:
        """Ends the reader's part in the booking. Raises: NotFound; WrongState for the booker."""
        id = self._invitations.booking_of(invitation)
        return await self.update(id, lambda b: room_booking.withdrawn(b, ctx.reader.id, ctx.now))

    async def cancel(self, ctx: RequestContext, id: str) -> RoomBooking:
        """Cancels the reader's own booking, or withdraws the request. Raises: NotFound,
        WrongState."""

        def step(b: RoomBooking) -> RoomBooking:
            require(ctx, b.booker)
            return room_booking.cancelled(b, ctx.actor, ctx.now)

        return await self.update(id, step)

    async def finish(self, ctx: RequestContext, id: str) -> RoomBooking:
        """Gives the room back before the end of the stay. Raises: NotFound, WrongState."""

        def step(b: RoomBooking) -> RoomBooking:
            require(ctx, b.booker)
            return room_booking.advance(b, RoomEvent.FINISH, ctx.actor, ctx.now)

        return await self.update(id, step)

    async def finish_for_library(self, id: str, actor: Actor, now: datetime) -> RoomBooking:
        """Ends the stay of people who have left. Raises: NotFound, WrongState."""
        return await self.update(
            id, lambda b: room_booking.advance(b, RoomEvent.FINISH, actor, now)
        )

    async def answer(
        self, id: str, answer: RequestAnswer, reason: str, actor: Actor, now: datetime
    ) -> RoomBooking:
        """Answers the request for the library. Raises: NotFound, WrongState."""
        event = RoomEvent.APPROVE if answer is RequestAnswer.APPROVE else RoomEvent.DECLINE

        def step(b: RoomBooking) -> RoomBooking:
            if b.answer_by is None:  # it never was a request
                raise WrongState(state=b.state.value)
            return room_booking.advance(b, event, actor, now, reason)

        return await self.update(id, step)

    async def cancel_for_library(
        self,
        id: str,
        reason: str,
        actor: Actor,
        now: datetime,
        stays: Callable[[RoomBooking], bool] = lambda _: False,
    ) -> RoomBooking:
        """Cancels the booking for the library, unless by now it ``stays``. Raises: NotFound,
        WrongState."""

        def step(b: RoomBooking) -> RoomBooking:
            return b if stays(b) else room_booking.cancelled(b, actor, now, reason)

        return await self.update(id, step)

    async def end_all(self, ctx: RequestContext) -> None:
        """Ends the reader's bookings of rooms and their part in those of others, before the reader
        is erased. Raises: Busy, Unavailable."""

        def step(b: RoomBooking) -> RoomBooking:
            if not b.live or ctx.reader.id != b.booker:
                return room_booking.withdrawn(b, ctx.reader.id, ctx.now) if b.live else b
            event = RoomEvent.FINISH if b.state is RoomState.IN_USE else RoomEvent.CANCEL
            return room_booking.advance(b, event, ctx.actor, ctx.now)

        for booking in await self._bookings.of(ctx.reader.id, ctx.now):
            await self.update(booking.id, step)

    async def update(
        self,
        id: str,
        step: Callable[[RoomBooking], RoomBooking],
        loss: Callable[[], DomainError] = Busy,
    ) -> RoomBooking:
        """Replaces the booking by what ``step`` makes of it; after a change by another, of that.
        ``loss``: makes the error if a claim of the new one is lost. Raises: NotFound, Busy,
        Unavailable; the errors of ``step``."""
        for _ in range(MAX_ATTEMPTS):
            old = await self.get(id)
            new = step(old)
            if new is old:
                return old
            try:
                return await self._bookings.replace(self._reference.zone, old, new)
            except StaleRevision:
                continue
            except ClaimLost as lost:
                raise loss() from lost
        raise Busy()

    async def in_time(
        self,
        id: str,
        step: Callable[[RoomBooking], RoomBooking],
        now: datetime,
        loss: Callable[[], DomainError] = Busy,
    ) -> RoomBooking:
        """Does the same for a step that has a deadline, which an outage that has just ended may
        extend. Raises: as ``update``."""
        try:
            return await self.update(id, step, loss)
        except TooLate:
            await self._deadlines.catch_up_room(id, now)
            return await self.update(id, step, loss)


def require(ctx: RequestContext, *people: ReaderId) -> None:
    """Raises: NotFound if the reader is none of them."""
    if ctx.reader.id not in people:
        raise NotFound()
