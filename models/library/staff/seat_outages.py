from __future__ import annotations

from typing import Final

from models.affected_bookings.service import Resolution
from models.kernel.errors import Busy
from models.library.entities import SeatId
from models.library.errors import PlanChanged
from models.library.seat_outage import SeatOutage, with_outage
from models.policy.staff import AreaChange, StaffPolicyAndPlans
from models.reference_data import ReferenceData
from models.staff.audit import AuditAction
from models.staff.audit_log import StaffContext

_TRIES: Final = 4


class StaffSeatOutages:
    def __init__(self, plans: StaffPolicyAndPlans, reference: ReferenceData) -> None:
        self._plans, self._reference = plans, reference

    async def set_outage(
        self,
        ctx: StaffContext,
        seat_id: SeatId,
        was: SeatOutage,
        new: SeatOutage,
        summary: str,
        reason: str,
        resolution: Resolution,
    ) -> None:
        """Sets the seat's outage; tries again if another part of the plan was changed meanwhile.
        ``was``: the outage that the staff member saw. ``resolution`` is applied to bookings that
        lose their seat. Raises: NotFound, Malformed; PlanChanged, without any change, if the
        seat has another outage by now; Busy."""
        for _ in range(_TRIES):
            await self._reference.refresh()
            old = self._reference.area(self._reference.seat(seat_id).area_id)
            planned = with_outage(old, seat_id, was, new, self._reference.zone.day(ctx.now))
            change = AreaChange(AuditAction.CHANGE_PLAN, old, planned, summary)
            try:
                await self._plans.change_areas(ctx, [change], reason, resolution)
            except PlanChanged:
                continue
            return
        raise Busy()
