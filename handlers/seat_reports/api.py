"""TODO docstring."""

from __future__ import annotations

from handlers.http.endpoint import ApiRequest
from handlers.http.request_parsing import digest_of
from handlers.reservations import schemas as reservations_schemas
from handlers.reservations.api import _shown
from handlers.seat_reports import schemas
from models.reservations import alternatives
from models.seat_reports import service as seat_reports_service


async def report(call: ApiRequest, body: schemas.ReportTaken) -> schemas.ReportOut:
    desk = call.services.desk
    r = await seat_reports_service.report_occupied(
        desk, call.context(digest_of(body)), call.id, body.kind
    )
    near = await alternatives.alternatives_for(desk, r, call.now)
    return schemas.ReportOut(
        await _shown(call, r), [reservations_schemas.NearSeat(**seat) for seat in near]
    )


async def doubt(call: ApiRequest) -> schemas.EmptySeatReportOut:
    services = call.services
    asked = await seat_reports_service.report_empty(
        services.desk, services.throttles, call.context(), call.id
    )
    services.nudge()
    return schemas.EmptySeatReportOut(asked)
