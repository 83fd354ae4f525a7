"""Reports of seats that somebody else has taken, and of seats in use that are empty."""

from __future__ import annotations

from handlers import keys
from handlers.http.endpoint import ApiRequest
from handlers.http.keys import WAKE_JOBS
from handlers.http.request_parsing import digest_of
from handlers.reservations.presenter import after_change
from handlers.reservations.schemas import NearSeat
from handlers.seat_reports.schemas import EmptySeatReportOut, ReportOut, ReportTaken


async def report_occupied(call: ApiRequest, body: ReportTaken) -> ReportOut:
    r = await call[keys.SEAT_REPORTS].report_occupied(
        call.context(digest_of(body)), call.id, body.kind
    )
    near = await call[keys.ALTERNATIVES].alternatives_for(r, call.now)
    return ReportOut(await after_change(call, r), [NearSeat(**seat) for seat in near])


async def report_empty(call: ApiRequest) -> EmptySeatReportOut:
    asked = await call[keys.SEAT_REPORTS].report_empty(call.context(), call.id)
    call[WAKE_JOBS]()
    return EmptySeatReportOut(asked)
