"""Blocks (占用) of study rooms: the library plans a series, stores what fits, changes, ends and
restores."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from models.booking.writer import MAX_ATTEMPTS
from models.kernel.errors import Busy, DomainError, Malformed, NotFound, WrongState
from models.kernel.ids import Actor
from models.kernel.zone import Zone
from models.library.entities import VenueId
from models.library.rooms import Room
from models.reference_data import ReferenceData
from models.reservation_store.room_block_repository import RoomBlockRepository
from models.reservation_store.room_repository import RoomBookingRepository
from models.reservations import room_block
from models.reservations import rules as reservation_rules
from models.reservations.entities import HistoryEntry
from models.reservations.errors import (
    ClaimLost,
    Closed,
    IdempotencyKeyReused,
    InThePast,
    OffGrid,
    StaleRevision,
)
from models.reservations.room_block import RoomBlock
from models.rooms.errors import RoomTaken, SeriesDoesNotFit
from models.rooms.series import BlockChange, BlockSeries, PlannedDate
from models.rooms.service import RoomService
from models.storage.mongo import new_id


class RoomBlocks:
    def __init__(
        self,
        blocks: RoomBlockRepository,
        bookings: RoomBookingRepository,
        rooms: RoomService,
        reference: ReferenceData,
    ) -> None:
        self._blocks, self._bookings, self._rooms = blocks, bookings, rooms
        self._reference = reference

    async def to_come(
        self, now: datetime, venues: Collection[VenueId] | None, limit: int
    ) -> list[RoomBlock]:
        """At most ``limit`` blocks that are not over, the earliest first. ``venues``: None for
        all."""
        since = self._reference.zone.day(now) - timedelta(days=1)  # over midnight
        blocks = await self._blocks.to_come(since, venues, limit)
        return [b for b in blocks if now < b.span.end]

    async def get(self, id: str) -> RoomBlock:
        """The block with this id. Raises: NotFound."""
        block = await self._blocks.get(id)
        if block is None:
            raise NotFound()
        return block

    async def plan(self, series: BlockSeries, actor: Actor, now: datetime) -> list[PlannedDate]:
        """The days of the series, with what would become of each. Those that are stored under its
        id already are ``stored``. Raises: NotFound for a room out of use; Malformed;
        IdempotencyKeyReused if the id belongs to another series."""
        room, zone = self._reference.room(series.room_id), self._reference.zone
        dates = series.dates(zone.day(now))
        own = {b.day: b for b in await self._blocks.of_series(series.id)}
        same = (room.id, series.title.strip())
        if any(b.was_changed or (b.room_id, b.title) != same for b in own.values()):
            raise IdempotencyKeyReused()
        made = HistoryEntry(now, "block", actor.by, actor.via)
        plan = []
        for day in dates:
            if day in own:
                gone = WrongState(state="cancelled") if own[day].ended_at is not None else None
                plan.append(PlannedDate(day, own[day], gone is None, gone))
                continue
            try:
                id = room_block.block_id(series.id, new_id())
                block = series.block(zone, room, day, id, made)
            except OffGrid as error:
                plan.append(PlannedDate(day, None, error=error))
            else:
                plan.append(PlannedDate(day, block, error=self._not_open(room, block, now)))
        return await self._with_holders(plan)

    def _not_open(self, room: Room, b: RoomBlock, now: datetime) -> DomainError | None:
        if b.span.end <= now:
            return InThePast()
        try:
            hours = self._rooms.hours(room, b.day)
            reservation_rules.check_open(self._reference.zone, b.span.start, b.span.end, hours)
        except Closed as closed:
            return closed
        return None

    async def _with_holders(self, plan: list[PlannedDate]) -> list[PlannedDate]:
        """The plan, with what has the room already on days that would fit otherwise."""
        zone = self._reference.zone
        needed = {
            claim: n
            for n, p in enumerate(plan)
            if p.block is not None and p.fits
            for claim in _needed(zone, p.old, p.block)
        }
        if not needed:
            return plan

        def days(holder_claims: Iterable[str]) -> set[int]:
            return {needed[claim] for claim in holder_claims if claim in needed}

        bookings = [(b, days(b.claims(zone))) for b in await self._bookings.holders(needed.keys())]
        blocks = [(b, days(b.claims(zone))) for b in await self._blocks.holders(needed.keys())]
        taken = set().union(*(where for _, where in (*bookings, *blocks)))
        return [
            replace(
                p,
                error=RoomTaken(),
                bookings=[b for b, where in bookings if n in where],
                blocks=[b for b, where in blocks if n in where],
            )
            if n in taken
            else p
            for n, p in enumerate(plan)
        ]

    async def make_all(self, series: BlockSeries, actor: Actor, now: datetime) -> list[PlannedDate]:
        """Stores the blocks of all days of the series, or none. The same series once more changes
        nothing. Raises: as ``plan``; SeriesDoesNotFit, Busy."""
        for _ in range(MAX_ATTEMPTS):
            plan = await self.plan(series, actor, now)
            if unfit := [p.day.isoformat() for p in plan if p.error is not None]:
                raise SeriesDoesNotFit(dates=unfit)
            new = [p.block for p in plan if p.block is not None and not p.stored]
            try:
                if new:
                    await self._blocks.insert_all(self._reference.zone, new)
            except ClaimLost:
                continue
            return [replace(p, stored=True) for p in plan]
        raise Busy()

    async def make_fitting(
        self, series: BlockSeries, actor: Actor, now: datetime
    ) -> list[PlannedDate]:
        """Stores the blocks of the days that fit, each alone; the others, also those that were
        lost meanwhile, have an ``error``. Raises: as ``plan``."""
        plan = await self.plan(series, actor, now)
        new = [p.block for p in plan if p.block and p.error is None and not p.stored]
        made = await self._blocks.insert_each(self._reference.zone, new)
        if len(made) < len(new):
            plan = await self.plan(series, actor, now)
        return [
            replace(p, stored=True)
            if p.stored or (p.block is not None and p.block.id in made)
            else replace(p, error=p.error or RoomTaken())
            for p in plan
        ]

    async def plan_change(
        self, b: RoomBlock, change: BlockChange, actor: Actor, now: datetime
    ) -> list[PlannedDate]:
        """The block and, with ``following``, the later ones of its series as the change would
        leave them, with what would become of each. A day that another block of the series has
        counts as taken. Raises: WrongState if the block was ended or is over; NotFound for a room
        out of use; Malformed."""
        room_block.must_last(b, now)
        if change.following and change.day is not None:
            raise Malformed("date", "block_date_alone")
        zone, taken, plan = self._reference.zone, set[str](), []
        for old in await self._with_following(b, change.following):
            room = self._reference.room(change.room_id or old.room_id)
            changed = change.applied(zone, old, room)
            (day,) = changed.dates(min(zone.day(now), old.day))
            try:
                to = changed.block(zone, room, day, old.id, old.history[0])
                new = room_block.changed(old, to, actor, now)
            except (OffGrid, WrongState) as error:
                plan.append(PlannedDate(day, None, error=error, old=old))
                continue
            needed = _needed(zone, old, new)
            why: DomainError | None = InThePast() if new.span.end <= now else None
            if needed and why is None:
                why = RoomTaken() if needed & taken else self._not_open(room, new, now)
            taken |= needed
            plan.append(PlannedDate(day, new, new is old, why, old=old))
        return await self._with_holders(plan)

    async def change_all(
        self, id: str, change: BlockChange, actor: Actor, now: datetime
    ) -> list[PlannedDate]:
        """Changes the block and, with ``following``, the later ones of its series: all, or none.
        The same change once more changes nothing. Raises: as ``plan_change``; SeriesDoesNotFit,
        Busy."""
        for _ in range(MAX_ATTEMPTS):
            plan = await self.plan_change(await self.get(id), change, actor, now)
            if unfit := [p.day.isoformat() for p in plan if p.error is not None]:
                raise SeriesDoesNotFit(dates=unfit)
            pairs = [(p.old, p.block) for p in plan if p.old and p.block and not p.stored]
            try:
                if pairs:
                    await self._blocks.replace_all(self._reference.zone, pairs)
            except (ClaimLost, StaleRevision):
                continue
            return [replace(p, stored=True) for p in plan]
        raise Busy()

    async def change_fitting(
        self, id: str, change: BlockChange, actor: Actor, now: datetime
    ) -> list[PlannedDate]:
        """Changes those of the blocks that fit, each alone; the others stay as they were and have
        an ``error``. Raises: as ``plan_change``; Busy."""
        plan = await self.plan_change(await self.get(id), change, actor, now)
        fitting = {p.day for p in plan if p.fits}
        for _ in range(MAX_ATTEMPTS):
            left = [p for p in plan if p.fits and p.day in fitting]
            if not left:
                return [replace(p, error=RoomTaken()) if p.fits else p for p in plan]
            for p in left:
                assert p.old is not None and p.block is not None
                with suppress(ClaimLost, StaleRevision):
                    await self._blocks.replace(self._reference.zone, p.old, p.block)
            plan = await self.plan_change(await self.get(id), change, actor, now)
        raise Busy()

    async def following(self, b: RoomBlock) -> int:
        """The number of later blocks of its series that were not ended."""
        return len(await self._with_following(b, True)) - 1

    async def _with_following(self, b: RoomBlock, following: bool) -> list[RoomBlock]:
        """The block, and with ``following`` all later ones of its series that were not ended."""
        if not following:
            return [b]
        of_series = await self._blocks.of_series(b.series)
        return [b, *(other for other in of_series if other.day > b.day and other.ended_at is None)]

    async def end(
        self, b: RoomBlock, following: bool, actor: Actor, now: datetime
    ) -> list[RoomBlock]:
        """Cancels the block, or ends it while it lasts, and with ``following`` all later ones of
        its series; returns them. Raises: WrongState if the block is over; Busy."""
        return [
            await self._change(each.id, lambda old: room_block.ended(old, actor, now))
            for each in await self._with_following(b, following)
        ]

    async def restore(self, b: RoomBlock, actor: Actor, now: datetime) -> list[RoomBlock]:
        """Restores the block and those of its series that were ended together with it, as far as
        the room is still free; returns all of them. Raises: WrongState if the block is over;
        RoomTaken if none could be restored; Busy."""
        if b.ended_at is None:
            return [b]
        room_block.restored(b, actor, now)
        of_series = await self._blocks.of_series(b.series)
        blocks = []
        for each in (other for other in of_series if other.ended_at == b.ended_at):
            try:
                blocks.append(
                    await self._change(each.id, lambda old: room_block.restored(old, actor, now))
                )
            except (ClaimLost, WrongState):
                blocks.append(each)
        if all(each.ended_at is not None for each in blocks):
            raise RoomTaken()
        return blocks

    async def _change(self, id: str, step: Callable[[RoomBlock], RoomBlock]) -> RoomBlock:
        """Replaces the block by what ``step`` makes of it; after a change by another, of that.
        Raises: NotFound, ClaimLost, Busy; the errors of ``step``."""
        for _ in range(MAX_ATTEMPTS):
            old = await self.get(id)
            new = step(old)
            if new is old:
                return old
            try:
                return await self._blocks.replace(self._reference.zone, old, new)
            except StaleRevision:
                continue
        raise Busy()


def _needed(zone: Zone, old: RoomBlock | None, new: RoomBlock) -> set[str]:
    """The claims of ``new`` that ``old`` does not hold."""
    return set(new.claims(zone)).difference(old.claims(zone) if old is not None else ())
