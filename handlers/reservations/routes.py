"""Operations of the API: booking, changing, cancelling."""

from __future__ import annotations

from typing import Final

from handlers.http.endpoint import get, post
from handlers.reservations import api
from models.kernel.errors import NotFound
from models.reservations.errors import BOOKING, OWN_RESERVATION, DailyLimit, DrawPending

ROUTES: Final = (
    post(
        "/reservations",
        api.create,
        "Reserve a seat",
        status=201,
        idempotent=True,
        takes_seat=True,
        errors=(*BOOKING, DailyLimit, DrawPending),
        at_kiosk=True,
    ),
    get(
        "/reservations", api.list_own, "The reader's reservations, the newest first", at_kiosk=True
    ),
    get(
        "/reservations/{id}",
        api.get,
        "One of the reader's reservations with its history",
        errors=(NotFound,),
        at_kiosk=True,
    ),
    post(
        "/reservations/{id}/cancel",
        api.cancel,
        "Cancel before check-in",
        idempotent=True,
        errors=OWN_RESERVATION,
        at_kiosk=True,
    ),
    post(
        "/reservations/{id}/change",
        api.change,
        "Another seat or time, all or nothing",
        idempotent=True,
        takes_seat=True,
        errors=(*OWN_RESERVATION, *BOOKING),
        at_kiosk=True,
    ),
)
