from __future__ import annotations

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.pages import PageRequest, form_reason, form_text, redirect
from handlers.staff.forms import decode, required_text
from handlers.staff.layout import PAGE, page_number, pages_of, reader_label, render, staff_context
from handlers.staff.schemas import WaiveAll
from handlers.violations import presenter
from models.kernel.errors import Malformed
from models.readers.staff.readers import StaffReaders
from models.text_checks.entities import TextVerdict
from models.violations.staff import StaffViolations


async def appeals(visit: PageRequest) -> web.StreamResponse:
    number = page_number(visit)
    rows, total = await visit[StaffViolations].appeals(
        visit.rights.venues if visit.rights is not None else None, (number - 1) * PAGE, PAGE
    )
    people = await visit[StaffReaders].many({v.reader_id for v in rows})
    items = [
        (
            await presenter.violation(visit, v),
            reader_label(people.get(v.reader_id)),
            v.reader_id,
            v.appeal.verdict if v.appeal else TextVerdict.UNCHECKED,
        )
        for v in rows
    ]
    return render(
        visit,
        "appeals",
        items=items,
        number=number,
        pages=pages_of(total),
    )


async def decide_appeal(visit: PageRequest, form: Form) -> web.StreamResponse:
    granted = form_text(form, "granted")
    if granted not in ("yes", "no"):
        raise Malformed("granted", "decision_missing")
    await visit[StaffViolations].decide_appeal(
        staff_context(visit), visit.id, granted == "yes", required_text(form)
    )
    return redirect("/console/appeals?done=settle_appeal")


async def waive(visit: PageRequest, form: Form) -> web.StreamResponse:
    v = await visit[StaffViolations].waive(staff_context(visit), visit.id, form_reason(form))
    return redirect(f"/console/readers/{v.reader_id}?done=waive")


async def waive_all(visit: PageRequest, form: Form) -> web.StreamResponse:
    reason, typed = form_reason(form), decode(visit.zone, form, WaiveAll)
    if typed.end <= typed.start:
        raise Malformed("to", "instants_reversed")
    waived = await visit[StaffViolations].waive_all(
        staff_context(visit), typed.start, typed.end, reason
    )
    return redirect(f"/console/appeals?done=waive_all-{waived}")
