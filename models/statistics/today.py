from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from models.reservations.booking_facts import BookingFacts
from models.reservations.state_machine import ReservationState


@dataclass(frozen=True, slots=True)
class DayTotals:
    """The numbers of today's bookings. `checked_in`: all whose reader has ever checked in.
    `in_use`, `away`: those that are in this state now."""

    booked: int
    checked_in: int
    in_use: int
    away: int
    cancelled: int
    no_show: int
    away_expired: int


def totals(rows: Iterable[BookingFacts], late: Iterable[BookingFacts] = ()) -> DayTotals:
    """The numbers of the bookings in ``rows``. ``late``: bookings of the day before; of these,
    only readers who are present or on leave count."""
    states = Counter[ReservationState]()
    there = Counter(row.state for row in late)
    came = 0
    for row in rows:
        states[row.state] += 1
        came += row.checked_in_at is not None
    booked = (
        sum(states.values())
        - states[ReservationState.OFFERED]
        - states[ReservationState.OFFER_EXPIRED]
    )
    return DayTotals(
        booked=booked,
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
    """The number of occupied seats at each of the instants: up to ``now``, seats of checked-in
    readers (also on leave); later, booked seats."""
    counts = [0] * len(instants)
    for row in rows:
        for n, instant in enumerate(instants):
            counts[n] += _there(row, instant) if instant <= now else _booked(row, instant)
    return counts


def _there(row: BookingFacts, instant: datetime) -> bool:
    return row.seated_from is not None and row.seated_from <= instant < (row.ended_at or row.end)


def _booked(row: BookingFacts, instant: datetime) -> bool:
    live = row.state in (ReservationState.RESERVED, ReservationState.IN_USE, ReservationState.AWAY)
    return live and row.start <= instant < row.end
