from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web
from markupsafe import Markup

from handlers.http.keys import REFERENCE
from handlers.http.markdown import html_of
from handlers.http.pages import PageRequest, redirect
from handlers.http.paging import page_number, pages_of
from handlers.http.rendering import render_page
from handlers.messages import presenter as messages_presenter
from handlers.reservations import presenter as reservations_presenter
from models.booking.service import ReservationService
from models.messages.service import MessageService
from models.notices.service import NoticeService
from models.reservations.state_machine import ReservationState

_PAGE_SIZE: Final = 20


async def notices(visit: PageRequest) -> web.StreamResponse:
    """消息与公告: seats that are held for the reader now, the reader's messages, and the notices.
    Both lists have the same pages: the second has the older ones of both."""
    number, reader_id = page_number(visit), visit.reader.id
    skip, messages = (number - 1) * _PAGE_SIZE, visit[MessageService]
    (received, all_received), unread, (rows, published), live = await asyncio.gather(
        messages.page_of(reader_id, False, skip, _PAGE_SIZE),
        messages.unread(reader_id),
        visit[NoticeService].page_of(visit.now, skip, _PAGE_SIZE),
        visit[ReservationService].live_now(reader_id, visit.now),
    )
    pages = pages_of(max(all_received, published), _PAGE_SIZE)
    if number > pages:
        return redirect(f"/notices?page={pages}")
    return render_page(
        visit.request,
        "notices/list.html",
        reader=visit.reader,
        offers=[
            await reservations_presenter.reservation(visit[REFERENCE], r, visit.now)
            for r in live
            if r.state is ReservationState.OFFERED
        ],
        messages=[(m, visit.zone.local(m.at), messages_presenter.page_of(m)) for m in received],
        unread=unread,
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
