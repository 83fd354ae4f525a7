from __future__ import annotations

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.language import library_language
from handlers.http.pages import PageRequest, form_reason, form_text, redirect
from handlers.library.console.seat_outages import outage_token
from handlers.staff.layout import (
    PAGE,
    page_number,
    pages_of,
    reader_label,
    render,
    staff_context,
    visible_seats,
)
from handlers.texts.console import OUTAGE_REASON
from models.fault_reports.service import FaultReportService
from models.fault_reports.staff import StaffFaultReports
from models.kernel.errors import Malformed
from models.library.plan_editing import LONGEST_REASON as LONGEST_OUTAGE
from models.readers.staff.readers import StaffReaders
from notify.templates.in_app import FAULT_TEXT


async def close_fault(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Closes a fault report as repaired or rejected. Its author gets the outcome and the reason."""
    outcome = form_text(form, "outcome")
    if outcome not in ("repaired", "rejected"):
        raise Malformed("outcome", "fault_outcome_missing")
    await visit[StaffFaultReports].close(
        staff_context(visit), visit.id, outcome == "repaired", form_reason(form)
    )
    return redirect("/console/faults?done=close_fault")


async def faults(visit: PageRequest) -> web.StreamResponse:
    """Lists the open fault reports or, with ``state=closed`` in the query, the closed ones."""
    reference, number = visit[REFERENCE], page_number(visit)
    opened = visit.request.query.get("state", "open") != "closed"
    rows, total = await visit[FaultReportService].page_of(
        opened, (number - 1) * PAGE, PAGE, visible_seats(visit)
    )
    people = await visit[StaffReaders].many({r.reader_id for r in rows})
    today = visit.zone.day(visit.now)
    language = library_language(reference.profile)
    items = []
    for r in rows:
        seat = reference.catalog.seats.get(r.seat_id)
        items.append(
            {
                "report": r,
                "kind": FAULT_TEXT[r.kind],
                "reason": language.say(OUTAGE_REASON.format(kind=FAULT_TEXT[r.kind])),
                "label": reference.catalog.label_of(r.seat_id),
                "who": reader_label(people.get(r.reader_id)),
                "seat": seat,
                "outage": seat.unavailable_reason(today) if seat is not None else None,
                "was": outage_token(seat) if seat is not None else "",
            }
        )
    return render(
        visit,
        "faults",
        items=items,
        opened=opened,
        number=number,
        pages=pages_of(total),
        today=today,
        longest_outage=LONGEST_OUTAGE,
    )
