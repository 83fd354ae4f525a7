"""The API with which readers report that their booked seat is taken, or that nobody sits on a
seat whose reader has checked in."""

from __future__ import annotations

from bind.scanned_codes import ScannedCodes
from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import ApiRequest
from handlers.http.keys import REFERENCE, WAKE_JOBS
from handlers.http.request_parsing import digest_of
from handlers.reservations.presenter import after_change
from handlers.reservations.schemas import NearSeat
from handlers.seat_reports.schemas import EmptySeatReportOut, ReportOut, ReportTaken
from models.booking.alternatives import SeatAlternatives
from models.check_in.arrival import KioskCodeScan
from models.check_in.errors import (
    PresenceMethodOff,
    QrExpired,
    WrongRoom,
    WrongSeat,
    WrongVenue,
)
from models.check_in.service import CheckInService
from models.kernel.errors import NotFound, TooManyAttempts, WrongState
from models.kiosks.errors import QrInvalid
from models.library.entities import KioskId, PresenceSource
from models.reservations.errors import OWN_RESERVATION, TooEarly, TooLate
from models.reservations.presence import PresenceMethod, PresenceProof
from models.seat_reports.errors import NotInUse, NotThere
from models.seat_reports.service import SeatReportService

routes = ApiRoutes()


@routes.post(
    "/reservations/{id}/report",
    "Report that another person or belongings occupy the reserved seat",
    idempotent=True,
    errors=(
        *OWN_RESERVATION,
        TooEarly,
        TooLate,
        WrongSeat,
        WrongRoom,
        WrongVenue,
        PresenceMethodOff,
        QrInvalid,
        QrExpired,
        TooManyAttempts,
    ),
    at_kiosk=True,
)
async def report_occupied(call: ApiRequest, body: ReportTaken) -> ReportOut:
    proof = await _proof(call, body.qr)
    r = await call[SeatReportService].report_occupied(
        call.context(digest_of(body)), call.id, body.kind, proof
    )
    near = await call[SeatAlternatives].alternatives_for(r, call.reader, call.now)
    updated = await after_change(call, r)
    return ReportOut(updated, [NearSeat(**seat) for seat in near], r.has_open_report)


async def _proof(call: ApiRequest, code: str | None) -> PresenceProof | None:
    """The proof of the reader's presence: by the scanned ``code`` or, without a code, by the
    card that opened this session at a kiosk. None if there is no proof. Raises: QrInvalid,
    QrExpired, PresenceMethodOff, TooManyAttempts."""
    if code is None:
        return _card_at_kiosk(call)
    step_seconds = call[REFERENCE].policy_on(call.zone.day(call.now), None).kiosk_code_seconds
    assert call.principal is not None
    scan = await call[ScannedCodes].brought(
        code, call.principal.session.id, call.reader.id, step_seconds, call.now
    )
    if isinstance(scan, KioskCodeScan) and not scan.is_current:
        raise QrExpired()
    return call[CheckInService].proof(call.context(), scan)


def _card_at_kiosk(call: ApiRequest) -> PresenceProof | None:
    """The proof of presence by the card that opened this session at a kiosk. None for another
    session, or if the venue does not accept kiosks as proof."""
    assert call.principal is not None
    catalog = call[REFERENCE].catalog
    kiosk = catalog.kiosks.get(call.principal.session.kiosk_id or KioskId(""))
    if kiosk is None:
        return None
    if PresenceSource.KIOSK not in catalog.venues[kiosk.venue_id].presence_sources:
        return None
    return PresenceProof(call.reader.id, kiosk.venue_id, PresenceMethod.CARD, call.now)


@routes.post(
    "/seats/{id}/report",
    "Report an empty seat that is shown as in use",
    errors=(
        NotFound,
        NotInUse,
        NotThere,
        WrongState,
        TooManyAttempts,
    ),
    at_kiosk=True,
)
async def report_empty(call: ApiRequest) -> EmptySeatReportOut:
    reader_asked = await call[SeatReportService].report_empty(
        call.context(), call.id, _card_at_kiosk(call)
    )
    call[WAKE_JOBS]()
    return EmptySeatReportOut(reader_asked)
