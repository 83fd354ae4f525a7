"""我的预约: the list, one reservation, and what can be done with it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from handlers.http.pages import PageRequest, redirect, render_page
from handlers.http.paging import page_number, pages_of
from handlers.reservations import presenter
from handlers.seat_map.pages import current_of
from handlers.texts.labels import EVENT_TEXT
from handlers.waitlist import presenter as waitlist_presenter
from models.kernel.time_range import local_date
from models.reservations import alternatives, rules

_PAGE_SIZE: Final = 10
DONE: Final[Mapping[str, str]] = {
    "reserve": "预约成功",
    "change": "已更改预约",
    "cancel": "已取消预约",
    "leave": "已登记暂离",
    "extend": "续约成功",
    "finish": "已结束使用，座位已归还",
    "check_in": "签到成功",
    "return": "已返回，继续使用",
    "confirm": "已确认",
    "accept": "预约成功",
    "decline": "已放弃，继续候补",
    "wait": "已加入候补，有空位会保留 10 分钟并通知您",
    "unwait": "已取消候补",
    "report": "已告诉图书馆，请选一个附近的空位",
}


async def listed(visit: PageRequest) -> web.StreamResponse:
    desk, number = visit.services.desk, page_number(visit)
    (rows, total), today, waits = await asyncio.gather(
        desk.reservations.page_of(visit.reader.id, [], (number - 1) * _PAGE_SIZE, _PAGE_SIZE),
        desk.reservations.on_day(visit.reader.id, local_date(visit.now)),
        desk.waits.open_of(visit.reader.id),
    )
    if number > pages_of(total, _PAGE_SIZE):
        return redirect(f"/reservations?page={pages_of(total, _PAGE_SIZE)}")
    return render_page(
        visit.request,
        "reservations/list.html",
        reader=visit.reader,
        items=[await presenter.reservation(desk, r, visit.now) for r in rows],
        number=number,
        pages=pages_of(total, _PAGE_SIZE),
        current=await current_of(visit),
        waits=[await waitlist_presenter.wait(desk, w, visit.now) for w in waits],
        others=[
            await presenter.reservation(desk, r, visit.now)
            for r in rules.cancellable_today(today, visit.now)
        ],
        done=DONE.get(visit.request.query.get("done", ""), ""),
    )


async def one(visit: PageRequest) -> web.StreamResponse:
    desk = visit.services.desk
    found = await desk.get_own(visit.id, visit.reader.id)
    return render_page(
        visit.request,
        "reservations/detail.html",
        reader=visit.reader,
        r=await presenter.detail(desk, found, visit.now),
        nearest=await alternatives.alternatives_for(desk, found, visit.now)
        if found.has_open_report
        else None,
        events=EVENT_TEXT,
        kiosks=kiosks_of(visit),
        done=DONE.get(visit.request.query.get("done", ""), ""),
    )


def kiosks_of(visit: PageRequest) -> list[str]:
    return [kiosk.name for kiosk in visit.services.desk.library.kiosks.values()]
