"""报修 for apps: something is broken at a seat."""

from __future__ import annotations

from handlers.fault_reports.schemas import FaultReportOut, ReportFault
from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import ApiRequest
from models.fault_reports.entities import FaultKind
from models.fault_reports.errors import FaultReported, TooManyFaults
from models.fault_reports.service import FaultReportService
from models.kernel.errors import NotFound
from models.kernel.time_range import to_local

routes = ApiRoutes()


@routes.post(
    "/seats/{id}/faults",
    "Say that something is broken at a seat",
    status=201,
    errors=(NotFound, FaultReported, TooManyFaults),
)
async def report_fault(call: ApiRequest, body: ReportFault) -> FaultReportOut:
    kept = await call[FaultReportService].report(
        call.reader.id, call.id, FaultKind(body.kind), body.text.strip(), call.now
    )
    return FaultReportOut(kept.id, kept.seat_id, kept.kind.value, kept.text, to_local(kept.at))
