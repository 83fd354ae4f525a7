from __future__ import annotations

from models.booking.staff.lookup import ReservationLookup
from models.booking.staff.reservations import audit_result, entry_of_reservation
from models.reservations.entities import Reservation
from models.seat_reports.service import SeatReportService
from models.staff.audit import AuditAction
from models.staff.audit_log import AuditLog, StaffContext


class StaffSeatReports:
    def __init__(
        self, audit: AuditLog, lookup: ReservationLookup, seat_reports: SeatReportService
    ) -> None:
        self._audit, self._lookup, self._seat_reports = audit, lookup, seat_reports

    async def resolve_report(self, ctx: StaffContext, id: str) -> Reservation:
        """Closes the occupied-seat report after the staff have freed the seat. Raises: NotFound,
        OtherVenue, WrongState."""
        r = await self._lookup.own(ctx, id)
        async with entry_of_reservation(self._audit, ctx, AuditAction.RESOLVE_REPORT, r) as entry:
            resolved = await self._seat_reports.resolve_report(id, ctx.actor, ctx.now)
            entry.after = audit_result(resolved, ctx)
        return resolved

    async def reject_report(self, ctx: StaffContext, id: str) -> Reservation:
        """Closes the occupied-seat report as wrong, so that the reader's deadlines run again.
        Raises: NotFound, OtherVenue, WrongState."""
        r = await self._lookup.own(ctx, id)
        async with entry_of_reservation(self._audit, ctx, AuditAction.REJECT_REPORT, r) as entry:
            rejected = await self._seat_reports.reject_report(id, ctx.actor, ctx.now)
            entry.after = audit_result(rejected, ctx)
        return rejected
