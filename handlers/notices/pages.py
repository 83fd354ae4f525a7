"""通知公告 as pages."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from markupsafe import Markup

from handlers.http.markdown import html_of
from handlers.http.pages import PageRequest, redirect, render_page
from handlers.http.paging import page_number, pages_of
from models.kernel.errors import NotFound

_PAGE_SIZE: Final = 20


async def listed(visit: PageRequest) -> web.StreamResponse:
    number = page_number(visit)
    rows, total = await visit.services.desk.notices.page_of(
        visit.now, (number - 1) * _PAGE_SIZE, _PAGE_SIZE
    )
    if number > pages_of(total, _PAGE_SIZE):
        return redirect(f"/notices?page={pages_of(total, _PAGE_SIZE)}")
    return render_page(
        visit.request,
        "notices/list.html",
        reader=visit.reader,
        items=rows,
        number=number,
        pages=pages_of(total, _PAGE_SIZE),
    )


async def one(visit: PageRequest) -> web.StreamResponse:
    notice = await visit.services.desk.notices.get(visit.id, visit.now)
    if notice is None:
        raise NotFound()
    return render_page(
        visit.request,
        "notices/detail.html",
        reader=visit.reader,
        notice=notice,
        body=Markup(html_of(notice.body)),
    )
