"""Operations of the API: reports of seats."""

from __future__ import annotations

from typing import Final

from handlers.http.endpoint import post
from handlers.seat_reports import api
from models.check_in.errors import PresenceMethodOff, QrExpired, WrongSeat, WrongVenue
from models.kernel.errors import InvalidState, NotFound, TooManyAttempts
from models.kiosks.errors import QrInvalid
from models.reservations.errors import OWN_RESERVATION, TooEarly, TooLate
from models.seat_reports.errors import NotThere, SeatNotInUse

ROUTES: Final = (
    post(
        "/reservations/{id}/report",
        api.report_occupied,
        "Say that the seat is taken by somebody else",
        idempotent=True,
        errors=(
            *OWN_RESERVATION,
            TooEarly,
            TooLate,
            WrongSeat,
            WrongVenue,
            PresenceMethodOff,
            QrInvalid,
            QrExpired,
            TooManyAttempts,
        ),
        at_kiosk=True,
    ),
    post(
        "/seats/{id}/report",
        api.report_empty,
        "Say that nobody sits on a seat that is shown in use",
        errors=(
            NotFound,
            SeatNotInUse,
            NotThere,
            InvalidState,
            TooManyAttempts,
        ),
        at_kiosk=True,
    ),
)
