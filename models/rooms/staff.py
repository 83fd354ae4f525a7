from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from datetime import date

from models.kernel.zone import Zone
from models.library.entities import VenueId
from models.library.rooms import RequestAnswer
from models.reservation_store.room_repository import RoomBookingRepository
from models.reservations.room_booking import RoomBooking
from models.rooms.service import RoomService
from models.staff.audit import AuditAction, JsonObject
from models.staff.audit_log import AuditLog, StaffContext

_ACTIONS = {
    RequestAnswer.APPROVE: AuditAction.APPROVE_ROOM,
    RequestAnswer.DECLINE: AuditAction.DECLINE_ROOM,
}


class StaffRooms:
    def __init__(
        self, audit: AuditLog, rooms: RoomService, bookings: RoomBookingRepository
    ) -> None:
        self._audit, self._rooms, self._bookings = audit, rooms, bookings

    async def requests(
        self, ctx: StaffContext, venues: Collection[VenueId] | None
    ) -> list[RoomBooking]:
        """The requests that wait for an answer, the earliest start first. ``venues``: None for
        all."""
        return await self._bookings.requests(ctx.zone.day(ctx.now), venues)

    async def occupancies(
        self, first: date, last: date, venues: Collection[VenueId] | None, limit: int
    ) -> list[RoomBooking]:
        """At most ``limit`` bookings of these days that hold a room for a stay to come or in
        progress, the earliest start first. ``venues``: None for all."""
        return await self._bookings.occupancies(first, last, venues, limit)

    async def answer(
        self, ctx: StaffContext, id: str, answer: RequestAnswer, reason: str = ""
    ) -> RoomBooking:
        """Answers the request; its booker sees the reason. Raises: NotFound, OtherVenue,
        WrongState."""
        return await self._recorded(
            ctx,
            _ACTIONS[answer],
            id,
            reason,
            lambda: self._rooms.answer(id, answer, reason, ctx.actor, ctx.now),
        )

    async def cancel(self, ctx: StaffContext, id: str, reason: str) -> RoomBooking:
        """Cancels a booking before its check-in deadline; its booker sees the reason. Raises:
        NotFound, OtherVenue, WrongState."""
        return await self._recorded(
            ctx,
            AuditAction.CANCEL,
            id,
            reason,
            lambda: self._rooms.cancel_for_library(id, reason, ctx.actor, ctx.now),
        )

    async def _recorded(
        self,
        ctx: StaffContext,
        action: AuditAction,
        id: str,
        reason: str,
        change: Callable[[], Awaitable[RoomBooking]],
    ) -> RoomBooking:
        """Makes the change of the booking with an audit entry."""
        b = await self._rooms.get(id)
        ctx.require(b.venue_id)
        async with self._audit.entry(
            ctx,
            action,
            target=f"room:{b.id}",
            reader=b.booker,
            reason=reason,
            before=_snapshot(ctx.zone, b),
        ) as entry:
            done = await change()
            entry.after = _snapshot(ctx.zone, done)
        return done


def _snapshot(zone: Zone, b: RoomBooking) -> JsonObject:
    return {
        "state": b.state.value,
        "room": b.room_id,
        "start": zone.local(b.span.start).isoformat(),
        "end": zone.local(b.span.end).isoformat(),
    }
