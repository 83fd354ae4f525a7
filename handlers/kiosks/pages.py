"""The kiosk's screen, and the check-in page that its code opens in a browser."""

from __future__ import annotations

from aiohttp import web

from bind.scan_notes import ScanNotes
from handlers.accounts.scan_note import carried_note, take_scan
from handlers.check_in.scanned import check_in_by, report_by, report_would_stop, room_to_check_in
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.language import library_language
from handlers.http.pages import PageRequest, domain_error_page
from handlers.http.rendering import render_page
from handlers.reservations import presenter
from handlers.reservations.current import next_to_check_in
from handlers.rooms import presenter as rooms_presenter
from handlers.texts.labels import ROOM_ON_PLAN_TEXT
from languages.catalogue import LANGUAGES
from models.booking.service import ReservationService
from models.check_in.arrival import KioskCodeScan
from models.check_in.errors import QrExpired
from models.kernel.errors import DomainError, NotFound
from models.library.entities import Kiosk, KioskId
from models.reservations.entities import Reservation


async def screen(request: web.Request) -> web.StreamResponse:
    """The page that a kiosk's screen shows, in the library's language or the one that the query
    names. The page is public, but only the screen's browser has the key by which the page gets
    the codes."""
    try:
        kiosk = _kiosk(request)
    except NotFound as error:
        return domain_error_page(request, error)
    home = library_language(request.app[REFERENCE].profile)
    language = LANGUAGES.get(request.query.get("language", ""), home)
    return render_page(
        request,
        "kiosks/screen.html",
        page_language=language,
        kiosk=kiosk,
        home=home.tag,
        room_words=ROOM_ON_PLAN_TEXT,
    )


def _kiosk(request: web.Request) -> Kiosk:
    """The kiosk that the URL names. Raises: NotFound."""
    kiosk = request.app[REFERENCE].catalog.kiosks.get(KioskId(request.match_info["id"]))
    if kiosk is None:
        raise NotFound()
    return kiosk


async def scanned(request: web.Request) -> web.StreamResponse:
    """Handles the link in a kiosk's code after a camera or WeChat has opened it: redirects to
    the check-in page with a scan note."""
    try:
        return await take_scan(request, f"/k/{_kiosk(request).id}")
    except DomainError as error:
        return domain_error_page(request, error)


async def check_in_form(visit: PageRequest) -> web.StreamResponse:
    r, room = await _reservation_to_check_in(visit), await room_to_check_in(visit)
    note = carried_note(visit.request)
    if note:
        _carried_scan(visit)  # raises if the scan is no longer valid
    return render_page(
        visit.request,
        "check_in/scanned.html",
        reader=visit.reader,
        kiosk=_kiosk(visit.request),
        here=f"/k/{visit.id}",
        by_label=False,
        r=await presenter.reservation(visit[REFERENCE], r, visit.now) if r is not None else None,
        has_note=bool(note),
        report_stops=await report_would_stop(visit, r),
        room=room and rooms_presenter.own(visit[REFERENCE], room, visit.reader.id, ""),
    )


async def check_in(visit: PageRequest, form: Form) -> web.StreamResponse:
    return await check_in_by(visit, form, _carried_scan(visit))


def _carried_scan(visit: PageRequest) -> KioskCodeScan:
    """The scan of this kiosk that the browser's note proves. Raises: QrExpired if there is none."""
    note = carried_note(visit.request)
    scan = visit[ScanNotes].scan_of(note, visit.principal.session.id, visit.now)
    if not isinstance(scan, KioskCodeScan) or scan.kiosk_id != visit.id:
        raise QrExpired()
    return scan


async def report(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Reports that the reader's booked seat is taken. The browser's scan note proves the
    reader's presence, so the report stops the check-in deadline."""
    return await report_by(visit, form, _carried_scan(visit))


async def _reservation_to_check_in(visit: PageRequest) -> Reservation | None:
    """The reader's reservation on which a scan of this kiosk's code acts; None if the reader has
    no live reservation in its venue."""
    live = await visit[ReservationService].live_of(visit.reader.id, visit.now)
    venue_id = _kiosk(visit.request).venue_id
    return next_to_check_in((r for r in live if r.venue_id == venue_id), visit.now)
