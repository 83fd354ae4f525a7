"""TODO docstring."""

from __future__ import annotations

from aiohttp import web

from handlers.feedback.pages import written
from handlers.http.forms import Form
from handlers.http.pages import PageRequest, redirect, render_page
from handlers.http.paging import page_number, pages_of
from handlers.reservations.pages import _PAGE_SIZE
from handlers.violations import presenter
from models.feedback.entities import MAX_LENGTH
from models.kernel.errors import NotFound
from models.violations import service as violations_service
from models.violations.errors import NothingToAppeal
from models.violations.service import violation_count


async def violations(visit: PageRequest) -> web.StreamResponse:
    desk, number = visit.services.desk, page_number(visit)
    rows, total = await desk.violations.page_of(
        visit.reader.id, (number - 1) * _PAGE_SIZE, _PAGE_SIZE
    )
    if number > pages_of(total, _PAGE_SIZE):
        return redirect(f"/reservations/violations?page={pages_of(total, _PAGE_SIZE)}")
    return render_page(
        visit.request,
        "violations/list.html",
        reader=visit.reader,
        items=[await presenter.violation(desk, v, visit.now) for v in rows],
        sent="sent" in visit.request.query,
        number=number,
        pages=pages_of(total, _PAGE_SIZE),
        standing=await violation_count(desk, visit.reader.id, visit.now),
        suspended_until=visit.suspended_until,
    )


async def appeal_form(visit: PageRequest) -> web.StreamResponse:
    return await _appeal(visit)


async def appeal(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Why it was no violation, in the reader's words."""
    text, wrong = written(form)
    if wrong:
        return await _appeal(visit, status=422, text=text, wrong=wrong)
    await violations_service.appeal(visit.services.desk, visit.reader.id, visit.id, text, visit.now)
    return redirect("/reservations/violations?sent")


async def _appeal(
    visit: PageRequest, *, status: int = 200, text: str = "", wrong: str = ""
) -> web.StreamResponse:
    desk = visit.services.desk
    found = await desk.violations.get(visit.id)
    if found is None or found.reader_id != visit.reader.id:
        raise NotFound()
    if found.waived or found.appeal is not None:
        raise NothingToAppeal()
    return render_page(
        visit.request,
        "violations/appeal.html",
        status=status,
        reader=visit.reader,
        v=await presenter.violation(desk, found, visit.now),
        longest=MAX_LENGTH,
        text=text,
        wrong=wrong,
    )
