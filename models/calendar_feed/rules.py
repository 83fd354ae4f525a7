"""What a calendar shows of a reservation: when it is, whether it still is, what reminds of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from models.kernel.errors import NotFound
from models.kernel.time_range import TimeRange
from models.reservations.entities import Reservation
from models.reservations.state_machine import (
    BOOKING_STATES,
    CHECKED_IN_STATES,
    TERMINAL,
    ReservationState,
)

KEPT_FOR: Final = timedelta(days=14)
"""For so long after its start a booking stays in a feed, also a cancelled one: a calendar learns of
the cancellation when it reads the feed the next time, and some read it once a day."""
MOST_ENTRIES: Final = 100
"""In one feed. What is live comes first, so that only ended bookings can be left out."""
_OFF: Final = frozenset({ReservationState.CANCELLED, ReservationState.NO_SHOW})


def check_is_booking(r: Reservation) -> None:
    """An offer from the waiting list is no booking yet. Raises: NotFound."""
    if r.state not in BOOKING_STATES:
        raise NotFound()


def uid_of(r: Reservation, base_url: str) -> str:
    """What the booking is called in all calendars for ever; the host of the service's own address
    makes it the service's alone."""
    return f"{r.id}@{urlsplit(base_url).hostname}"


def is_off(r: Reservation) -> bool:
    """Is the seat the reader's no more, though the time may still come?"""
    return r.state in _OFF


def shown_time(r: Reservation) -> TimeRange:
    """The booked time; of a stay that has ended, until when it lasted."""
    if r.state in TERMINAL and not is_off(r) and r.held is not None:
        return TimeRange(min(r.start, r.held.start), r.held.end)
    return r.span


def changed_at(r: Reservation) -> datetime:
    """When it was last changed, as far as its history tells."""
    return r.history[-1].at if r.history else r.created_at


def reminds_of_start(r: Reservation) -> bool:
    """Who has checked in needs no reminder to come."""
    return r.state is ReservationState.RESERVED


def reminds_of_end(r: Reservation) -> bool:
    """While the stay is to come or goes on."""
    return reminds_of_start(r) or r.state in CHECKED_IN_STATES
