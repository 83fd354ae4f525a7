"""签到: the page that scans a kiosk's code or a seat label, or takes a kiosk's digits."""

from __future__ import annotations

from aiohttp import web

from handlers.check_in.scanned import check_in_by, room_to_check_in, typed_scan
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, form_page, form_text
from handlers.http.refusals import count_error
from handlers.kiosks.presenter import labels_are_taken, proving_kiosks
from handlers.reservations.current import current_reservation
from handlers.rooms import presenter as rooms_presenter
from models.booking.service import ReservationService
from models.kernel.errors import Conflict, DomainError, RuleViolation, TooManyAttempts
from models.library.entities import AreaId
from models.rooms.service import RoomService


async def check_in(visit: PageRequest) -> web.StreamResponse:
    return await _page(visit)


async def _page(visit: PageRequest, refused: DomainError | None = None) -> web.StreamResponse:
    reference, current = visit[REFERENCE], await current_reservation(visit)
    due = current is not None and (
        current.state == "away" or current.presence_wanted or "check_in" in current.actions
    )
    room = None if due else await room_to_check_in(visit)
    area = None
    if current is not None and room is None:
        area = reference.catalog.areas.get(AreaId(current.seat.area_id))
    venues = [*reference.catalog.venues_in_use]
    if room is not None:
        venues = [reference.catalog.venues[room.venue_id]]
    elif area is not None:
        venues = [reference.catalog.venues[area.venue_id]]
    return form_page(
        visit,
        "check_in/check_in.html",
        refused,
        current=current,
        room=room and rooms_presenter.own(reference, room, visit.reader.id, ""),
        due=due,
        kiosks=proving_kiosks(reference, venues, area),
        labels=labels_are_taken(venues),
    )


async def typed(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Checks the reader in, ends their leave, or confirms their presence, by the digits of a
    kiosk in the venue of the form's reservation; or checks in the people of the form's study
    room. The page says why if they are refused."""
    try:
        if room := form_text(form, "room"):
            venue_id = (await visit[RoomService].own(visit.reader.id, room)).venue_id
        else:
            id = form_text(form, "reservation")
            venue_id = (await visit[ReservationService].get_own(id, visit.reader.id)).venue_id
        scan = await typed_scan(visit, form, venue_id)
        return await check_in_by(visit, form, scan)
    except (Conflict, RuleViolation, TooManyAttempts) as error:
        count_error(visit.request, error)
        return await _page(visit, error)
