"""Changes of a booking of a room by its booker: another room, another time, or a later end."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from typing import Literal

from models.booking.writer import MAX_ATTEMPTS
from models.kernel.errors import Busy, DomainError, NotFound, WrongState
from models.kernel.ids import ReaderId
from models.kernel.records import record
from models.kernel.zone import Zone
from models.library.rooms import Room
from models.policy.entities import time_steps
from models.readers.context import RequestContext
from models.reference_data import ReferenceData
from models.reservation_store.room_repository import RoomBookingRepository
from models.reservations import room_booking
from models.reservations import rules as reservation_rules
from models.reservations.claims import ClaimKind
from models.reservations.errors import ClaimLost, OwnOverlap, StaleRevision
from models.reservations.room_booking import RoomBooking, RoomState
from models.reservations.rules import TimeSelection
from models.rooms import rules
from models.rooms.errors import ApprovalNeeded, PeopleBusy, RoomTaken, WeeklyLimit
from models.rooms.service import RoomService


@record
class RoomWish:
    """A booker's choice of another room or time; None keeps what is so. ``start``: ``now`` stands
    for 现在."""

    room_id: str | None = None
    day: date | None = None
    start: time | Literal["now"] | None = None
    end: time | None = None
    purpose: str | None = None

    def selection(self, zone: Zone, b: RoomBooking) -> TimeSelection:
        """The time that this makes of the booking's."""
        begins, ends = (zone.local(instant).time() for instant in (b.span.start, b.span.end))
        start = None if self.start == "now" else self.start or begins
        return TimeSelection(self.day or b.day, start, self.end or ends)


class RoomChangeService:
    def __init__(
        self, bookings: RoomBookingRepository, reference: ReferenceData, rooms: RoomService
    ) -> None:
        self._bookings, self._reference, self._rooms = bookings, reference, rooms

    async def change(self, ctx: RequestContext, id: str, wish: RoomWish) -> RoomBooking:
        """Gives the reader's own booking another room or time, in one step: it stays as it is
        unless the new one can be had. Its people come along. The same change once more changes
        nothing. Of a stay in use only a later end can be chosen.

        Raises: NotFound, WrongState, TooLate, ApprovalNeeded, RoomFull, PeopleBusy, Busy; the
        errors of ``RoomService.book``.
        """
        for _ in range(MAX_ATTEMPTS):
            old = await self._rooms.get(id)
            if ctx.reader.id != old.booker:
                raise NotFound()
            room = self._reference.room(wish.room_id or old.room_id)
            change = self._extended if old.state is RoomState.IN_USE else self._changed
            new = change(ctx, old, room, wish)
            if new is old:
                return old
            try:
                return await self._store(old, new, room.rules.bookings_a_week)
            except StaleRevision:
                continue
        raise Busy()

    def _changed(
        self, ctx: RequestContext, b: RoomBooking, room: Room, wish: RoomWish
    ) -> RoomBooking:
        """The booking in the room at the wished time; itself if it is so already."""
        purpose = b.purpose if wish.purpose is None else wish.purpose
        when = wish.selection(self._reference.zone, b)
        same = b.live and (b.room_id, b.purpose) == (room.id, purpose)
        if same and rules.is_at(self._reference.zone, b, when, ctx.now):
            return b
        room_booking.may_change(b, ctx.now)
        span, policy = self._rooms.chosen_time(ctx, room, when)
        to = rules.booking_in_place_of(b, room, ctx, when.day, span, purpose, policy)
        return room_booking.changed(b, to, ctx.actor, ctx.now)

    def _extended(
        self, ctx: RequestContext, b: RoomBooking, room: Room, wish: RoomWish
    ) -> RoomBooking:
        """The booking in use until the wished end; itself if it ends then already."""
        zone, start = self._reference.zone, b.span.start
        when = wish.selection(zone, b)
        end = zone.next_instant(start, when.end)
        begins = room.id, when.day, when.start
        if begins != (b.room_id, b.day, zone.local(start).time()) or end < b.span.end:
            raise WrongState(state=b.state.value)
        if end == b.span.end:
            return b
        if room.rules.unanswered is not None:
            raise ApprovalNeeded()
        policy = rules.policy_of(room, self._reference.policy_on(b.day, room.venue_id))
        with rules.refusals_of(room):
            hours = self._rooms.hours(room, b.day)
            rules.check_order(zone, when, hours, ctx.now)
            open = reservation_rules.check_open(zone, start, end, hours)
            steps = time_steps(zone, policy, open)
            span = reservation_rules.decide_length(start, end, steps, open, policy)
        return room_booking.extended(b, span, ctx.actor, ctx.now)

    async def _store(self, old: RoomBooking, new: RoomBooking, limit: int) -> RoomBooking:
        """Replaces ``old`` by ``new``, which has a number of its week. A stay in use keeps its
        own. Raises: StaleRevision; RoomTaken, OwnOverlap, PeopleBusy, WeeklyLimit."""
        if new.state is RoomState.IN_USE:
            numbers = [old.number]
        else:
            numbers = await self._rooms.week_numbers(new, limit, old)
        for number in numbers:
            try:
                return await self._bookings.replace(
                    self._reference.zone, old, replace(new, number=number)
                )
            except ClaimLost as lost:
                if lost.kind is not ClaimKind.ROOM_WEEK:
                    raise _loss(lost, old.booker) from lost
        raise WeeklyLimit(limit=limit)


def _loss(lost: ClaimLost, booker: ReaderId) -> DomainError:
    """The refusal for a lost claim. It does not say which of the others is elsewhere."""
    if lost.kind is ClaimKind.ROOM:
        return RoomTaken()
    own = lost.claim.startswith(f"{ClaimKind.READER.prefix}{booker}:")
    return OwnOverlap() if own else PeopleBusy()
