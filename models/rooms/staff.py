from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import date

from models.kernel.zone import Zone
from models.library.entities import VenueId
from models.library.rooms import RequestAnswer
from models.reference_data import ReferenceData
from models.reservation_store.room_repository import RoomBookingRepository
from models.reservations.room_block import RoomBlock
from models.reservations.room_booking import RoomBooking
from models.rooms.blocks import RoomBlocks
from models.rooms.presence import RoomPresence
from models.rooms.series import BlockChange, BlockSeries, PlannedDate
from models.rooms.service import RoomService
from models.staff.audit import AuditAction, JsonObject
from models.staff.audit_log import AuditLog, StaffContext

_ACTIONS = {
    RequestAnswer.APPROVE: AuditAction.APPROVE_ROOM,
    RequestAnswer.DECLINE: AuditAction.DECLINE_ROOM,
}


class StaffRooms:
    def __init__(
        self,
        audit: AuditLog,
        rooms: RoomService,
        presence: RoomPresence,
        bookings: RoomBookingRepository,
    ) -> None:
        self._audit, self._rooms, self._bookings = audit, rooms, bookings
        self._presence = presence

    async def requests(
        self, ctx: StaffContext, venues: Collection[VenueId] | None
    ) -> list[RoomBooking]:
        """The requests that wait for an answer, the earliest start first. ``venues``: None for
        all."""
        return await self._bookings.requests(ctx.zone.day(ctx.now), venues)

    async def occupancies(
        self, first: date, last: date, venues: Collection[VenueId] | None, limit: int
    ) -> list[RoomBooking]:
        """At most ``limit`` (0: all) bookings of these days that hold a room for a stay to come or
        in progress, the earliest start first. ``venues``: None for all."""
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

    async def check_in(self, ctx: StaffContext, id: str, reason: str) -> RoomBooking:
        """Checks the people of the booking in, of whom the staff member sees somebody. Raises:
        NotFound, OtherVenue, WrongState, TooEarly, TooLate, TooFewPeople."""
        return await self._recorded(
            ctx,
            AuditAction.CHECK_IN,
            id,
            reason,
            lambda: self._presence.check_in_for_library(id, ctx.actor, ctx.now),
        )

    async def finish(self, ctx: StaffContext, id: str, reason: str) -> RoomBooking:
        """Ends the stay of people who have left. Raises: NotFound, OtherVenue, WrongState."""
        return await self._recorded(
            ctx,
            AuditAction.FINISH,
            id,
            reason,
            lambda: self._rooms.finish_for_library(id, ctx.actor, ctx.now),
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


class StaffRoomBlocks:
    """Plans, stores, changes, ends and restores blocks of rooms, in the staff member's venues."""

    def __init__(self, audit: AuditLog, blocks: RoomBlocks, reference: ReferenceData) -> None:
        self._audit, self._blocks, self._reference = audit, blocks, reference

    async def to_come(
        self, ctx: StaffContext, venues: Collection[VenueId] | None, limit: int
    ) -> list[RoomBlock]:
        """At most ``limit`` blocks that are not over, the earliest first. ``venues``: None for
        all."""
        return await self._blocks.to_come(ctx.now, venues, limit)

    async def get(self, id: str) -> RoomBlock:
        """The block with this id. Raises: NotFound."""
        return await self._blocks.get(id)

    async def plan(self, ctx: StaffContext, series: BlockSeries) -> list[PlannedDate]:
        """The days of the series, with what would become of each. Raises: as ``RoomBlocks.plan``,
        OtherVenue."""
        ctx.require(self._reference.room(series.room_id).venue_id)
        return await self._blocks.plan(series, ctx.actor, ctx.now)

    async def make(
        self, ctx: StaffContext, series: BlockSeries, *, only_all: bool
    ) -> list[PlannedDate]:
        """Stores the blocks of all days of the series or, without ``only_all``, of those that fit.
        Raises: as ``RoomBlocks.make_all`` and ``make_fitting``, OtherVenue."""
        ctx.require(self._reference.room(series.room_id).venue_id)
        make = self._blocks.make_all if only_all else self._blocks.make_fitting
        async with self._audit.entry(
            ctx, AuditAction.BLOCK_ROOM, target=f"room:{series.room_id}"
        ) as entry:
            done = await make(series, ctx.actor, ctx.now)
            entry.after = _said(ctx.zone, [p.block for p in done if p.stored and p.block])
        return done

    async def following(self, b: RoomBlock) -> int:
        """The number of later blocks of its series that were not ended."""
        return await self._blocks.following(b)

    async def plan_change(
        self, ctx: StaffContext, id: str, change: BlockChange
    ) -> list[PlannedDate]:
        """The block and, with ``following``, the later ones of its series as the change would
        leave them. Raises: as ``RoomBlocks.plan_change``, NotFound, OtherVenue."""
        b = await self._changeable(ctx, id, change)
        return await self._blocks.plan_change(b, change, ctx.actor, ctx.now)

    async def change(
        self, ctx: StaffContext, id: str, change: BlockChange, *, only_all: bool
    ) -> list[PlannedDate]:
        """Changes all of these blocks or, without ``only_all``, those that fit. Raises: as
        ``RoomBlocks.change_all`` and ``change_fitting``, NotFound, OtherVenue."""
        b = await self._changeable(ctx, id, change)
        perform = self._blocks.change_all if only_all else self._blocks.change_fitting
        async with self._audit.entry(
            ctx, AuditAction.CHANGE_BLOCK, target=f"room:{b.room_id}", before=_said(ctx.zone, [b])
        ) as entry:
            done = await perform(id, change, ctx.actor, ctx.now)
            entry.after = _said(ctx.zone, [p.block for p in done if p.stored and p.block])
        return done

    async def _changeable(self, ctx: StaffContext, id: str, change: BlockChange) -> RoomBlock:
        """The block, if the staff member decides about its room and that of the change. Raises:
        NotFound, OtherVenue."""
        b = await self._blocks.get(id)
        ctx.require(b.venue_id)
        if change.room_id is not None:
            ctx.require(self._reference.room(change.room_id).venue_id)
        return b

    async def end(self, ctx: StaffContext, id: str, *, following: bool) -> list[RoomBlock]:
        """Cancels the block, or ends it while it lasts, and with ``following`` all later ones of
        its series. Raises: NotFound, OtherVenue, WrongState, Busy."""
        b = await self._blocks.get(id)
        return await self._changed(
            ctx,
            AuditAction.END_BLOCK,
            b,
            lambda: self._blocks.end(b, following, ctx.actor, ctx.now),
        )

    async def restore(self, ctx: StaffContext, id: str) -> list[RoomBlock]:
        """Restores the block and those that were ended with it. Raises: NotFound, OtherVenue,
        WrongState, RoomTaken, Busy."""
        b = await self._blocks.get(id)
        return await self._changed(
            ctx,
            AuditAction.RESTORE_BLOCK,
            b,
            lambda: self._blocks.restore(b, ctx.actor, ctx.now),
        )

    async def _changed(
        self,
        ctx: StaffContext,
        action: AuditAction,
        b: RoomBlock,
        change: Callable[[], Awaitable[list[RoomBlock]]],
    ) -> list[RoomBlock]:
        """Makes the change with an audit entry, which names the blocks that it was about."""
        ctx.require(b.venue_id)
        async with self._audit.entry(ctx, action, target=f"room:{b.room_id}") as entry:
            done = await change()
            restores = action is AuditAction.RESTORE_BLOCK
            entry.after = _said(ctx.zone, [e for e in done if (e.ended_at is None) is restores])
        return done


def _said(zone: Zone, blocks: Sequence[RoomBlock]) -> JsonObject:
    """The blocks of one series as the audit log has them."""
    if not blocks:
        return {"blocked_days": 0}
    first, last = blocks[0], blocks[-1]
    return {
        "title": first.title,
        "room": first.room_id,
        "start": zone.local(first.span.start).isoformat(),
        "end": zone.local(first.span.end).isoformat(),
        "blocked_days": len(blocks),
        "last": last.day.isoformat(),
    }


def _snapshot(zone: Zone, b: RoomBooking) -> JsonObject:
    return {
        "state": b.state.value,
        "room": b.room_id,
        "start": zone.local(b.span.start).isoformat(),
        "end": zone.local(b.span.end).isoformat(),
    }
