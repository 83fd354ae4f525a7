from __future__ import annotations

from typing import Any

from aiohttp import web

from handlers.http.keys import REFERENCE, SITE
from handlers.http.language import library_language
from handlers.http.pages import PageRequest
from handlers.http.qr import svg
from handlers.http.templates import render_fragment
from handlers.staff.layout import render
from models.kernel.errors import NotFound
from models.library.entities import KioskId, Venue


async def kiosk_poster(visit: PageRequest) -> web.StreamResponse:
    """The poster of a kiosk, for printing. Raises: NotFound."""
    await visit[REFERENCE].refresh()
    kiosk = visit[REFERENCE].catalog.kiosks.get(KioskId(visit.id))
    if kiosk is None:
        raise NotFound()
    visit.require_in(kiosk.venue_id)
    venue = visit[REFERENCE].catalog.venues[kiosk.venue_id]
    return _poster(visit, venue, "/", kiosk=kiosk, area=None)


async def area_poster(visit: PageRequest) -> web.StreamResponse:
    """The poster at an area's door, with a code that opens the area's map. Raises: NotFound."""
    await visit[REFERENCE].refresh()
    area = visit[REFERENCE].area(visit.id)
    visit.require_in(area.venue_id)
    venue = visit[REFERENCE].catalog.venues[area.venue_id]
    return _poster(visit, venue, f"/areas/{area.id}", kiosk=None, area=area)


def _poster(visit: PageRequest, venue: Venue, path: str, **what: Any) -> web.Response:
    reference, link = visit[REFERENCE], visit[SITE].public_base_url + path
    sheet = render_fragment(
        "kiosks/poster.html",
        reference.zone,
        library_language(reference.profile),
        venue=venue,
        link=link,
        picture=svg(link),
        rules=reference.policy_on(visit.zone.day(visit.now), venue.id),
        wechat=visit[SITE].wechat,
        **what,
    )
    return render(visit, "poster", sheet=sheet, **what)
