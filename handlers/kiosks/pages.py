"""The kiosk's screen, and what its code opens in a browser: checking in."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from aiohttp import web

from bind.kiosk_codes import PROOF_FOR
from handlers.http.authentication import bound_reader, client_address, identify, require_clock
from handlers.http.forms import Form
from handlers.http.local_rate_limiter import raise_if_limited
from handlers.http.middleware import NOW
from handlers.http.pages import PageRequest, domain_error_page, form_text, redirect, render_page
from handlers.reservations import presenter
from handlers.reservations.pages import kiosks_of
from handlers.services import SERVICES, Services
from models.check_in import service as check_in_service
from models.check_in.errors import QrExpired
from models.identity.errors import NotBound
from models.kernel.errors import DomainError, NotFound, Unauthenticated
from models.kernel.ids import ReaderId
from models.library.entities import Kiosk, KioskId
from models.reservations.entities import Reservation
from models.reservations.state_machine import ReservationState

_PROOF: Final = "seat_proof"


async def screen(request: web.Request) -> web.StreamResponse:
    """The same page for everybody: the key to the codes stays in the kiosk's browser."""
    try:
        kiosk = _kiosk(request)
    except NotFound as error:
        return domain_error_page(request, error)
    return render_page(request, "kiosks/screen.html", kiosk=kiosk)


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
    code, address = request.query.get("c", ""), client_address(request, services)
    try:
        raise_if_limited(services.admission.addresses.wait_for(address))
        require_clock(services)
        kiosk = _kiosk(request)
        text = f"{services.public_base_url}/k/{kiosk.id}?c={code}"
        step_seconds = services.desk.policy.kiosk_code_seconds
        reader_id = await _signed_in(request, services, now)
        if reader_id is not None:
            scan = await services.kiosks.verify(text, reader_id, step_seconds, now)
        else:
            scan = await services.kiosks.verify_signed_out(text, address, step_seconds, now)
        if not scan.is_current:
            raise QrExpired()
    except DomainError as error:
        return domain_error_page(request, error)
    response = redirect(f"/k/{kiosk.id}/check-in")
    response.set_cookie(
        _PROOF,
        services.kiosks.issue_proof(scan, now),
        path=f"/k/{kiosk.id}",
        max_age=int(PROOF_FOR.total_seconds()),
        httponly=True,
        samesite="Lax",
        secure=services.secure_cookies,
    )
    return response


async def _signed_in(request: web.Request, services: Services, now: datetime) -> ReaderId | None:
    """The reader, where one is known."""
    try:
        return bound_reader(await identify(request, services, now)).id
    except (Unauthenticated, NotBound):
        return None


async def arrived(visit: PageRequest) -> web.StreamResponse:
    """Which reservation the code is for, and one button."""
    r = await _meant(visit)
    shown = (
        await presenter.reservation(visit.services.desk, r, visit.now) if r is not None else None
    )
    proven = visit.request.cookies.get(_PROOF, "")
    if proven:
        visit.services.kiosks.verify_proof(proven, visit.id, visit.now)
    return render_page(
        visit.request,
        "kiosks/check_in.html",
        reader=visit.reader,
        kiosk=_kiosk(visit.request),
        r=shown,
        proven=bool(proven),
        kiosks=kiosks_of(visit),
    )


async def check_in(visit: PageRequest, form: Form) -> web.StreamResponse:
    services = visit.services
    scan = services.kiosks.verify_proof(visit.request.cookies.get(_PROOF, ""), visit.id, visit.now)
    done = await check_in_service.check_in(
        services.desk, visit.ask(), form_text(form, "reservation"), scan
    )
    services.nudge()
    back = done.returned_at == visit.now
    # The note stays until its time is over: who got no answer sends the same once more.
    return redirect(f"/reservations/{done.id}?done={'return' if back else 'check_in'}")


async def _meant(visit: PageRequest) -> Reservation | None:
    """Who is away returns; otherwise one that can be checked in now, the one in use, the next."""
    desk = visit.services.desk
    live = await desk.reservations.live_of(visit.reader.id, visit.now - timedelta(days=1))

    def rank(r: Reservation) -> int:
        if r.state is ReservationState.RESERVED:
            return 1 if r.check_in_from <= visit.now <= r.check_in_until else 3
        return 0 if r.state is ReservationState.AWAY else 2

    here = [r for r in live if r.venue_id == _kiosk(visit.request).venue_id]
    return min(here, key=lambda r: (rank(r), r.start), default=None)
