"""Errors that several features' operations have in common, for their tables of routes."""

from __future__ import annotations

from typing import Final

from models.kernel.errors import InvalidState, NotFound
from models.reservations.errors import (
    AccessibleSeatOnly,
    BeyondBookingWindow,
    BookingWindowNotOpen,
    Closed,
    GroupSeatOnly,
    IdempotencyKeyReused,
    NotATimeStep,
    OutsideVisitDates,
    OverlapsOwnBooking,
    RequestInProgress,
    RequestRefused,
    SeatDisabled,
    SeatTaken,
    StartInPast,
    Suspended,
    TooLong,
    TooShort,
)

BOOKABLE_TIME: Final = (
    StartInPast,
    BeyondBookingWindow,
    BookingWindowNotOpen,
    Closed,
    NotATimeStep,
    TooShort,
    TooLong,
)
READER_MAY_BOOK: Final = (Suspended, OutsideVisitDates)
SEAT_MAY_BE_BOOKED: Final = (SeatDisabled, AccessibleSeatOnly, GroupSeatOnly)
BOOKING: Final = (
    NotFound,
    SeatTaken,
    OverlapsOwnBooking,
    *READER_MAY_BOOK,
    *SEAT_MAY_BE_BOOKED,
    *BOOKABLE_TIME,
)
OWN_RESERVATION: Final = (NotFound, InvalidState)
IDEMPOTENCY: Final = (IdempotencyKeyReused, RequestInProgress, RequestRefused)
