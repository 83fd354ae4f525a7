"""The kiosk's screen, and the check-in that its code opens in a browser."""

from __future__ import annotations

from datetime import datetime

from aiohttp import web

from handlers.accounts.scan_note import carried_note, give_note
from handlers.http.authentication import bound_reader, client_address, identify, require_clock
from handlers.http.forms import Form
from handlers.http.keys import LOAD_SHEDDER, REFERENCE, SITE, WAKE_JOBS
from handlers.http.local_rate_limiter import raise_if_limited
from handlers.http.middleware import NOW
from handlers.http.pages import PageRequest, domain_error_page, form_text, redirect, render_page
from handlers.keys import CHECK_IN, KIOSK_CODES, RESERVATIONS, SCAN_NOTES, SEAT_REPORTS
from handlers.kiosks.presenter import kiosk_names
from handlers.reservations import presenter
from handlers.reservations.current import LIVE_FOR
from models.check_in.errors import QrExpired
from models.check_in.service import KioskCodeScan
from models.identity.entities import Principal
from models.kernel.errors import DomainError, InvalidRequest, NotFound, Unauthenticated
from models.library.entities import Kiosk, KioskId
from models.reservations.entities import Reservation
from models.reservations.state_machine import ReservationState


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
    a note of that moment: signing in may take longer than a code lives. The redirect takes the
    code out of the address, so that a reload or the browser's history shows none."""
    now, address = request[NOW], client_address(request)
    try:
        raise_if_limited(request.app[LOAD_SHEDDER].addresses.wait_for(address))
        require_clock(request)
        kiosk = _kiosk(request)
        principal = await _signed_in(request, now)
        scan = await _verify(request, kiosk, principal, address, now)
        if not scan.is_current:
            raise QrExpired()
    except DomainError as error:
        return domain_error_page(request, error)
    response = redirect(f"/k/{kiosk.id}/check-in")
    session_id = principal.session.id if principal is not None else None
    give_note(request, response, request.app[SCAN_NOTES].issue(scan, session_id, now))
    return response


async def _verify(
    request: web.Request, kiosk: Kiosk, principal: Principal | None, address: str, now: datetime
) -> KioskCodeScan:
    """Raises: QrInvalid, TooManyAttempts."""
    codes = request.app[KIOSK_CODES]
    link = f"{request.app[SITE].public_base_url}/k/{kiosk.id}?c={request.query.get('c', '')}"
    step_seconds = request.app[REFERENCE].policy.kiosk_code_seconds
    if principal is not None:
        return await codes.verify(link, bound_reader(principal).id, step_seconds, now)
    return await codes.verify_signed_out(link, address, step_seconds, now)


async def _signed_in(request: web.Request, now: datetime) -> Principal | None:
    """The reader's session; None where nobody has signed in."""
    try:
        principal = await identify(request, now)
    except Unauthenticated:
        return None
    return principal if principal.reader is not None else None


async def check_in_form(visit: PageRequest) -> web.StreamResponse:
    """Which reservation the code is for, and one button."""
    r = await _reservation_to_check_in(visit)
    note = carried_note(visit.request)
    if note:
        visit[SCAN_NOTES].scan_of(note, visit.id, visit.principal.session.id, visit.now)
    return render_page(
        visit.request,
        "kiosks/check_in.html",
        reader=visit.reader,
        kiosk=_kiosk(visit.request),
        r=await presenter.reservation(visit[REFERENCE], r, visit.now) if r is not None else None,
        has_note=bool(note),
        kiosks=kiosk_names(visit[REFERENCE]),
    )


async def check_in(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Check in, or return from a leave, with the note that the browser carries."""
    scan = _carried_scan(visit)
    r = await visit[CHECK_IN].check_in(visit.context(), form_text(form, "reservation"), scan)
    visit[WAKE_JOBS]()
    returned = r.returned_at == visit.now
    # The note stays until it expires: a reader who got no answer sends the same once more.
    return redirect(f"/reservations/{r.id}?done={'return' if returned else 'check_in'}")


def _carried_scan(visit: PageRequest) -> KioskCodeScan:
    """Raises: QrExpired."""
    note = carried_note(visit.request)
    return visit[SCAN_NOTES].scan_of(note, visit.id, visit.principal.session.id, visit.now)


async def report(visit: PageRequest, form: Form) -> web.StreamResponse:
    """The seat is taken, says who has just scanned the code: no deadline runs."""
    kind = form_text(form, "kind")
    if kind not in ("occupied", "belongings"):
        raise InvalidRequest("kind", "occupied or belongings")
    ctx = visit.context()
    seen = visit[CHECK_IN].proof(ctx, _carried_scan(visit))
    r = await visit[SEAT_REPORTS].report_occupied(ctx, form_text(form, "reservation"), kind, seen)
    visit[WAKE_JOBS]()
    return redirect(f"/reservations/{r.id}?done={'report' if r.has_open_report else 'report_desk'}")


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
