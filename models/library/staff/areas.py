"""Areas as the staff keep them: name, floor, order; brought back, deleted. How their plan changes,
or an area goes out of use, is in models/policy/staff.py, since bookings can be affected."""

from __future__ import annotations

from collections.abc import Sequence

from models.identity.roles import Role
from models.library import transitions
from models.library.area_events import area_opened
from models.library.entities import Area
from models.library.errors import AreaUsed, PlanChanged
from models.library.repository import CatalogRepository
from models.reference_data import ReferenceData
from models.reservation_store.repository import ReservationRepository
from models.staff.audit import AuditAction, JsonObject
from models.staff.audit_log import AuditLog, StaffContext
from models.storage.event_outbox import StoredEvent


class StaffAreas:
    """Changes areas beside their plans. A change of an area that somebody else has changed since
    it was shown raises PlanChanged, and nothing has changed then."""

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
        """The first of ``changed`` stands in the place of ``old``, and the others of its floor
        are in order. Raises: PlanChanged."""
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
        """Readers see the area again. Raises: AreaNotRetired, PlanChanged."""
        ctx.require(area.venue_id, Role.ADMINISTRATOR)
        async with self._audit.entry(
            ctx, AuditAction.BRING_BACK_AREA, target=f"area:{area.id}", reason=reason
        ) as entry:
            new = transitions.bring_back(area)
            await self._replace(new, area_opened(area, ctx.now))
            entry.after = {"rev": new.rev}

    async def delete(self, ctx: StaffContext, area: Area, reason: str) -> None:
        """Nobody sees the area any more. Raises: AreaNotRetired, AreaUsed, PlanChanged."""
        ctx.require(area.venue_id, Role.ADMINISTRATOR)
        async with self._audit.entry(
            ctx,
            AuditAction.DELETE_AREA,
            target=f"area:{area.id}",
            reason=reason,
            before=_facts(area),
        ) as entry:
            gone = transitions.delete(area)
            policy = self._reference.policy
            named = {*policy.areas, *(rule.area_id for rule in policy.opening)}
            named |= {override.area_id for override in policy.rule_sets}
            seats = [seat.id for seat in area.all_seats]
            if area.id in named or await self._reservations.ever_on(seats):
                raise AreaUsed()
            await self._replace(gone)
            entry.after = {"rev": gone.rev}

    async def _replace(self, new: Area, *events: StoredEvent) -> None:
        if not await self._catalogs.replace_area(new, events):
            raise PlanChanged()
        await self._reference.refresh()


def _facts(area: Area) -> JsonObject:
    return {"area": area.name, "floor": area.floor, "place": area.order + 1}
