"""One reader: bookings, violations, standing, and what is done about them."""

from __future__ import annotations

from datetime import datetime

from aiohttp import web

from handlers import deeds
from handlers.api import present
from handlers.web.console.frame import (
    PAGE,
    acting,
    named,
    page_number,
    pages_of,
    shown,
)
from handlers.web.contact import written
from handlers.web.pages import (
    LONGEST_REASON,
    Form,
    Visit,
    reason_in,
    redirect,
    text_in,
)
from models.booking import penalties
from models.errors import Malformed, NotFound
from models.reader import (
    Reader,
    normalise_student_no,
)
from models.reservation import LIVE, ReaderId
from models.timerange import at


async def readers(visit: Visit) -> web.StreamResponse:
    number = normalise_student_no(visit.request.query.get("no", ""))
    if not number:
        return shown(visit, "readers", no="", missing=False)
    found = await visit.services.desk.readers.by_numbers([number])
    if number in found:
        return redirect(f"/console/readers/{found[number]}")
    return shown(visit, "readers", no=number, missing=True, status=404)


async def reader_page(visit: Visit) -> web.StreamResponse:
    services, desk = visit.services, visit.services.desk
    who = await _reader(visit)
    number = page_number(visit)
    rows, total = await desk.reservations.page_of(who.id, (), (number - 1) * PAGE, PAGE)
    violations, _ = await desk.violations.page_of(who.id, 0, PAGE)
    suspended = who.suspended_until
    return shown(
        visit,
        "reader",
        who=who,
        live=[await present.reservation(desk, r, visit.now) for r in rows if r.state in LIVE],
        items=[await present.reservation(desk, r, visit.now) for r in rows if r.state not in LIVE],
        violations=[await present.violation(desk, v, visit.now) for v in violations],
        standing=await penalties.standing(desk, who.id, visit.now),
        suspended=suspended if suspended is not None and suspended > visit.now else None,
        bound=await services.bindings.is_bound(who.id),
        done=visit.request.query.get("done", ""),
        number=number,
        pages=pages_of(total),
        longest=LONGEST_REASON,
    )


async def _reader(visit: Visit) -> Reader:
    found = await visit.services.desk.readers.get(ReaderId(visit.id))
    if found is None:
        raise NotFound()
    return found


async def unbind(visit: Visit, form: Form) -> web.StreamResponse:
    who = await _reader(visit)
    await deeds.unbind(acting(visit), who, reason_in(form))
    return redirect(f"/console/readers/{who.id}?done=unbind")


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
    start, end = _instant(form, "from"), _instant(form, "to")
    if end <= start:
        raise Malformed("to", "to is after from")
    waived = await deeds.waive_all(acting(visit), start, end, reason_in(form))
    return redirect(f"/console/appeals?done=waive_all-{waived}")


def _instant(form: Form, name: str) -> datetime:
    """A browser's date and time, on the library's clock. Raises: Malformed."""
    try:
        typed = datetime.strptime(text_in(form, name), "%Y-%m-%dT%H:%M")  # noqa: DTZ007
    except ValueError as error:
        raise Malformed(name, "a date and a time") from error
    if not 2000 <= typed.year < 2100:
        raise Malformed(name, "a date in our time")
    return at(typed.date(), typed.time())
