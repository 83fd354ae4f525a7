"""A day of the library in numbers: how many of what, and how full it was and will be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from models.library import AreaId, SeatId
from models.reservation import State
from models.timerange import TimeRange, at


@dataclass(frozen=True, slots=True)
class Brief:
    """A reservation, as far as statistics need it: nobody's."""

    seat_id: SeatId
    area_id: AreaId
    state: State
    made_at: datetime
    start: datetime
    end: datetime
    checked_in_at: datetime | None
    usable_from: datetime | None
    ended_at: datetime | None

    @property
    def sat_from(self) -> datetime | None:
        """Who comes early may have to wait for the one before."""
        if self.checked_in_at is None:
            return None
        return max(self.checked_in_at, self.usable_from or self.checked_in_at)


@dataclass(frozen=True, slots=True)
class Totals:
    """Of a day's bookings. ``checked_in`` came at all, ``in_use`` and ``away`` are there now."""

    booked: int
    checked_in: int
    in_use: int
    away: int
    cancelled: int
    no_show: int
    away_expired: int


def totals(rows: Iterable[Brief]) -> Totals:
    states = Counter[State]()
    came = 0
    for row in rows:
        states[row.state] += 1
        came += row.checked_in_at is not None
    asked = sum(states.values()) - states[State.HELD] - states[State.LAPSED]
    return Totals(
        booked=asked,
        checked_in=came,
        in_use=states[State.IN_USE],
        away=states[State.AWAY],
        cancelled=states[State.CANCELLED],
        no_show=states[State.NO_SHOW],
        away_expired=states[State.AWAY_EXPIRED],
    )


def fullness(rows: Iterable[Brief], instants: Sequence[datetime], now: datetime) -> list[int]:
    """Seats held at each instant: up to ``now`` those where somebody was, afterwards those that are
    booked."""
    found = [0] * len(instants)
    for row in rows:
        for n, instant in enumerate(instants):
            found[n] += _there(row, instant) if instant <= now else _booked(row, instant)
    return found


def _there(row: Brief, instant: datetime) -> bool:
    return row.sat_from is not None and row.sat_from <= instant < (row.ended_at or row.end)


def _booked(row: Brief, instant: datetime) -> bool:
    live = row.state in (State.RESERVED, State.IN_USE, State.AWAY)
    return live and row.start <= instant < row.end


# --- what is kept of each day -------------------------------------------------------------------


HOURS: Final = 24
_HOUR: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)
ASKED: Final = frozenset(State) - {State.HELD, State.LAPSED}
"""Bookings. What the waiting list held for somebody who did not take it is none."""


@dataclass(frozen=True, slots=True)
class DayOf:
    """An area's day that is over. ``open_minutes`` are those of all its seats together, ``used``
    those in which somebody had one, by the hour of the day; ``lead_minutes`` lie between making a
    booking that was not cancelled and its start."""

    day: date
    area_id: AreaId
    seats: int
    open_minutes: int
    booked: int
    came: int
    cancelled: int
    no_show: int
    away_expired: int
    lead_minutes: int
    used: tuple[int, ...]


def tally(
    day: date, area_id: AreaId, seats: int, hours: TimeRange | None, rows: Iterable[Brief]
) -> DayOf:
    """The area's day, from its bookings. ``hours``: when it was open."""
    asked = [row for row in rows if row.state in ASKED]
    kept = [row for row in asked if row.state is not State.CANCELLED]
    used = [0] * HOURS
    for row in kept:
        if row.sat_from is not None:
            for hour, minutes in _by_hour(day, row.sat_from, row.ended_at or row.end).items():
                used[hour] += minutes
    return DayOf(
        day=day,
        area_id=area_id,
        seats=seats,
        open_minutes=seats * ((hours.end - hours.start) // _MINUTE) if hours is not None else 0,
        booked=len(asked),
        came=sum(row.checked_in_at is not None for row in asked),
        cancelled=len(asked) - len(kept),
        no_show=sum(row.state is State.NO_SHOW for row in asked),
        away_expired=sum(row.state is State.AWAY_EXPIRED for row in asked),
        lead_minutes=sum(max(row.start - row.made_at, timedelta()) // _MINUTE for row in kept),
        used=tuple(used),
    )


def _by_hour(day: date, start: datetime, end: datetime) -> Mapping[int, int]:
    """Minutes of the span in each hour of the day, rounded."""
    midnight = at(day, time())
    found = {}
    for hour in range(HOURS):
        begin = midnight + hour * _HOUR
        minutes = round((min(end, begin + _HOUR) - max(start, begin)) / _MINUTE)
        if minutes > 0:
            found[hour] = minutes
    return found


@dataclass(frozen=True, slots=True)
class Summary:
    """Some days of some areas together. Rates are between 0 and 1; None where there is nothing."""

    days: int
    booked: int
    came: int
    cancelled: int
    no_show: int
    away_expired: int
    used_minutes: int
    utilisation: float | None
    no_show_rate: float | None
    lead_hours: float | None


def summary(days: Sequence[DayOf]) -> Summary:
    booked, cancelled = sum(d.booked for d in days), sum(d.cancelled for d in days)
    used, kept = sum(sum(d.used) for d in days), booked - cancelled
    missed = sum(d.no_show for d in days)
    return Summary(
        days=len({d.day for d in days}),
        booked=booked,
        came=sum(d.came for d in days),
        cancelled=cancelled,
        no_show=missed,
        away_expired=sum(d.away_expired for d in days),
        used_minutes=used,
        utilisation=_part(used, sum(d.open_minutes for d in days)),
        no_show_rate=_part(missed, kept),
        lead_hours=_part(sum(d.lead_minutes for d in days), 60 * kept),
    )


def by_weekday(days: Iterable[DayOf]) -> list[list[float]]:
    """Of each weekday (Monday first) and hour: the part of the seats' time in which they were used,
    between 0 and 1."""
    used = [[0] * HOURS for _ in range(7)]
    seats = [0] * 7
    for d in days:
        if d.open_minutes:
            seats[d.day.weekday()] += d.seats
        for hour, minutes in enumerate(d.used):
            used[d.day.weekday()][hour] += minutes
    return [
        [min(1.0, minutes / (60 * total)) if total else 0.0 for minutes in row]
        for row, total in zip(used, seats, strict=True)
    ]


def _part(some: int, all_: int) -> float | None:
    return some / all_ if all_ else None
