"""The kiosk's screen, and what its code opens in a browser: checking in."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from aiohttp import web

from handlers.api import present
from handlers.middleware import NOW
from handlers.security import client_address
from handlers.services import SERVICES
from handlers.web.pages import Form, Visit, page, redirect, refused
from handlers.web.reservations import kiosks_of
from models.booking import attend
from models.errors import NotFound, QrExpired, ServiceError
from models.library import Kiosk, KioskId
from models.reservation import Reservation, State

_PROOF: Final = "seat_proof"
_PROOF_SECONDS: Final = 300


async def screen(request: web.Request) -> web.StreamResponse:
    """The same page for everybody: the key to the codes stays in the kiosk's browser."""
    try:
        kiosk = _kiosk(request)
    except NotFound as error:
        return refused(request, error)
    return page(request, "kiosk.html", kiosk=kiosk)


def _kiosk(request: web.Request) -> Kiosk:
    """Raises: NotFound."""
    desk = request.app[SERVICES].desk
    kiosk = desk.library.kiosks.get(KioskId(request.match_info["id"]))
    if kiosk is None:
        raise NotFound()
    return kiosk


async def scanned(request: web.Request) -> web.StreamResponse:
    """A camera or WeChat opens the code's link. The code is judged at once, and the browser keeps a
    note of that moment: signing in may take longer than a code lives. The redirect takes the code
    out of the address, so that a reload or the browser's history shows none."""
    services, now = request.app[SERVICES], request[NOW]
    kiosk_id, code = request.match_info["id"], request.query.get("c", "")
    text = f"{services.public_base_url}/k/{kiosk_id}?c={code}"
    who = f"address:{client_address(request, services)}"
    try:
        scan = await services.kiosks.verify(text, who, services.desk.policy.kiosk_step_seconds, now)
        if not scan.fresh:
            raise QrExpired()
    except ServiceError as error:
        return refused(request, error)
    response = redirect(f"/k/{kiosk_id}/check-in")
    response.set_cookie(
        _PROOF,
        services.kiosks.prove(scan, now),
        path=f"/k/{kiosk_id}",
        max_age=_PROOF_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=services.secure_cookies,
    )
    return response


async def arrived(visit: Visit) -> web.StreamResponse:
    """Which reservation the code is for, and one button."""
    r = await _meant(visit)
    shown = await present.reservation(visit.services.desk, r, visit.now) if r is not None else None
    proven = visit.request.cookies.get(_PROOF, "")
    if proven:
        visit.services.kiosks.proven(proven, visit.id, visit.now)
    return page(
        visit.request,
        "arrived.html",
        reader=visit.reader,
        kiosk=_kiosk(visit.request),
        r=shown,
        proven=bool(proven),
        kiosks=kiosks_of(visit),
    )


async def check_in(visit: Visit, _: Form) -> web.StreamResponse:
    services = visit.services
    scan = services.kiosks.proven(visit.request.cookies.get(_PROOF, ""), visit.id, visit.now)
    r = await _meant(visit)
    if r is None:
        raise NotFound()
    done = await attend.check_in(services.desk, visit.ask(), r.id, scan)
    services.nudge()
    back = done.returned_at == visit.now
    response = redirect(f"/reservations/{done.id}?done={'return' if back else 'check_in'}")
    response.del_cookie(_PROOF, path=f"/k/{visit.id}")
    return response


async def _meant(visit: Visit) -> Reservation | None:
    """Who is away returns; otherwise the next one to check in at, or the one that is in use."""
    desk = visit.services.desk
    live = await desk.reservations.live_of(visit.reader.id, visit.now - timedelta(days=1))
    order = {State.AWAY: 0, State.RESERVED: 1, State.IN_USE: 2}
    here = [r for r in live if r.venue_id == _kiosk(visit.request).venue_id]
    return min(here, key=lambda r: (order[r.state], r.start), default=None)
