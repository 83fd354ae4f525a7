from __future__ import annotations

from aiohttp import web

from bind.scan_notes import ScanNotes
from handlers.accounts.scan_note import carried_note, take_scan
from handlers.check_in.scanned import check_in_by, report_by, report_would_stop
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, domain_error_page, redirect
from handlers.http.rendering import render_page
from handlers.reservations import presenter
from handlers.reservations.current import next_to_check_in
from models.booking.service import ReservationService
from models.check_in.arrival import SeatLabelScan
from models.check_in.errors import QrExpired
from models.kernel.errors import DomainError


async def scanned(request: web.Request) -> web.StreamResponse:
    """Redirects a seat label's link, opened by camera or WeChat, to check-in with a scan note."""
    try:
        seat = request.app[REFERENCE].seat_even_if_removed(request.match_info["id"])
        return await take_scan(request, f"/s/{seat.id}")
    except DomainError as error:
        return domain_error_page(request, error)


async def check_in_form(visit: PageRequest) -> web.StreamResponse:
    """The page after a scan of the seat label: the reader's reservation of this seat, with a
    button for the action that is due (check-in, return, confirmation)."""
    reference = visit[REFERENCE]
    seat = reference.seat_even_if_removed(visit.id)
    live = await visit[ReservationService].live_of(visit.reader.id, visit.now)
    r = next_to_check_in((r for r in live if r.seat_id == seat.id), visit.now)
    return render_page(
        visit.request,
        "check_in/scanned.html",
        room=None,
        reader=visit.reader,
        seat=presenter.seat(reference, seat.id),
        here=f"/s/{seat.id}",
        by_label=True,
        r=await presenter.reservation(reference, r, visit.now) if r is not None else None,
        has_note=_carried_scan(visit) is not None,
        report_stops=await report_would_stop(visit, r),
    )


async def check_in(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Checks the reader in, ends a leave or confirms presence. The browser's scan note is proof."""
    scan = _carried_scan(visit)
    if scan is None:
        return redirect(f"/s/{visit.id}/check-in")  # which explains the next step
    return await check_in_by(visit, form, scan)


async def report(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Reports that the reader's booked seat is taken. The browser's scan note proves the
    reader's presence, so the report stops the check-in deadline."""
    scan = _carried_scan(visit)
    if scan is None:
        return redirect(f"/s/{visit.id}/check-in")
    return await report_by(visit, form, scan)


def _carried_scan(visit: PageRequest) -> SeatLabelScan | None:
    """The scan proved by the browser's note; None if the note is expired or of another seat."""
    seat = visit[REFERENCE].seat_even_if_removed(visit.id)
    session_id = visit.principal.session.id
    try:
        scan = visit[ScanNotes].scan_of(carried_note(visit.request), session_id, visit.now)
    except QrExpired:
        return None
    return scan if isinstance(scan, SeatLabelScan) and scan.seat_id == seat.id else None
