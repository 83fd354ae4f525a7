from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from models.kernel.errors import NotFound
from models.kernel.time_range import TimeRange
from models.reservations.entities import Reservation
from models.reservations.room_booking import RoomBooking, RoomState
from models.reservations.state_machine import (
    BOOKING_STATES,
    CHECKED_IN_STATES,
    TERMINAL,
    ReservationState,
)

KEPT_FOR: Final = timedelta(days=14)
"""Feeds contain bookings, also cancelled ones, until this long after their start."""
MOST_ENTRIES: Final = 100
"""A feed has at most this many bookings of seats, live ones first, so that only ended ones are left
out."""
_OFF: Final = frozenset({ReservationState.CANCELLED, ReservationState.NO_SHOW})
_WITHOUT_STAY: Final = frozenset(
    {RoomState.DECLINED, RoomState.CANCELLED, RoomState.RELEASED, RoomState.NO_SHOW}
)


def check_is_booking(r: Reservation) -> None:
    """Raises: NotFound if the reservation is not a booking but an offer from the waitlist."""
    if r.state not in BOOKING_STATES:
        raise NotFound()


def has_stay(b: RoomBooking) -> bool:
    """False if the booking of a room has come to nothing; calendars then have it no more."""
    return b.state not in _WITHOUT_STAY


def uid_of(r: Reservation | RoomBooking, base_url: str) -> str:
    """The permanent id of the booking's calendar event. The id contains the host of
    ``base_url``, which makes it unique worldwide."""
    return f"{r.id}@{urlsplit(base_url).hostname}"


def is_off(r: Reservation) -> bool:
    """True if the reservation was cancelled or missed. Its time may still be to come."""
    return r.state in _OFF


def calendar_time(r: Reservation) -> TimeRange:
    """The time that the calendar shows: as booked or, for an ended stay, as long as it lasted."""
    if r.state in TERMINAL and not is_off(r) and r.held is not None:
        return TimeRange(min(r.start, r.held.start), r.held.end)
    return r.span


def room_time(b: RoomBooking) -> TimeRange:
    """The time of a room's booking in a calendar: as booked or, after a stay that ended early, as
    long as it lasted."""
    end = min(b.ended_at or b.span.end, b.span.end)
    return TimeRange(b.span.start, end) if b.span.start < end else b.span


def changed_at(r: Reservation) -> datetime:
    return r.history[-1].at if r.history else r.created_at


def reminds_of_start(r: Reservation) -> bool:
    return r.state is ReservationState.RESERVED


def reminds_of_end(r: Reservation) -> bool:
    return reminds_of_start(r) or r.state in CHECKED_IN_STATES
