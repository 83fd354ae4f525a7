"""Areas as the staff keep them: name, floor, order; brought back, deleted. How their plan changes,
or an area goes out of use, is in policy_and_plans.py, since bookings can be affected."""

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
from models.staff.audit_log import AuditedOperation, AuditLog, StaffContext, as_it_is
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
        """Put the first of ``changed`` in the place of ``old``, and the others of its floor in
        order. Raises: PlanChanged."""
        for area in (old, *changed):
            ctx.require(area.venue_id, Role.ADMINISTRATOR)

        async def work() -> JsonObject:
            if not await self._catalogs.write_areas([], changed):
                raise PlanChanged()
            await self._reference.refresh()
            return _facts(changed[0])

        operation = _operation(AuditAction.CHANGE_AREA, old, reason, _facts(old))
        await self._audit.record(ctx, operation, work, as_it_is)

    async def bring_back(self, ctx: StaffContext, area: Area, reason: str) -> None:
        """Let readers see it again. Raises: AreaNotRetired, PlanChanged."""
        ctx.require(area.venue_id, Role.ADMINISTRATOR)
        operation = _operation(AuditAction.BRING_BACK_AREA, area, reason, {})
        await self._audit.record(
            ctx,
            operation,
            lambda: self._put(transitions.bring_back(area), area_opened(area, ctx.now)),
            as_it_is,
        )

    async def delete(self, ctx: StaffContext, area: Area, reason: str) -> None:
        """Let nobody see it any more. Raises: AreaNotRetired, AreaUsed, PlanChanged."""
        ctx.require(area.venue_id, Role.ADMINISTRATOR)

        async def work() -> JsonObject:
            gone = transitions.delete(area)
            policy = self._reference.policy
            named = {*policy.areas, *(rule.area_id for rule in policy.opening)}
            named |= {override.area_id for override in policy.rule_sets}
            seats = [seat.id for seat in area.all_seats]
            if area.id in named or await self._reservations.ever_on(seats):
                raise AreaUsed()
            return await self._put(gone)

        operation = _operation(AuditAction.DELETE_AREA, area, reason, _facts(area))
        await self._audit.record(ctx, operation, work, as_it_is)

    async def _put(self, area: Area, *events: StoredEvent) -> JsonObject:
        if not await self._catalogs.replace_area(area, events):
            raise PlanChanged()
        await self._reference.refresh()
        return {"rev": area.rev}


def _facts(area: Area) -> JsonObject:
    return {"area": area.name, "floor": area.floor, "place": area.order + 1}


def _operation(
    action: AuditAction, area: Area, reason: str, before: JsonObject
) -> AuditedOperation:
    return AuditedOperation(action, f"area:{area.id}", None, reason, before)
