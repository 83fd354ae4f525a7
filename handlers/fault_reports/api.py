from __future__ import annotations

from handlers.fault_reports.schemas import FaultReportOut, ReportFault
from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import ApiRequest
from models.fault_reports.entities import FaultKind
from models.fault_reports.errors import FaultReported, TooManyFaults
from models.fault_reports.service import FaultReportService
from models.kernel.errors import NotFound

routes = ApiRoutes()


@routes.post(
    "/seats/{id}/faults",
    "Report a fault at a seat",
    status=201,
    errors=(NotFound, FaultReported, TooManyFaults),
)
async def report_fault(call: ApiRequest, body: ReportFault) -> FaultReportOut:
    fault = await call[FaultReportService].report(
        call.reader.id, call.id, FaultKind(body.kind), body.text.strip(), call.now
    )
    return FaultReportOut(
        fault.id, fault.seat_id, fault.kind.value, fault.text, call.zone.local(fault.at)
    )
