"""Changes of areas that affect no booking. Other changes of areas: models/policy/staff.py."""

from __future__ import annotations

from collections.abc import Sequence

from models.identity.roles import Role
from models.library import transitions
from models.library.area_events import area_opened
from models.library.entities import Area
from models.library.errors import AreaUsed, PlanChanged
from models.library.names import names_text
from models.library.repository import CatalogRepository
from models.reference_data import ReferenceData
from models.reservation_store.repository import ReservationRepository
from models.staff.audit import AuditAction, JsonObject
from models.staff.audit_log import AuditLog, StaffContext
from models.storage.event_outbox import StoredEvent


class StaffAreas:
    """Renames, orders, brings back and deletes areas. If an area was changed after it was shown,
    PlanChanged is raised and nothing changes."""

    def __init__(
        self,
        audit: AuditLog,
        catalogs: CatalogRepository,
        reservations: ReservationRepository,
        reference: ReferenceData,
    ) -> None:
        self._audit, self._catalogs = audit, catalogs
        self._reservations, self._reference = reservations, reference

    async def rearrange(
        self, ctx: StaffContext, old: Area, changed: Sequence[Area], reason: str
    ) -> None:
        """Writes a new order, name or floor of areas: the first of ``changed`` replaces ``old``,
        the others are areas of its floor that move with it. Raises: PlanChanged."""
        for area in (old, *changed):
            ctx.require(area.venue_id, Role.ADMINISTRATOR)
        async with self._audit.entry(
            ctx, AuditAction.CHANGE_AREA, target=f"area:{old.id}", reason=reason, before=_facts(old)
        ) as entry:
            if not await self._catalogs.write_areas([], changed):
                raise PlanChanged()
            await self._reference.refresh()
            entry.after = _facts(changed[0])

    async def bring_back(self, ctx: StaffContext, area: Area, reason: str) -> None:
        """Puts a retired area back into use. Raises: AreaNotRetired, PlanChanged."""
        ctx.require(area.venue_id, Role.ADMINISTRATOR)
        async with self._audit.entry(
            ctx, AuditAction.BRING_BACK_AREA, target=f"area:{area.id}", reason=reason
        ) as entry:
            new = transitions.bring_back(area)
            await self._replace(new, area_opened(self._reference.catalog, area, ctx.now))
            entry.after = {"rev": new.rev}

    async def delete(self, ctx: StaffContext, area: Area, reason: str) -> None:
        """Deletes a retired area. Raises: AreaNotRetired, AreaUsed, PlanChanged."""
        ctx.require(area.venue_id, Role.ADMINISTRATOR)
        async with self._audit.entry(
            ctx,
            AuditAction.DELETE_AREA,
            target=f"area:{area.id}",
            reason=reason,
            before=_facts(area),
        ) as entry:
            deleted = transitions.delete(area)
            policy = self._reference.policy
            named = {*policy.areas, *(rule.area_id for rule in policy.opening)}
            named |= {override.area_id for override in policy.rule_sets}
            seats = [seat.id for seat in area.all_seats]
            if area.id in named or await self._reservations.ever_on(seats):
                raise AreaUsed()
            await self._replace(deleted)
            entry.after = {"rev": deleted.rev}

    async def _replace(self, new: Area, *events: StoredEvent) -> None:
        if not await self._catalogs.replace_area(new, events):
            raise PlanChanged()
        await self._reference.refresh()


def _facts(area: Area) -> JsonObject:
    names: JsonObject = {"names": names_text(area.names)} if area.names else {}
    return {"area": area.name, "floor": area.floor, "place": area.order + 1, **names}
