"""Actions after scanning a kiosk's code or a seat label in a browser."""

from __future__ import annotations

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import WAKE_JOBS
from handlers.http.pages import PageRequest, form_text, redirect
from models.check_in.arrival import PresenceScan
from models.check_in.service import CheckInService
from models.kernel.errors import Malformed
from models.reservations.entities import Reservation
from models.seat_reports.service import DeadlineAfterReport, SeatReportService


async def check_in_by(visit: PageRequest, form: Form, scan: PresenceScan) -> web.StreamResponse:
    """Checks in, returns or confirms; keeps the scan, so that the form can be sent again."""
    r = await visit[CheckInService].check_in(visit.context(), form_text(form, "reservation"), scan)
    visit[WAKE_JOBS]()
    returned = r.returned_at == visit.now
    return redirect(f"/reservations/{r.id}?done={'return' if returned else 'check_in'}")


async def report_by(visit: PageRequest, form: Form, scan: PresenceScan) -> web.StreamResponse:
    """Reports the seat as occupied; the scan proves the reader's presence. Raises: Malformed."""
    kind, ctx = form_text(form, "kind"), visit.context()
    if kind not in ("occupied", "belongings"):
        raise Malformed("kind", "must be occupied or belongings")
    proof = visit[CheckInService].proof(ctx, scan)
    r = await visit[SeatReportService].report_occupied(
        ctx, form_text(form, "reservation"), kind, proof
    )
    visit[WAKE_JOBS]()
    return redirect(f"/reservations/{r.id}?done={report_done(r)}")


async def report_would_stop(visit: PageRequest, r: Reservation | None) -> bool:
    """True if a report would stop the deadline; after the day's limit of reports it does not."""
    if r is None:
        return False
    deadline = await visit[SeatReportService].deadline_after_report(visit.context(), r)
    return deadline is not DeadlineAfterReport.USED_UP


def report_done(r: Reservation) -> str:
    """The ``done`` value: whether the report stopped the deadline or only reached the desk."""
    return "report" if r.has_open_report else "report_desk"
