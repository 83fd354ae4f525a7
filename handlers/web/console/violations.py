"""Appeals that wait, and letting violations go: one, or all of an interval."""

from __future__ import annotations

from aiohttp import web

from handlers import deeds
from handlers.api import present
from handlers.web.console.frame import PAGE, acting, instant_in, named, page_number, pages_of, shown
from handlers.web.contact import written
from handlers.web.pages import LONGEST_REASON, Form, Visit, reason_in, redirect, text_in
from models.errors import Malformed


async def appeals(visit: Visit) -> web.StreamResponse:
    desk, number = visit.services.desk, page_number(visit)
    rows, total = await desk.violations.appeals((number - 1) * PAGE, PAGE)
    people = await desk.readers.many({v.reader_id for v in rows})
    items = [
        (await present.violation(desk, v, visit.now), named(people.get(v.reader_id)), v.reader_id)
        for v in rows
    ]
    return shown(
        visit,
        "appeals",
        items=items,
        number=number,
        pages=pages_of(total),
        done=visit.request.query.get("done", ""),
        longest=LONGEST_REASON,
    )


async def settle(visit: Visit, form: Form) -> web.StreamResponse:
    granted = text_in(form, "granted")
    if granted not in ("yes", "no"):
        raise Malformed("granted", "yes or no")
    answer, wrong = written(form)
    if wrong:
        raise Malformed("text", wrong)
    await deeds.settle(acting(visit), visit.id, granted == "yes", answer)
    return redirect("/console/appeals?done=settle_appeal")


async def waive(visit: Visit, form: Form) -> web.StreamResponse:
    v = await deeds.waive(acting(visit), visit.id, reason_in(form))
    return redirect(f"/console/readers/{v.reader_id}?done=waive")


async def waive_all(visit: Visit, form: Form) -> web.StreamResponse:
    start, end = instant_in(form, "from"), instant_in(form, "to")
    if end <= start:
        raise Malformed("to", "to is after from")
    waived = await deeds.waive_all(acting(visit), start, end, reason_in(form))
    return redirect(f"/console/appeals?done=waive_all-{waived}")
