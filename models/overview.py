"""A day of the library at a glance: how many of what, and how full it was and will be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from models.library import AreaId
from models.reservation import State


@dataclass(frozen=True, slots=True)
class Brief:
    """A reservation, as far as statistics need it: nobody's."""

    area_id: AreaId
    state: State
    start: datetime
    end: datetime
    checked_in_at: datetime | None
    ended_at: datetime | None


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
    if row.checked_in_at is None:
        return False
    return row.checked_in_at <= instant < (row.ended_at or row.end)


def _booked(row: Brief, instant: datetime) -> bool:
    live = row.state in (State.RESERVED, State.IN_USE, State.AWAY)
    return live and row.start <= instant < row.end
