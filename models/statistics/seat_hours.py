from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import Seat
from models.reservations.booking_facts import BookingFacts
from models.reservations.state_machine import ReservationState
from models.statistics.daily import BOOKED_STATES, HOURS, minutes_by_hour


@dataclass(frozen=True, slots=True)
class SeatHours:
    """The use of one seat. `rates`: the share of each hour in which it was used, 0 to 1; None for
    an hour in which it could not be used. `open_minutes`: the time it could be used."""

    seat: Seat
    used_minutes: int
    open_minutes: int
    rates: tuple[float | None, ...]

    @property
    def utilisation(self) -> float | None:
        return min(1.0, self.used_minutes / self.open_minutes) if self.open_minutes else None


def seat_hours(
    zone: Zone,
    seats: Sequence[Seat],
    opened: Mapping[date, Sequence[TimeRange]],
    rows: Iterable[tuple[date, BookingFacts]],
) -> list[SeatHours]:
    """The use of each seat on the days of ``opened``, except those on which it was out of
    service. ``opened``: the opening hours of each day. ``rows``: bookings by calendar day; a
    booking over midnight appears for both days."""
    used = {seat.id: [0] * HOURS for seat in seats}
    usable = {
        seat.id: {day for day in opened if seat.unavailable_reason(day) is None} for seat in seats
    }
    for day, row in rows:
        began = row.seated_from
        counts = row.state in BOOKED_STATES and row.state is not ReservationState.CANCELLED
        if began is None or not counts or day not in usable.get(row.seat_id, ()):
            continue
        for hour, minutes in minutes_by_hour(zone, day, began, row.ended_at or row.end).items():
            used[row.seat_id][hour] += minutes
    result = []
    for seat in seats:
        open_minutes = [0] * HOURS
        for day in usable[seat.id]:
            for hours in opened[day]:
                for hour, minutes in minutes_by_hour(zone, day, hours.start, hours.end).items():
                    open_minutes[hour] += minutes
        rates = tuple(
            min(1.0, some / all_) if all_ else None
            for some, all_ in zip(used[seat.id], open_minutes, strict=True)
        )
        result.append(SeatHours(seat, sum(used[seat.id]), sum(open_minutes), rates))
    return result
