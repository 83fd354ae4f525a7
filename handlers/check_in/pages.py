"""签到: the page that scans a kiosk's code or a seat label, or takes a kiosk's digits."""

from __future__ import annotations

from aiohttp import web

from bind.scanned_codes import ScannedCodes
from handlers.check_in.scanned import check_in_by
from handlers.http.authentication import client_address, network_of
from handlers.http.errors import facts_of, status_of
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, form_text
from handlers.http.refusals import count_error
from handlers.http.rendering import render_page
from handlers.kiosks.presenter import labels_are_taken, proving_kiosks
from handlers.reservations.current import current_reservation
from handlers.texts.errors import text_of
from handlers.texts.pages import TYPED_REFUSAL
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
    refusal, headers = None, None
    if refused is not None:
        facts, headers = facts_of(visit.zone, refused)
        refusal = TYPED_REFUSAL.get(refused.code) or text_of(refused.code, facts)
    return render_page(
        visit.request,
        "check_in/check_in.html",
        status=200 if refused is None else status_of(type(refused)),
        headers=headers,
        reader=visit.reader,
        current=current,
        due=current is not None
        and (current.state == "away" or current.presence_wanted or "check_in" in current.actions),
        kiosks=proving_kiosks(reference, venues, area),
        labels=labels_are_taken(venues),
        refusal=refusal,
    )


async def typed(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Checks the reader in, ends their leave, or confirms their presence, by the digits of a
    kiosk in the venue of the form's reservation. The page says why if they are refused."""
    try:
        id = form_text(form, "reservation")
        r = await visit[ReservationService].get_own(id, visit.reader.id)
        reference = visit[REFERENCE]
        kiosks = proving_kiosks(reference, [reference.catalog.venues[r.venue_id]])
        scan = await visit[ScannedCodes].typed(
            [kiosk.id for kiosk in kiosks],
            # A keyboard may type full-width digits, and the screen shows a blank between them.
            "".join(str(int(c)) for c in form_text(form, "digits") if c.isdecimal()),
            visit.reader.id,
            network_of(client_address(visit.request)),
            reference.policy_on(visit.zone.day(visit.now), None).kiosk_code_seconds,
            visit.now,
        )
        return await check_in_by(visit, form, scan)
    except (Conflict, RuleViolation, TooManyAttempts) as error:
        count_error(visit.request, error)
        return await _page(visit, error)
