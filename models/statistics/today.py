"""How full the library is at one moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from models.reservations.booking_facts import BookingFacts
from models.reservations.state_machine import ReservationState


@dataclass(frozen=True, slots=True)
class DayTotals:
    """Of a day's bookings. ``checked_in`` came at all, ``in_use`` and ``away`` are there now."""

    booked: int
    checked_in: int
    in_use: int
    away: int
    cancelled: int
    no_show: int
    away_expired: int


def totals(rows: Iterable[BookingFacts], late: Iterable[BookingFacts] = ()) -> DayTotals:
    """``late`` are bookings of the day before: of them, who is there now counts."""
    states = Counter[ReservationState]()
    there = Counter(row.state for row in late)
    came = 0
    for row in rows:
        states[row.state] += 1
        came += row.checked_in_at is not None
    asked = (
        sum(states.values())
        - states[ReservationState.OFFERED]
        - states[ReservationState.OFFER_EXPIRED]
    )
    return DayTotals(
        booked=asked,
        checked_in=came,
        in_use=states[ReservationState.IN_USE] + there[ReservationState.IN_USE],
        away=states[ReservationState.AWAY] + there[ReservationState.AWAY],
        cancelled=states[ReservationState.CANCELLED],
        no_show=states[ReservationState.NO_SHOW],
        away_expired=states[ReservationState.AWAY_EXPIRED],
    )


def occupied_seats(
    rows: Iterable[BookingFacts], instants: Sequence[datetime], now: datetime
) -> list[int]:
    """Seats held at each instant: up to ``now`` those where somebody was, afterwards those that are
    booked."""
    found = [0] * len(instants)
    for row in rows:
        for n, instant in enumerate(instants):
            found[n] += _there(row, instant) if instant <= now else _booked(row, instant)
    return found


def _there(row: BookingFacts, instant: datetime) -> bool:
    return row.seated_from is not None and row.seated_from <= instant < (row.ended_at or row.end)


def _booked(row: BookingFacts, instant: datetime) -> bool:
    live = row.state in (ReservationState.RESERVED, ReservationState.IN_USE, ReservationState.AWAY)
    return live and row.start <= instant < row.end
