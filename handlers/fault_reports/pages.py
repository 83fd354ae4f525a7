from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from handlers.http.errors import status_of
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.http.refusals import count_error
from handlers.http.rendering import render_page
from handlers.reservations.presenter import seat as seat_out
from handlers.texts.errors import reason_text, text_of
from models.fault_reports.entities import LONGEST_FAULT_TEXT, FaultKind
from models.fault_reports.service import FaultReportService
from models.kernel.errors import Conflict, Malformed, Throttled
from notify.templates.in_app import FAULT_TEXT

_KIND_MISSING: Final = "fault_kind_missing"


async def fault_form(visit: PageRequest) -> web.StreamResponse:
    return await _page(visit, sent="sent" in visit.request.query)


async def report_fault(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Stores a reader's report of a seat's fault. If it is refused, the form keeps the text."""
    kind, text = form_text(form, "kind"), form_text(form, "text")
    try:
        if kind not in FAULT_TEXT:
            raise Malformed("kind", _KIND_MISSING)
        await visit[FaultReportService].report(
            visit.reader.id, visit.id, FaultKind(kind), text, visit.now
        )
    except Malformed as error:
        return await _page(
            visit, status=400, kind=kind, text=text, wrong=reason_text(error.details)
        )
    except (Conflict, Throttled) as error:
        count_error(visit.request, error)
        details = dict(error.details)
        if isinstance(error, Throttled):
            details["retry_after"] = error.retry_after
        wrong = text_of(error.code, details)
        response = await _page(
            visit, status=status_of(type(error)), kind=kind, text=text, wrong=wrong
        )
        if isinstance(error, Throttled):
            response.headers["Retry-After"] = str(error.retry_after)
        return response
    return redirect(f"/seats/{visit.id}/fault?{urlencode({'sent': '1'})}")


async def _page(
    visit: PageRequest,
    *,
    status: int = 200,
    kind: str = "",
    text: str = "",
    wrong: str = "",
    sent: bool = False,
) -> web.Response:
    seat = visit[REFERENCE].seat(visit.id)
    mine = await visit[FaultReportService].open_of(visit.reader.id)
    facts: dict[str, Any] = {
        "seat": seat,
        "place": seat_out(visit[REFERENCE], seat.id),
        "kinds": FAULT_TEXT,
        "longest": LONGEST_FAULT_TEXT,
        "mine": [report for report in mine if report.seat_id == seat.id],
        "kind": kind,
        "text": text,
        "wrong": wrong,
        "sent": sent,
    }
    return render_page(
        visit.request,
        "fault_reports/report_fault.html",
        status=status,
        reader=visit.reader,
        **facts,
    )
