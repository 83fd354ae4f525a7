"""The kiosk's screen, and the check-in that its code opens in a browser."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from aiohttp import web

from bind.kiosk_codes import PROOF_FOR
from handlers.http.authentication import bound_reader, client_address, identify, require_clock
from handlers.http.forms import Form
from handlers.http.keys import LOAD_SHEDDER, REFERENCE, SITE, WAKE_JOBS
from handlers.http.local_rate_limiter import raise_if_limited
from handlers.http.middleware import NOW
from handlers.http.pages import PageRequest, domain_error_page, form_text, redirect, render_page
from handlers.keys import CHECK_IN, KIOSK_CODES, RESERVATIONS
from handlers.kiosks.presenter import kiosk_names
from handlers.reservations import presenter
from handlers.reservations.current import LIVE_FOR
from models.check_in.errors import QrExpired
from models.check_in.service import KioskCodeScan
from models.identity.errors import NotBound
from models.kernel.errors import DomainError, NotFound, Unauthenticated
from models.kernel.ids import ReaderId
from models.library.entities import Kiosk, KioskId
from models.reservations.entities import Reservation
from models.reservations.state_machine import ReservationState

_PROOF: Final = "seat_proof"


async def screen(request: web.Request) -> web.StreamResponse:
    """The kiosk's screen, the same for everybody: its browser holds the key to the codes."""
    try:
        kiosk = _kiosk(request)
    except NotFound as error:
        return domain_error_page(request, error)
    return render_page(request, "kiosks/screen.html", kiosk=kiosk)


def _kiosk(request: web.Request) -> Kiosk:
    """Raises: NotFound."""
    kiosk = request.app[REFERENCE].catalog.kiosks.get(KioskId(request.match_info["id"]))
    if kiosk is None:
        raise NotFound()
    return kiosk


async def scanned(request: web.Request) -> web.StreamResponse:
    """A camera or WeChat opens the code's link. The code is verified at once, and the browser keeps
    a proof of that moment: signing in may take longer than a code lives. The redirect takes the
    code out of the address, so that a reload or the browser's history shows none."""
    now, address = request[NOW], client_address(request)
    try:
        raise_if_limited(request.app[LOAD_SHEDDER].addresses.wait_for(address))
        require_clock(request)
        kiosk = _kiosk(request)
        scan = await _verify(request, kiosk, address, now)
        if not scan.is_current:
            raise QrExpired()
    except DomainError as error:
        return domain_error_page(request, error)
    response = redirect(f"/k/{kiosk.id}/check-in")
    response.set_cookie(
        _PROOF,
        request.app[KIOSK_CODES].issue_proof(scan, now),
        path=f"/k/{kiosk.id}",
        max_age=int(PROOF_FOR.total_seconds()),
        httponly=True,
        samesite="Lax",
        secure=request.app[SITE].secure_cookies,
    )
    return response


async def _verify(request: web.Request, kiosk: Kiosk, address: str, now: datetime) -> KioskCodeScan:
    """Raises: QrInvalid, TooManyAttempts."""
    codes = request.app[KIOSK_CODES]
    link = f"{request.app[SITE].public_base_url}/k/{kiosk.id}?c={request.query.get('c', '')}"
    step_seconds = request.app[REFERENCE].policy.kiosk_code_seconds
    reader_id = await _signed_in_reader(request, now)
    if reader_id is not None:
        return await codes.verify(link, reader_id, step_seconds, now)
    return await codes.verify_signed_out(link, address, step_seconds, now)


async def _signed_in_reader(request: web.Request, now: datetime) -> ReaderId | None:
    """The reader who is signed in; None where nobody is."""
    try:
        return bound_reader(await identify(request, now)).id
    except (Unauthenticated, NotBound):
        return None


async def check_in_form(visit: PageRequest) -> web.StreamResponse:
    """Which reservation the code is for, and one button."""
    r = await _reservation_to_check_in(visit)
    proof = visit.request.cookies.get(_PROOF, "")
    if proof:
        visit[KIOSK_CODES].verify_proof(proof, visit.id, visit.now)
    return render_page(
        visit.request,
        "kiosks/check_in.html",
        reader=visit.reader,
        kiosk=_kiosk(visit.request),
        r=await presenter.reservation(visit[REFERENCE], r, visit.now) if r is not None else None,
        has_proof=bool(proof),
        kiosks=kiosk_names(visit[REFERENCE]),
    )


async def check_in(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Check in, or return from a leave, with the proof that the browser holds."""
    proof = visit.request.cookies.get(_PROOF, "")
    scan = visit[KIOSK_CODES].verify_proof(proof, visit.id, visit.now)
    r = await visit[CHECK_IN].check_in(visit.context(), form_text(form, "reservation"), scan)
    visit[WAKE_JOBS]()
    returned = r.returned_at == visit.now
    # The proof stays until it expires: a reader who got no answer sends the same once more.
    return redirect(f"/reservations/{r.id}?done={'return' if returned else 'check_in'}")


async def _reservation_to_check_in(visit: PageRequest) -> Reservation | None:
    """The reader's reservation in the kiosk's venue: the one that they are away from, else one that
    can be checked in now, else the one in use, else the next."""
    live = await visit[RESERVATIONS].live_of(visit.reader.id, visit.now - LIVE_FOR)

    def rank(r: Reservation) -> int:
        if r.state is ReservationState.RESERVED:
            return 1 if r.check_in_from <= visit.now <= r.check_in_until else 3
        return 0 if r.state is ReservationState.AWAY else 2

    here = [r for r in live if r.venue_id == _kiosk(visit.request).venue_id]
    return min(here, key=lambda r: (rank(r), r.start), default=None)
