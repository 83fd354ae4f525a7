"""签到: the page that scans a kiosk's code or a seat label, or takes a kiosk's digits."""

from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.http.rendering import render_page
from handlers.kiosks.presenter import labels_are_taken, proving_kiosks
from handlers.reservations.current import current_reservation
from models.kiosks.errors import QrInvalid
from models.library.entities import AreaId, KioskId


async def check_in(visit: PageRequest) -> web.StreamResponse:
    reference, current = visit[REFERENCE], await current_reservation(visit)
    venues, area = list(reference.catalog.venues_in_use), None
    if current is not None and (area := reference.catalog.areas.get(AreaId(current.seat.area_id))):
        venues = [reference.catalog.venues[area.venue_id]]
    return render_page(
        visit.request,
        "check_in/check_in.html",
        reader=visit.reader,
        current=current,
        kiosks=proving_kiosks(reference, venues, area),
        labels=labels_are_taken(venues),
    )


async def typed(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Redirects to the link that a scan of the kiosk's code would open. The link contains the
    digits that the reader typed. Raises: QrInvalid for an unknown kiosk."""
    kiosk = visit[REFERENCE].catalog.kiosks.get(KioskId(form_text(form, "kiosk")))
    if kiosk is None:
        raise QrInvalid()
    digits = "".join(form_text(form, "digits").split())
    return redirect(f"/k/{kiosk.id}?{urlencode({'c': digits})}")
