"""签到: the page that scans a kiosk's code or a seat label, or takes a kiosk's digits."""

from __future__ import annotations

from aiohttp import web

from handlers.check_in.scanned import check_in_by, typed_scan
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, form_page, form_text
from handlers.http.refusals import count_error
from handlers.kiosks.presenter import labels_are_taken, proving_kiosks
from handlers.reservations.current import current_reservation
from models.booking.service import ReservationService
from models.kernel.errors import Conflict, DomainError, RuleViolation, TooManyAttempts
from models.library.entities import AreaId


async def check_in(visit: PageRequest) -> web.StreamResponse:
    return await _page(visit)


async def _page(visit: PageRequest, refused: DomainError | None = None) -> web.StreamResponse:
    reference, current = visit[REFERENCE], await current_reservation(visit)
    area = reference.catalog.areas.get(AreaId(current.seat.area_id)) if current else None
    venues = [*reference.catalog.venues_in_use]
    if area is not None:
        venues = [reference.catalog.venues[area.venue_id]]
    return form_page(
        visit,
        "check_in/check_in.html",
        refused,
        current=current,
        due=current is not None
        and (current.state == "away" or current.presence_wanted or "check_in" in current.actions),
        kiosks=proving_kiosks(reference, venues, area),
        labels=labels_are_taken(venues),
    )


async def typed(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Checks the reader in, ends their leave, or confirms their presence, by the digits of a
    kiosk in the venue of the form's reservation. The page says why if they are refused."""
    try:
        id = form_text(form, "reservation")
        r = await visit[ReservationService].get_own(id, visit.reader.id)
        scan = await typed_scan(visit, form, r.venue_id)
        return await check_in_by(visit, form, scan)
    except (Conflict, RuleViolation, TooManyAttempts) as error:
        count_error(visit.request, error)
        return await _page(visit, error)
