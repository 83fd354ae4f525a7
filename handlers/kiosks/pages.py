"""The kiosk's screen, and the check-in that its code opens in a browser."""

from __future__ import annotations

from aiohttp import web

from handlers.accounts.scan_note import carried_note, take_scan
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE, WAKE_JOBS
from handlers.http.pages import PageRequest, domain_error_page, form_text, redirect, render_page
from handlers.keys import CHECK_IN, RESERVATIONS, SCAN_NOTES, SEAT_REPORTS
from handlers.reservations import presenter
from handlers.reservations.current import LIVE_FOR, next_to_check_in
from models.check_in.service import KioskCodeScan
from models.kernel.errors import DomainError, InvalidRequest, NotFound
from models.library.entities import Kiosk, KioskId
from models.reservations.entities import Reservation


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
    """A camera or WeChat opens the code's link."""
    try:
        return await take_scan(request, f"/k/{_kiosk(request).id}")
    except DomainError as error:
        return domain_error_page(request, error)


async def check_in_form(visit: PageRequest) -> web.StreamResponse:
    """Which reservation the code is for, and one button."""
    r = await _reservation_to_check_in(visit)
    note = carried_note(visit.request)
    if note:
        visit[SCAN_NOTES].scan_of(note, visit.id, visit.principal.session.id, visit.now)
    return render_page(
        visit.request,
        "check_in/scanned.html",
        reader=visit.reader,
        place=_kiosk(visit.request).name,
        here=f"/k/{visit.id}",
        by_label=False,
        r=await presenter.reservation(visit[REFERENCE], r, visit.now) if r is not None else None,
        has_note=bool(note),
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
    """The reader's reservation in the kiosk's venue that the scan is for."""
    live = await visit[RESERVATIONS].live_of(visit.reader.id, visit.now - LIVE_FOR)
    venue_id = _kiosk(visit.request).venue_id
    return next_to_check_in((r for r in live if r.venue_id == venue_id), visit.now)
