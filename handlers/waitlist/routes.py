"""Operations of the API: the waitlist and its offers."""

from __future__ import annotations

from typing import Final

from handlers.http.endpoint import delete, get, post
from handlers.waitlist import api
from models.kernel.errors import NotFound
from models.policy.errors import FilterDisabled
from models.reservations.errors import (
    BOOKABLE_TIME,
    OWN_RESERVATION,
    READER_MAY_BOOK,
    SEAT_MAY_BE_BOOKED,
    Closed,
    DailyLimit,
    GroupSeatOnly,
    OverlapsOwnBooking,
    SeatDisabled,
)
from models.waitlist.errors import AlreadyAlerted, AlreadyWaiting, SeatAvailable, TooManyAlerts

ROUTES: Final = (
    post(
        "/waitlist",
        api.join,
        "Wait for a seat of an area in a time in which nothing fitting is free",
        status=201,
        errors=(
            NotFound,
            *READER_MAY_BOOK,
            *BOOKABLE_TIME,
            SeatDisabled,
            GroupSeatOnly,
            FilterDisabled,
            OverlapsOwnBooking,
            DailyLimit,
            SeatAvailable,
            AlreadyWaiting,
            AlreadyAlerted,
            TooManyAlerts,
        ),
    ),
    get("/waitlist", api.list_own, "The reader's places in lines, the newest first"),
    delete(
        "/waitlist/{id}",
        api.leave,
        "Give a place up; a seat that is held passes on",
        errors=(NotFound,),
    ),
    post(
        "/reservations/{id}/accept",
        api.accept,
        "Take the seat that is held",
        errors=(
            *OWN_RESERVATION,
            *READER_MAY_BOOK,
            *SEAT_MAY_BE_BOOKED,
            DailyLimit,
            Closed,
        ),
        at_kiosk=True,
    ),
    post(
        "/reservations/{id}/decline",
        api.decline,
        "Not this seat: it passes on, and the reader waits on",
        errors=OWN_RESERVATION,
        at_kiosk=True,
    ),
)
