from __future__ import annotations

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.free_text import checked_text
from handlers.http.pages import PageRequest, redirect
from handlers.http.paging import RECORDS_PER_PAGE, page_number, pages_of
from handlers.http.rendering import render_page
from handlers.violations import presenter, schemas
from models.feedback.entities import MAX_LENGTH
from models.kernel.errors import NotFound
from models.violations.entities import Violation
from models.violations.errors import NothingToAppeal
from models.violations.service import ViolationService


async def violations(visit: PageRequest) -> web.StreamResponse:
    """The page 违约记录: the reader's violations, the latest first, and how many of them count."""
    number = page_number(visit)
    rows, total = await visit[ViolationService].page_of(
        visit.reader.id, (number - 1) * RECORDS_PER_PAGE, RECORDS_PER_PAGE
    )
    pages = pages_of(total, RECORDS_PER_PAGE)
    if number > pages:
        return redirect(f"/reservations/violations?page={pages}")
    return render_page(
        visit.request,
        "violations/list.html",
        reader=visit.reader,
        items=[await _presented(visit, v) for v in rows],
        sent="sent" in visit.request.query,
        number=number,
        pages=pages,
        violation_count=await visit[ViolationService].violation_count(visit.reader.id, visit.now),
        suspension=visit.suspension,
    )


async def appeal_form(visit: PageRequest) -> web.StreamResponse:
    return await _appeal_page(visit)


async def appeal(visit: PageRequest, form: Form) -> web.StreamResponse:
    text, wrong = checked_text(form)
    if wrong:
        return await _appeal_page(visit, status=422, text=text, wrong=wrong)
    await visit[ViolationService].appeal(visit.reader.id, visit.id, text, visit.now)
    return redirect("/reservations/violations?sent")


async def _appeal_page(
    visit: PageRequest, *, status: int = 200, text: str = "", wrong: str = ""
) -> web.StreamResponse:
    violation = await visit[ViolationService].get(visit.id)
    if violation.reader_id != visit.reader.id:
        raise NotFound()
    if violation.waived or violation.appeal is not None:
        raise NothingToAppeal()
    return render_page(
        visit.request,
        "violations/appeal.html",
        status=status,
        reader=visit.reader,
        v=await _presented(visit, violation),
        max_length=MAX_LENGTH,
        text=text,
        wrong=wrong,
    )


async def _presented(visit: PageRequest, violation: Violation) -> schemas.ViolationOut:
    return await presenter.violation(visit, violation)
