from __future__ import annotations

from aiohttp import web

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.staff.layout import PAGE, page_number, pages_of, reader_label, render
from handlers.texts.console_labels import CODE_SHARING_TEXT
from models.code_sharing.service import CodeSharingService
from models.library.entities import KioskId
from models.readers.staff.readers import StaffReaders


async def code_sharing(visit: PageRequest) -> web.StreamResponse:
    """The page of check-ins whose code may have been passed on to others, latest first."""
    number = page_number(visit)
    rows, total = await visit[CodeSharingService].page_of((number - 1) * PAGE, PAGE)
    people = await visit[StaffReaders].many({scan.reader_id for scan in rows})
    items = []
    catalog = visit[REFERENCE].catalog
    for scan in rows:
        id = KioskId(scan.step.split(":")[1])
        kiosk = catalog.kiosks.get(id) or catalog.retired_kiosks.get(id)
        why = [CODE_SHARING_TEXT.get(reason, reason) for reason in scan.reasons]
        items.append(
            (scan, reader_label(people.get(scan.reader_id)), kiosk.name if kiosk else id, why)
        )
    return render(visit, "code_sharing", items=items, number=number, pages=pages_of(total))
