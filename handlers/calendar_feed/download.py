from __future__ import annotations

from aiohttp import web

from handlers.calendar_feed import presenter
from handlers.http.keys import REFERENCE, SITE, service_key
from handlers.http.language import language_of
from models.booking.service import ReservationService
from models.calendar_feed.rules import check_is_booking, has_stay
from models.kernel.errors import NotFound
from models.kernel.ids import ReaderId
from models.reservations.entities import Reservation
from models.reservations.room_booking import RoomBooking
from models.rooms.service import RoomService


async def one_booking(request: web.Request, reader_id: ReaderId, id: str) -> web.Response:
    """The reader's booking as a calendar file. Raises: Unavailable; NotFound, also for offers."""
    r = await request.app[service_key(ReservationService)].get_own(id, reader_id)
    check_is_booking(r)
    return _file(request, r, reader_id, r.receipt)


async def one_room_booking(request: web.Request, reader_id: ReaderId, id: str) -> web.Response:
    """The booking of a room, in which the reader takes part, as a calendar file. Raises:
    Unavailable; NotFound, also for one that came to nothing."""
    b = await request.app[service_key(RoomService)].own(reader_id, id)
    if not has_stay(b):
        raise NotFound()
    return _file(request, b, reader_id, b.id)


def _file(
    request: web.Request, booking: Reservation | RoomBooking, reader_id: ReaderId, name: str
) -> web.Response:
    reference, base = request.app[REFERENCE], request.app[SITE].public_base_url
    language = language_of(request)
    entry = presenter.entry(reference, booking, reader_id, base, language)
    return web.Response(
        body=presenter.calendar(reference, [entry], language),
        headers={
            "Content-Type": "text/calendar; charset=utf-8; method=PUBLISH",
            "Content-Disposition": f'attachment; filename="{name}.ics"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )
