from __future__ import annotations

from models.fault_reports.entities import FaultState
from models.fault_reports.service import FaultReportService
from models.reference_data import ReferenceData
from models.staff.audit import AuditAction
from models.staff.audit_log import AuditLog, StaffContext
from models.staff.ports import ReaderNotifier


class StaffFaultReports:
    def __init__(
        self,
        audit: AuditLog,
        reports: FaultReportService,
        notifier: ReaderNotifier,
        reference: ReferenceData,
    ) -> None:
        self._audit, self._reports, self._notifier = audit, reports, notifier
        self._reference = reference

    async def close(self, ctx: StaffContext, id: str, repaired: bool, answer: str) -> None:
        """Closes the report and notifies its reader, once. A repeat completes an interrupted call.
        Raises: NotFound; FaultClosed if it was closed before with another state or answer."""
        report = await self._reports.get(id)
        catalog = self._reference.catalog
        seat = catalog.all_seats.get(report.seat_id)
        ctx.require(catalog.areas[seat.area_id].venue_id if seat is not None else None)
        state = FaultState.REPAIRED if repaired else FaultState.REJECTED
        async with self._audit.entry(
            ctx,
            AuditAction.CLOSE_FAULT,
            target=f"fault:{id}",
            reader=report.reader_id,
            reason=answer,
            before={"seat": report.seat_id, "state": report.state.value},
        ) as entry:
            closed = await self._reports.close(id, state, answer, ctx.now)
            label = self._reference.catalog.label_of(closed.seat_id)
            await self._notifier.fault_closed(closed, label)
            entry.after = {"seat": closed.seat_id, "state": closed.state.value}
