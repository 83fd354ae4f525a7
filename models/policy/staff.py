from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from models.affected_bookings.impact import AffectedBookings
from models.affected_bookings.rooms import AffectedRooms
from models.affected_bookings.service import AffectedBookingService, Resolution
from models.identity.roles import Role
from models.library.area_events import area_closed
from models.library.entities import Area
from models.library.errors import PlanChanged
from models.library.plan_json import plan_to_json
from models.library.repository import CatalogRepository
from models.policy.entities import Policy
from models.reference_data import ReferenceData
from models.reservations.occupancy_rows import OccupancyRow
from models.reservations.room_booking import RoomBooking
from models.staff.audit import AuditAction, JsonObject
from models.staff.audit_log import AuditLog, StaffContext
from models.staff.ports import ReaderNotifier


@dataclass(frozen=True, slots=True)
class AreaChange:
    """Staff's change of one area. `old` is None for a new area. `summary`: the change in words."""

    action: AuditAction
    old: Area | None
    new: Area
    summary: str

    @property
    def before(self) -> JsonObject:
        """The area before the change, for the audit log. Its plan has the form of an export."""
        old = self.old
        return {"rev": old.rev, "plan": plan_to_json(old)} if old is not None else {}

    @property
    def after(self) -> JsonObject:
        new = self.new
        facts: dict[str, object] = {"rev": new.rev, "change": self.summary}
        return facts if self.old is not None else facts | {"area": new.name, "floor": new.floor}


class StaffPolicyAndPlans:
    def __init__(
        self,
        audit: AuditLog,
        catalogs: CatalogRepository,
        reference: ReferenceData,
        affected: AffectedBookings,
        affected_bookings: AffectedBookingService,
        affected_rooms: AffectedRooms,
        notifier: ReaderNotifier,
    ) -> None:
        self._audit, self._catalogs, self._reference = audit, catalogs, reference
        self._affected, self._affected_bookings = affected, affected_bookings
        self._affected_rooms, self._notifier = affected_rooms, notifier

    async def change_policy(
        self, ctx: StaffContext, new: Policy, summary: str, reason: str, resolution: Resolution
    ) -> None:
        """Publishes the next version of the policy. ``resolution`` is applied to bookings that
        ``new`` forbids; the bookers of rooms see the reason. Raises: RulesChanged, without effect,
        if another version was published."""
        ctx.require(None, Role.ADMINISTRATOR)
        async with self._audit.entry(
            ctx,
            AuditAction.CHANGE_POLICY,
            target="rules",
            reason=reason,
            before={"version": new.version - 1},
        ) as entry:
            catalog = self._reference.catalog
            rows = await self._affected.find_affected(new, catalog, ctx.now)
            rooms = await self._affected_rooms.find_affected(ctx.now, new)
            await self._reference.publish(new, ctx.now)
            done = await self._resolve(ctx, rows, rooms, resolution, reason, sizes=True)
            entry.after = {"version": new.version, "change": summary} | done

    async def change_areas(
        self,
        ctx: StaffContext,
        changes: Sequence[AreaChange],
        reason: str,
        resolution: Resolution,
    ) -> None:
        """Makes all of the changes of areas or none. ``resolution`` is applied to bookings that
        lose their seat. Raises: PlanChanged if an area was changed meanwhile."""
        for change in changes:
            keeps_area = change.action is AuditAction.CHANGE_PLAN
            role = Role.LIBRARIAN if keeps_area else Role.ADMINISTRATOR
            for area in filter(None, (change.old, change.new)):
                ctx.require(area.venue_id, role)
        async with AsyncExitStack() as stack:
            entries = [
                await stack.enter_async_context(
                    self._audit.entry(
                        ctx,
                        change.action,
                        target=f"area:{change.new.id}",
                        reason=reason,
                        before=change.before,
                    )
                )
                for change in changes
            ]
            reference, after = self._reference, [change.new for change in changes]
            rows = await self._affected.find_affected(
                reference.policy, reference.catalog.with_areas(*after), ctx.now
            )
            new = [change.new for change in changes if change.old is None]
            changed = [change.new for change in changes if change.old is not None]
            closed = [
                area_closed(self._reference.catalog, change.new, ctx.now)
                for change in changes
                if change.action is AuditAction.RETIRE_AREA
            ]
            if not await self._catalogs.write_areas(new, changed, closed):
                raise PlanChanged()
            await reference.refresh()
            done = await self._resolve(ctx, rows, [], resolution, reason)
            for change in changes:
                if change.old is not None:
                    await self._notify_renumbered(ctx, change.old, change.new)
            for change, entry in zip(changes, entries, strict=True):
                # The resolution's result is recorded once, in the last entry.
                entry.after = {**change.after, **(done if entry is entries[-1] else {})}

    async def add_area(self, ctx: StaffContext, area: Area, reason: str) -> None:
        """Adds an area without seats. Raises: PlanChanged if the id exists."""
        ctx.require(area.venue_id, Role.ADMINISTRATOR)
        async with self._audit.entry(
            ctx, AuditAction.ADD_AREA, target=f"area:{area.id}", reason=reason
        ) as entry:
            if not await self._catalogs.add_area(area):
                raise PlanChanged()
            await self._reference.refresh()
            entry.after = {"area": area.name, "floor": area.floor}

    async def resolve_affected_bookings(
        self, ctx: StaffContext, resolution: Resolution, reason: str
    ) -> None:
        """Applies ``resolution`` to the bookings whose place or time is not allowed at present; the
        bookers of rooms see the reason."""
        ctx.require(None, Role.ADMINISTRATOR)
        async with self._audit.entry(
            ctx, AuditAction.RESOLVE_AFFECTED, target="rules", reason=reason
        ) as entry:
            rows = await self._affected.find_unplaceable(ctx.now)
            rooms = await self._affected_rooms.find_unplaceable(ctx.now)
            entry.after = await self._resolve(ctx, rows, rooms, resolution, reason)

    async def _resolve(
        self,
        ctx: StaffContext,
        rows: list[OccupancyRow],
        rooms: list[RoomBooking],
        resolution: Resolution,
        reason: str,
        sizes: bool = False,
    ) -> dict[str, object]:
        done = await self._affected_bookings.resolve(rows, resolution, ctx.actor, ctx.now, sizes)
        if resolution is Resolution.KEEP:
            return {}
        done += await self._affected_rooms.cancel(rooms, reason, ctx.actor, ctx.now)
        counts = {"cancelled": done.cancelled, "offered": done.offered, "left": done.left}
        return {name: n for name, n in counts.items() if n or name == "cancelled"}

    async def _notify_renumbered(self, ctx: StaffContext, old: Area, new: Area) -> None:
        numbers = {seat.id: seat.number for seat in new.seats}
        was = {s.id: s.number for s in old.seats if numbers.get(s.id, s.number) != s.number}
        if not was:
            return
        catalog = self._reference.catalog
        for row in await self._affected.upcoming(ctx.now):
            if row.seat_id in was:
                await self._notifier.seat_renumbered(
                    row.reader_id,
                    was[row.seat_id],
                    catalog,
                    catalog.seats[row.seat_id],
                    row.booked_start,
                    row.end,
                    ctx.now,
                )
