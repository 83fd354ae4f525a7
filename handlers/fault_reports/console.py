"""报修: what readers say is broken, oldest first, and closing it."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import LONGEST_REASON, PageRequest, form_reason, form_text, redirect
from handlers.library.console.seat_outages import outage_token
from handlers.staff.forms import refusal, typed_in
from handlers.staff.layout import (
    PAGE,
    page_number,
    pages_of,
    reader_label,
    render,
    staff_context,
    visible_seats,
)
from handlers.texts.console import WRONG_TEXT
from models.fault_reports.service import FaultReportService
from models.fault_reports.staff import StaffFaultReports
from models.kernel.errors import Conflict, DomainError, InvalidRequest
from models.kernel.time_range import local_date
from models.library.plan_editing import LONGEST_REASON as LONGEST_OUTAGE
from models.readers.staff.readers import StaffReaders
from notify.templates.in_app import FAULT_TEXT


async def faults(visit: PageRequest) -> web.StreamResponse:
    """The open reports, or the closed ones."""
    return await _page(visit)


async def close_fault(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Close a report with words for its reader. A refusal stands on the page again."""
    try:
        outcome = form_text(form, "outcome")
        if outcome not in ("repaired", "rejected"):
            raise InvalidRequest("outcome", WRONG_TEXT["fault_outcome_missing"])
        await visit[StaffFaultReports].close(
            staff_context(visit), visit.id, outcome == "repaired", form_reason(form)
        )
    except (Conflict, InvalidRequest) as error:
        return await refused_fault(visit, form, error, visit.id)
    return redirect("/console/faults?done=close_fault")


async def refused_fault(
    visit: PageRequest, form: Form, error: DomainError, report_id: str
) -> web.Response:
    """The page with what was refused, and with what was typed at that report."""
    return await _page(visit, **refusal(visit, error, typed_in(form)), refused=report_id)


async def _page(visit: PageRequest, **more: Any) -> web.Response:
    reference, number = visit[REFERENCE], page_number(visit)
    opened = visit.request.query.get("state", "open") != "closed"
    rows, total = await visit[FaultReportService].page_of(
        opened, (number - 1) * PAGE, PAGE, visible_seats(visit)
    )
    people = await visit[StaffReaders].many({r.reader_id for r in rows})
    today = local_date(visit.now)
    items = []
    for r in rows:
        seat = reference.catalog.seats.get(r.seat_id)
        items.append(
            {
                "report": r,
                "kind": FAULT_TEXT[r.kind],
                "label": reference.catalog.label_of(r.seat_id),
                "who": reader_label(people.get(r.reader_id)),
                "seat": seat,
                "outage": seat.unavailable_reason(today) if seat is not None else None,
                "was": outage_token(seat) if seat is not None else "",
            }
        )
    facts: dict[str, Any] = {
        "items": items,
        "opened": opened,
        "number": number,
        "pages": pages_of(total),
        "done": visit.request.query.get("done", ""),
        "today": today,
        "longest": LONGEST_REASON,
        "longest_outage": LONGEST_OUTAGE,
        "wrong": "",
        "typed": {},
        "refused": "",
    }
    return render(visit, "faults", **facts | more)
