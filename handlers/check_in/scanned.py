"""Actions after scanning a kiosk's code or a seat label in a browser."""

from __future__ import annotations

from aiohttp import web

from bind.scanned_codes import ScannedCodes
from handlers.http.authentication import client_address, network_of
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE, WAKE_JOBS
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.kiosks.presenter import proving_kiosks
from models.check_in.arrival import PresenceScan
from models.check_in.service import CheckInService
from models.kernel.errors import Malformed
from models.library.entities import VenueId
from models.reservations.entities import Reservation
from models.reservations.room_booking import RoomBooking, RoomState
from models.rooms.presence import RoomPresence
from models.rooms.service import RoomService
from models.seat_reports.service import DeadlineAfterReport, SeatReportService


async def check_in_by(visit: PageRequest, form: Form, scan: PresenceScan) -> web.StreamResponse:
    """Checks the reader in, ends their leave, or confirms their presence, whichever the
    reservation in the form awaits; or the people of the form's study room. Raises: the errors of
    ``CheckInService.check_in`` and of ``RoomService.check_in``, which ``reader_form`` shows as an
    error page."""
    if room := form_text(form, "room"):
        b = await visit[RoomPresence].check_in(visit.context(), room, scan)
        visit[WAKE_JOBS]()
        return redirect(f"/room-bookings/{b.id}?done=check-in")
    r = await visit[CheckInService].check_in(visit.context(), form_text(form, "reservation"), scan)
    visit[WAKE_JOBS]()
    # Only a return sets `returned_at`; that of an earlier request has an earlier time.
    returned = r.returned_at == visit.now
    return redirect(f"/reservations/{r.id}?done={'return' if returned else 'check_in'}")


async def room_to_check_in(visit: PageRequest) -> RoomBooking | None:
    """The booking of a study room that the reader can check in now; None without any."""
    now = visit.now
    if not visit[REFERENCE].rooms:
        return None
    for b in await visit[RoomService].of(visit.reader.id, now):
        if b.state is RoomState.RESERVED and b.check_in_from <= now < b.check_in_until:
            return b
    return None


async def typed_scan(visit: PageRequest, form: Form, venue_id: VenueId) -> PresenceScan:
    """The scan that the form's digits, shown by a kiosk of the venue, stand for. Raises: the
    errors of ``ScannedCodes.typed``."""
    reference = visit[REFERENCE]
    kiosks = proving_kiosks(reference, [reference.catalog.venues[venue_id]])
    return await visit[ScannedCodes].typed(
        [kiosk.id for kiosk in kiosks],
        # A keyboard may type full-width digits, and the screen shows a blank between them.
        "".join(str(int(c)) for c in form_text(form, "digits") if c.isdecimal()),
        visit.reader.id,
        network_of(client_address(visit.request)),
        reference.policy_on(visit.zone.day(visit.now), None).kiosk_code_seconds,
        visit.now,
    )


async def report_by(visit: PageRequest, form: Form, scan: PresenceScan) -> web.StreamResponse:
    """Reports the reader's booked seat as occupied by another person or by belongings. ``scan``
    proves that the reader is there. Raises: Malformed."""
    kind, ctx = form_text(form, "kind"), visit.context()
    if kind not in ("occupied", "belongings"):
        raise Malformed("kind", "must be occupied or belongings")
    proof = visit[CheckInService].proof(ctx, scan)
    r = await visit[SeatReportService].report_occupied(
        ctx, form_text(form, "reservation"), kind, proof
    )
    visit[WAKE_JOBS]()
    return redirect(f"/reservations/{r.id}?done={report_done(r)}")


async def report_would_stop(visit: PageRequest, r: Reservation | None) -> bool:
    """True if a report of the occupied seat would stop the check-in deadline: the reader, who
    has just proved presence, has not used up the day's number of such reports. False without a
    reservation."""
    if r is None:
        return False
    deadline = await visit[SeatReportService].deadline_after_report(visit.context(), r)
    return deadline is not DeadlineAfterReport.USED_UP


def report_done(r: Reservation) -> str:
    """The value of the query parameter ``done``, which lets the next page say whether the report
    has stopped the check-in deadline (``report``) or only reached the desk (``report_desk``)."""
    return "report" if r.has_open_report else "report_desk"
