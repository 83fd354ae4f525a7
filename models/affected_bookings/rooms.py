"""Bookings of study rooms that new opening hours or a change of their room no longer allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from models.affected_bookings.service import ResolutionResult
from models.kernel.errors import DomainError, NotFound, WrongState
from models.kernel.ids import Actor
from models.library.rooms import Room
from models.policy.entities import Policy
from models.policy.open_hours import open_hours
from models.reference_data import ReferenceData
from models.reservation_store.room_repository import RoomBookingRepository
from models.reservations.room_booking import RoomBooking, RoomState
from models.rooms.rules import hours_of
from models.rooms.service import RoomService


class AffectedRooms:
    def __init__(
        self, bookings: RoomBookingRepository, rooms: RoomService, reference: ReferenceData
    ) -> None:
        self._bookings, self._rooms, self._reference = bookings, rooms, reference

    async def find_unplaceable(self, now: datetime) -> list[RoomBooking]:
        """Live bookings whose room or time the present hours do not allow, the earliest first."""
        allowed = self._allowed(self._reference.policy)
        return [b for b in await self._upcoming(now) if not allowed(b)]

    async def find_affected(
        self, now: datetime, policy: Policy | None = None, room: Room | None = None
    ) -> list[RoomBooking]:
        """Live bookings that are allowed at present but not with ``policy``, or with ``room`` in
        its new form, the earliest first. Bookings keep the other rules under which they were
        made."""
        before = self._allowed(self._reference.policy)
        after = self._allowed(policy or self._reference.policy, room)
        return [b for b in await self._upcoming(now) if before(b) and not after(b)]

    async def cancel(
        self, bookings: Sequence[RoomBooking], reason: str, actor: Actor, now: datetime
    ) -> ResolutionResult:
        """Cancels those of the bookings that are still not allowed, with a message to their
        people. Stays that have begun are left alone. No other room is offered."""
        done, allowed = ResolutionResult(), self._allowed(self._reference.policy)
        for b in bookings:
            if b.state is RoomState.IN_USE:
                continue
            try:
                new = await self._rooms.cancel_for_library(b.id, reason, actor, now, allowed)
            except (NotFound, WrongState):
                continue  # the stay has begun or ended meanwhile
            except DomainError:
                done += ResolutionResult(left=1)
                continue
            done += ResolutionResult(cancelled=int(new.ended_at == now))
        return done

    async def _upcoming(self, now: datetime) -> list[RoomBooking]:
        live = await self._bookings.live_from(self._reference.zone.day(now))
        return [b for b in live if b.span.end > now]

    def _allowed(self, policy: Policy, new: Room | None = None) -> Callable[[RoomBooking], bool]:
        """Whether a booking's room is in use and open in its time. ``new``: stands for the present
        room with its id."""
        zone, rooms = self._reference.zone, self._reference.rooms
        venues = {venue.id for venue in self._reference.catalog.venues_in_use}

        def is_allowed(b: RoomBooking) -> bool:
            room = new if new is not None and new.id == b.room_id else rooms.get(b.room_id)
            if room is None or room.retired or room.venue_id not in venues:
                return False
            venue = open_hours(zone, policy, b.day, room.venue_id, None)
            return hours_of(zone, room, b.day, venue).covers(b.span.start, b.span.end)

        return is_allowed
