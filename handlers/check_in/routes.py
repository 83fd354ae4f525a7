"""Operations of the API: check-in, leave, return, another end, finish."""

from __future__ import annotations

from typing import Final

from handlers.check_in import api
from handlers.http.endpoint import get, post
from models.check_in.errors import (
    CheckedInElsewhere,
    EndNotEarlier,
    NothingToConfirm,
    PresenceMethodOff,
    QrExpired,
    QrUsed,
    RenewalLimitReached,
    WrongSeat,
    WrongVenue,
)
from models.kernel.errors import NotFound, TooManyAttempts
from models.kiosks.errors import QrInvalid
from models.reservations.errors import (
    OWN_RESERVATION,
    Closed,
    NotATimeStep,
    OverlapsOwnBooking,
    SeatDisabled,
    SeatTaken,
    TooEarly,
    TooLate,
    TooLong,
)

_SCAN: Final = (
    PresenceMethodOff,
    QrInvalid,
    QrExpired,
    QrUsed,
    TooLate,
    WrongSeat,
    WrongVenue,
    TooManyAttempts,
)
ROUTES: Final = (
    post(
        "/reservations/{id}/check-in",
        api.check_in,
        "Check in by a kiosk's code or the seat's label; while away, return",
        idempotent=True,
        errors=(*OWN_RESERVATION, *_SCAN, TooEarly, CheckedInElsewhere),
        at_kiosk=True,
    ),
    post(
        "/reservations/{id}/leave",
        api.leave,
        "Leave for a while",
        idempotent=True,
        errors=OWN_RESERVATION,
        at_kiosk=True,
    ),
    post(
        "/reservations/{id}/return",
        api.return_from_leave,
        "Return by a kiosk's code or the seat's label",
        idempotent=True,
        errors=(*OWN_RESERVATION, *_SCAN),
        at_kiosk=True,
    ),
    get(
        "/reservations/{id}/extensions",
        api.renewal_choices,
        "The later ends that are possible now",
        errors=(NotFound,),
        at_kiosk=True,
    ),
    post(
        "/reservations/{id}/extend",
        api.renew,
        "Stay longer",
        idempotent=True,
        errors=(
            *OWN_RESERVATION,
            SeatTaken,
            OverlapsOwnBooking,
            TooLong,
            TooEarly,
            RenewalLimitReached,
            NotATimeStep,
            Closed,
            SeatDisabled,
        ),
        at_kiosk=True,
    ),
    get(
        "/reservations/{id}/earlier-ends",
        api.earlier_ends,
        "The ends that the stay can be brought forward to",
        errors=(NotFound,),
        at_kiosk=True,
    ),
    post(
        "/reservations/{id}/shorten",
        api.shorten,
        "Stay less long, and give the rest back",
        idempotent=True,
        errors=(*OWN_RESERVATION, EndNotEarlier, NotATimeStep),
        at_kiosk=True,
    ),
    post(
        "/reservations/{id}/finish",
        api.finish,
        "Give the seat back",
        idempotent=True,
        errors=OWN_RESERVATION,
        at_kiosk=True,
    ),
    post(
        "/reservations/{id}/confirm",
        api.confirm,
        "Confirm what a gate did on the reader's behalf",
        idempotent=True,
        errors=(NotFound, NothingToConfirm),
        at_kiosk=True,
    ),
)
