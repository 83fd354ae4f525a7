from __future__ import annotations

from typing import Final

from aiohttp import web
from markupsafe import Markup

from handlers.http.markdown import html_of
from handlers.http.pages import PageRequest, redirect
from handlers.http.paging import page_number, pages_of
from handlers.http.rendering import render_page
from models.notices.service import NoticeService

_PAGE_SIZE: Final = 20


async def notices(visit: PageRequest) -> web.StreamResponse:
    number = page_number(visit)
    rows, total = await visit[NoticeService].page_of(
        visit.now, (number - 1) * _PAGE_SIZE, _PAGE_SIZE
    )
    pages = pages_of(total, _PAGE_SIZE)
    if number > pages:
        return redirect(f"/notices?page={pages}")
    return render_page(
        visit.request,
        "notices/list.html",
        reader=visit.reader,
        items=rows,
        number=number,
        pages=pages,
    )


async def notice(visit: PageRequest) -> web.StreamResponse:
    current = await visit[NoticeService].get(visit.id, visit.now)
    return render_page(
        visit.request,
        "notices/detail.html",
        reader=visit.reader,
        notice=current,
        body=Markup(html_of(current.body)),
    )
