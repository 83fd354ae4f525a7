"""Appeals that wait, and letting violations go: one, or all of an interval."""

from __future__ import annotations

from aiohttp import web

from handlers import deeds
from handlers.http.forms import Form
from handlers.http.free_text import checked_text
from handlers.http.pages import LONGEST_REASON, PageRequest, form_reason, form_text, redirect
from handlers.staff.form_fields import instant_in
from handlers.staff.layout import PAGE, page_number, pages_of, reader_label, render, staff_context
from handlers.violations import presenter
from models.kernel.errors import InvalidRequest


async def appeals(visit: PageRequest) -> web.StreamResponse:
    desk, number = visit.services.desk, page_number(visit)
    rows, total = await desk.violations.appeals((number - 1) * PAGE, PAGE)
    people = await desk.readers.many({v.reader_id for v in rows})
    items = [
        (
            await presenter.violation(desk, v, visit.now),
            reader_label(people.get(v.reader_id)),
            v.reader_id,
        )
        for v in rows
    ]
    return render(
        visit,
        "appeals",
        items=items,
        number=number,
        pages=pages_of(total),
        done=visit.request.query.get("done", ""),
        longest=LONGEST_REASON,
    )


async def settle(visit: PageRequest, form: Form) -> web.StreamResponse:
    granted = form_text(form, "granted")
    if granted not in ("yes", "no"):
        raise InvalidRequest("granted", "yes or no")
    answer, wrong = checked_text(form)
    if wrong:
        raise InvalidRequest("text", wrong)
    await deeds.decide_appeal(staff_context(visit), visit.id, granted == "yes", answer)
    return redirect("/console/appeals?done=settle_appeal")


async def waive(visit: PageRequest, form: Form) -> web.StreamResponse:
    v = await deeds.waive(staff_context(visit), visit.id, form_reason(form))
    return redirect(f"/console/readers/{v.reader_id}?done=waive")


async def waive_all(visit: PageRequest, form: Form) -> web.StreamResponse:
    start, end = instant_in(form, "from"), instant_in(form, "to")
    if end <= start:
        raise InvalidRequest("to", "to is after from")
    waived = await deeds.waive_all(staff_context(visit), start, end, form_reason(form))
    return redirect(f"/console/appeals?done=waive_all-{waived}")
