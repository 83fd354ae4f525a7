"""Reader groups and who is in them, changed by the staff."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from models.affected_bookings.impact import AffectedBookings
from models.affected_bookings.service import AffectedBookingService, Resolution
from models.identity.roles import Role
from models.kernel.days import days_document
from models.kernel.errors import NotFound
from models.kernel.ids import ReaderId
from models.kernel.time_range import local_date
from models.reader_groups.entities import GroupId, Membership, ReaderGroup, ReaderGroups
from models.reader_groups.errors import (
    GroupChanged,
    GroupNameTaken,
    MembershipChanged,
    TooManyGroups,
)
from models.reader_groups.membership_repository import MAX_MEMBERSHIPS, MembershipRepository
from models.reader_groups.repository import MAX_GROUPS, ReaderGroupRepository
from models.readers.entities import Reader
from models.readers.repository import ReaderRepository
from models.reference_data import ReferenceData
from models.reservations.occupancy import OccupancyRow
from models.staff.audit import AuditAction, JsonObject
from models.staff.recorder import AuditedOperation, AuditLog, StaffContext, as_it_is
from models.storage.mongo import new_id

_BATCH = 500
"""Readers of a file that are entered at once."""


class StaffReaderGroups:
    """Each change has its entry in the audit log."""

    def __init__(
        self,
        audit: AuditLog,
        groups: ReaderGroupRepository,
        memberships: MembershipRepository,
        readers: ReaderRepository,
        reference: ReferenceData,
        affected: AffectedBookings,
        affected_bookings: AffectedBookingService,
        on_reader_changed: Callable[[ReaderId], Awaitable[None]],
    ) -> None:
        self._audit, self._groups, self._memberships = audit, groups, memberships
        self._readers, self._reference = readers, reference
        self._affected, self._affected_bookings = affected, affected_bookings
        self._on_reader_changed = on_reader_changed

    def get(self, id: str) -> ReaderGroup:
        """Raises: NotFound."""
        group = self._reference.groups.by_id.get(GroupId(id))
        if group is None:
            raise NotFound()
        return group

    async def sizes(self) -> Mapping[GroupId, int]:
        """How many readers are entered in each group."""
        ids = self._reference.groups.by_id
        return {id: await self._memberships.count_in(id) for id in ids}

    async def find_barred(self, groups: ReaderGroups, ctx: StaffContext) -> list[OccupancyRow]:
        """Bookings from now on whose readers may have the seat today and could not have it with
        these groups, the earliest first."""
        seats = self._reference.catalog.all_seats
        rows = [
            row
            for row in await self._affected.upcoming(ctx.now)
            if row.seat_id in seats and groups.reserved_for(seats[row.seat_id])
        ]
        readers = await self._readers.many({row.reader_id for row in rows})
        found = []
        for row in rows:
            reader, seat = readers.get(row.reader_id), seats[row.seat_id]
            day = local_date(row.booked_start)
            memberships = reader.memberships if reader is not None else ()
            before = self._reference.groups.of(memberships, day)
            if self._reference.groups.may_use(seat, before) and not groups.may_use(
                seat, groups.of(memberships, day)
            ):
                found.append(row)
        return sorted(found, key=lambda row: (row.booked_start, row.seat_id))

    async def save(
        self,
        ctx: StaffContext,
        old: ReaderGroup | None,
        new: ReaderGroup,
        reason: str,
        resolution: Resolution,
    ) -> None:
        """Enter a new group, whose id is made here, or let ``new`` stand in the place of ``old``.
        ``resolution`` is for the bookings of others in what is reserved now.

        Raises: GroupChanged, GroupNameTaken, TooManyGroups; nothing has changed then.
        """
        ctx.require(None, Role.ADMINISTRATOR)
        if old is None:
            if len(self._reference.groups.by_id) >= MAX_GROUPS:
                raise TooManyGroups(limit=MAX_GROUPS)
            new = replace(new, id=GroupId(new_id()))
        rows = await self.find_barred(self._reference.groups.with_group(new), ctx)

        async def work() -> JsonObject:
            if old is None:
                if not await self._groups.add(new):
                    raise GroupNameTaken()
            elif not await self._groups.replace(new):
                stands = await self._groups.get(new.id)
                same = stands is not None and stands.rev == old.rev
                raise GroupNameTaken() if same else GroupChanged()
            await self._reference.refresh()
            done = await self._affected_bookings.resolve(
                rows, resolution, ctx.actor, ctx.now, entitled=True
            )
            counts = {"cancelled": done.cancelled, "offered": done.offered, "left": done.left}
            return {**self._snapshot(new), **{name: n for name, n in counts.items() if n}}

        before = self._snapshot(old) if old is not None else {}
        operation = AuditedOperation(
            AuditAction.SAVE_GROUP, f"group:{new.id}", None, reason, before
        )
        await self._audit.record(ctx, operation, work, as_it_is)

    async def delete(self, ctx: StaffContext, group: ReaderGroup, reason: str) -> None:
        """The group is gone, with the memberships in it; what was reserved for it is everybody's,
        where no other group has it too. Raises: GroupChanged."""

        ctx.require(None, Role.ADMINISTRATOR)

        async def work() -> JsonObject:
            if not await self._groups.delete(group):
                raise GroupChanged()
            await self._reference.refresh()
            return {}

        operation = AuditedOperation(
            AuditAction.DELETE_GROUP, f"group:{group.id}", None, reason, self._snapshot(group)
        )
        await self._audit.record(ctx, operation, work, as_it_is)

    async def set_membership(
        self,
        ctx: StaffContext,
        reader: Reader,
        was: Membership | None,
        new: Membership | None,
        reason: str,
    ) -> None:
        """``new`` stands in the place of ``was``. Raises: MembershipChanged where ``was`` is not
        what stands any more; TooManyGroups."""

        ctx.require(None)

        async def work() -> JsonObject:
            if not await self._memberships.replace(reader.id, was, new):
                if was is None and len(reader.memberships) >= MAX_MEMBERSHIPS:
                    raise TooManyGroups(limit=MAX_MEMBERSHIPS)
                raise MembershipChanged()
            await self._on_reader_changed(reader.id)
            return self._days(new)

        operation = AuditedOperation(
            AuditAction.SET_MEMBERSHIP, f"reader:{reader.id}", reader.id, reason, self._days(was)
        )
        await self._audit.record(ctx, operation, work, as_it_is)

    async def known_of(self, numbers: Sequence[str]) -> int:
        """How many of the numbers belong to readers who are known."""
        return len(await self._readers.by_numbers(numbers))

    async def import_members(
        self,
        ctx: StaffContext,
        group: ReaderGroup,
        rows: Mapping[str, Membership],
        reason: str,
    ) -> int:
        """Let the readers with these (normalised) numbers have these memberships of the group.
        Who has never signed in is entered by the number alone. How many entries have changed."""

        ctx.require(None)

        async def work() -> int:
            numbers, changed = list(rows), 0
            for begin in range(0, len(numbers), _BATCH):
                some = numbers[begin : begin + _BATCH]
                known = await self._readers.enter_numbers(some, ctx.now)
                changed += await self._memberships.put_all(
                    [(id, rows[number]) for number, id in known.items()]
                )
            return changed

        operation = AuditedOperation(AuditAction.IMPORT_MEMBERS, f"group:{group.id}", None, reason)
        return await self._audit.record(
            ctx, operation, work, lambda changed: {"name": group.name, "members": changed}
        )

    def _days(self, m: Membership | None) -> JsonObject:
        if m is None:
            return {}
        group = self._reference.groups.by_id.get(m.group_id)
        return {
            "group": group.name if group is not None else m.group_id,
            **days_document(m.first, m.last),
        }

    def _snapshot(self, g: ReaderGroup) -> JsonObject:
        catalog = self._reference.catalog
        areas = sorted(catalog.areas[id].full_name for id in g.areas if id in catalog.areas)
        seats = sorted(
            catalog.seat_label(s) for id, s in catalog.all_seats.items() if id in g.seats
        )
        return {
            "name": g.name,
            "shown_name": g.shown_name,
            "default": g.default,
            "max_minutes": g.limits.max_minutes,
            "booking_window_days": g.limits.booking_window_days,
            "reserved_areas": ", ".join(areas) or None,
            "reserved_seats": ", ".join(seats) or None,
            "patterns": ", ".join(f"{p.attribute}={p.value}" for p in g.patterns) or None,
        }
