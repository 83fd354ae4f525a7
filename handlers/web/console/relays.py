"""Relay watch: check-ins by a code that may have been sent to somebody who was not there."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from handlers.web.console.frame import PAGE, named, page_number, pages_of, shown
from handlers.web.pages import Visit
from models.booking.relays import CROWD, OUTSIDE
from models.library import KioskId

REASONS: Final = {OUTSIDE: "闸机显示读者当时不在馆内", CROWD: "同一个码有许多读者使用"}


async def relays(visit: Visit) -> web.StreamResponse:
    desk, number = visit.services.desk, page_number(visit)
    rows, total = await desk.scans.page_of((number - 1) * PAGE, PAGE)
    people = await desk.readers.many({scan.reader_id for scan in rows})
    items = []
    for scan in rows:
        id = KioskId(scan.step.split(":")[1])
        kiosk = desk.library.kiosks.get(id)
        why = [REASONS.get(reason, reason) for reason in scan.reasons]
        items.append((scan, named(people.get(scan.reader_id)), kiosk.name if kiosk else id, why))
    return shown(visit, "relays", items=items, number=number, pages=pages_of(total))
