from __future__ import annotations

from aiohttp import web

from handlers.calendar_feed import presenter
from handlers.http.keys import REFERENCE, SITE, service_key
from handlers.http.language import language_of
from models.booking.service import ReservationService
from models.calendar_feed.rules import check_is_booking
from models.kernel.ids import ReaderId


async def one_booking(request: web.Request, reader_id: ReaderId, id: str) -> web.Response:
    """The reader's booking as a calendar file. Raises: Unavailable; NotFound, also for offers."""
    app = request.app
    r = await app[service_key(ReservationService)].get_own(id, reader_id)
    check_is_booking(r)
    base = app[SITE].public_base_url
    return web.Response(
        body=presenter.calendar(app[REFERENCE], [r], base, language_of(request)),
        headers={
            "Content-Type": "text/calendar; charset=utf-8; method=PUBLISH",
            "Content-Disposition": f'attachment; filename="{r.receipt}.ics"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )
