"""签到: the page that scans the code of a kiosk or of a seat."""

from __future__ import annotations

from aiohttp import web

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.http.rendering import render_page
from handlers.kiosks.presenter import kiosk_names, labels_are_taken
from handlers.reservations.current import current_reservation
from models.library.entities import AreaId


async def check_in(visit: PageRequest) -> web.StreamResponse:
    """Where the kiosks are, and a scanner for their codes."""
    reference, current = visit[REFERENCE], await current_reservation(visit)
    venues = list(reference.catalog.venues_in_use)
    if current is not None and (area := reference.catalog.areas.get(AreaId(current.seat.area_id))):
        venues = [reference.catalog.venues[area.venue_id]]
    return render_page(
        visit.request,
        "check_in/check_in.html",
        reader=visit.reader,
        current=current,
        kiosks=kiosk_names(reference, venues),
        labels=labels_are_taken(venues),
    )
