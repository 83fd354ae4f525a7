from __future__ import annotations

from dataclasses import replace

from models.affected_bookings.impact import AffectedBookings
from models.affected_bookings.service import AffectedBookingService, Resolution
from models.identity.roles import Role
from models.kernel.errors import NotFound
from models.reader_groups.entities import (
    LIMIT_NAMES,
    GroupId,
    GroupLimits,
    LimitName,
    ReaderGroup,
    ReaderGroups,
)
from models.reader_groups.errors import GroupChanged, GroupNameTaken, TooManyGroups
from models.reader_groups.repository import MAX_GROUPS, ReaderGroupRepository
from models.readers.repository import ReaderRepository
from models.reference_data import ReferenceData
from models.reservations.occupancy_rows import OccupancyRow
from models.staff.audit import AuditAction, JsonObject
from models.staff.audit_log import AuditLog, StaffContext
from models.storage.mongo import new_id


class StaffReaderGroups:
    """Changes reader groups, with an entry in the audit log for each change."""

    def __init__(
        self,
        audit: AuditLog,
        groups: ReaderGroupRepository,
        readers: ReaderRepository,
        reference: ReferenceData,
        affected: AffectedBookings,
        affected_bookings: AffectedBookingService,
    ) -> None:
        self._audit, self._groups, self._readers = audit, groups, readers
        self._reference, self._affected = reference, affected
        self._affected_bookings = affected_bookings

    def get(self, id: str) -> ReaderGroup:
        """The group with this id. Raises: NotFound."""
        group = self._reference.groups.by_id.get(GroupId(id))
        if group is None:
            raise NotFound()
        return group

    async def find_barred(self, groups: ReaderGroups, ctx: StaffContext) -> list[OccupancyRow]:
        """Upcoming bookings that ``groups`` would newly bar from their seats, earliest first."""
        seats = self._reference.catalog.all_seats
        rows = [
            row
            for row in await self._affected.upcoming(ctx.now)
            if row.seat_id in seats and groups.reserved_for(seats[row.seat_id])
        ]
        readers = await self._readers.many({row.reader_id for row in rows})
        barred = []
        for row in rows:
            reader, seat = readers.get(row.reader_id), seats[row.seat_id]
            day = self._reference.zone.day(row.booked_start)
            memberships = reader.memberships if reader is not None else ()
            before = self._reference.groups.of(memberships, day)
            if self._reference.groups.may_use(seat, before) and not groups.may_use(
                seat, groups.of(memberships, day)
            ):
                barred.append(row)
        return sorted(barred, key=lambda row: (row.booked_start, row.seat_id))

    async def save(
        self,
        ctx: StaffContext,
        old: ReaderGroup | None,
        new: ReaderGroup,
        reason: str,
        resolution: Resolution,
    ) -> None:
        """Replaces ``old`` by ``new``; with None for ``old``, adds ``new`` under a new id.
        ``resolution`` is applied to other readers' bookings of seats that become reserved.
        Raises: GroupChanged, GroupNameTaken, TooManyGroups, after which nothing has changed."""
        ctx.require(None, Role.ADMINISTRATOR)
        if old is None:
            if len(self._reference.groups.by_id) >= MAX_GROUPS:
                raise TooManyGroups(limit=MAX_GROUPS)
            new = replace(new, id=GroupId(new_id()))
        rows = await self.find_barred(self._reference.groups.with_group(new), ctx)
        async with self._audit.entry(
            ctx,
            AuditAction.SAVE_GROUP,
            target=f"group:{new.id}",
            reason=reason,
            before=self._snapshot(old) if old is not None else {},
        ) as entry:
            if old is None:
                if not await self._groups.add(new):
                    raise GroupNameTaken()
            elif not await self._groups.replace(new):
                current = await self._groups.get(new.id)
                same = current is not None and current.rev == old.rev
                raise GroupNameTaken() if same else GroupChanged()
            await self._reference.refresh()
            done = await self._affected_bookings.resolve(
                rows, resolution, ctx.actor, ctx.now, entitled=True
            )
            counts = {"cancelled": done.cancelled, "offered": done.offered, "left": done.left}
            entry.after = {**self._snapshot(new), **{name: n for name, n in counts.items() if n}}

    async def delete(self, ctx: StaffContext, group: ReaderGroup, reason: str) -> None:
        """Deletes the group and its memberships. Its areas and seats become free for all, unless
        other groups list them, too. Raises: GroupChanged."""
        ctx.require(None, Role.ADMINISTRATOR)
        async with self._audit.entry(
            ctx,
            AuditAction.DELETE_GROUP,
            target=f"group:{group.id}",
            reason=reason,
            before=self._snapshot(group),
        ):
            if not await self._groups.delete(group):
                raise GroupChanged()
            await self._reference.refresh()

    def _snapshot(self, g: ReaderGroup) -> JsonObject:
        catalog = self._reference.catalog
        seats = sorted(id for id in g.seats if id in catalog.all_seats)
        return {
            "name": g.name,
            "shown_name": g.shown_name,
            "default": g.default,
            **{name: _written(g.limits, name) for name in LIMIT_NAMES},
            "reserved_areas": ", ".join(sorted(g.areas & catalog.areas.keys())) or None,
            "reserved_seats": ", ".join(seats) or None,
            "patterns": ", ".join(f"{p.attribute}={p.value}" for p in g.patterns) or None,
        }


def _written(limits: GroupLimits, name: LimitName) -> int | str | None:
    """The limit as the audit log has it: 480, or "≥ 480" for a minimum."""
    own: int | None = getattr(limits, name)
    return f"≥ {own}" if own is not None and name in limits.at_least else own
