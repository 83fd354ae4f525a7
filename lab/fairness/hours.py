"""Sums of a day's seat-hours: idle while readers waited, and held by no-shows. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from lab.fairness.model import percentile

SAMPLE: Final = timedelta(minutes=5)
"""The interval at which a day is sampled."""
_GHOST: Final = "no_show"
_OFFER_EXPIRED: Final = "offer_expired"
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Held:
    """A seat that a reservation held from ``start`` to ``end``, known since ``since``."""

    seat: str
    reader: str
    since: datetime
    start: datetime
    end: datetime
    state: str


@dataclass(frozen=True, slots=True)
class Waited:
    """A waitlist entry for an area that waited in [since, until) for a seat in [start, end)."""

    area: str
    since: datetime
    until: datetime
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Day:
    """A whole day. ``seats`` maps seats to areas; ``bots`` are the ids of those readers."""

    seats: Mapping[str, str]
    readers: int
    bots: Collection[str]
    opens: datetime
    closes: datetime
    held: Sequence[Held]
    waited: Sequence[Waited]
    answers_s: Sequence[float]
    doubles: int


def idle_hours(day: Day) -> tuple[float, float]:
    """(seat-hours in which a seat was free for a waitlist entry that wanted it at that moment,
    seat-hours of the entries' areas in that time).

    A seat is free for an entry if, as far as was known then, no reservation held it from that
    moment to the entry's end.
    """
    step = SAMPLE / _HOUR
    idle = demand = 0
    now = day.opens
    while now < day.closes:
        waiting = [w for w in day.waited if w.since <= now < w.until and w.start <= now < w.end]
        for seat, area in day.seats.items():
            ends = [w.end for w in waiting if w.area == area]
            if not ends:
                continue
            demand += 1
            idle += not any(
                h.seat == seat and h.since <= now < h.end and h.start < min(ends) for h in day.held
            )
        now += SAMPLE
    return idle * step, demand * step


def ghost_hours(day: Day) -> tuple[int, float]:
    """(no-shows, hours for which they held a seat)."""
    ghosts = [h for h in day.held if h.state == _GHOST]
    return len(ghosts), sum((h.end - h.start) / _HOUR for h in ghosts)


def offer_hours(day: Day) -> float:
    """Hours for which seats were held by offers that nobody accepted."""
    offers = [h for h in day.held if h.state == _OFFER_EXPIRED]
    return sum(max(h.end - max(h.since, h.start), timedelta()) / _HOUR for h in offers)


def day_summary(day: Day) -> dict[str, Any]:
    """The sums as plain values: hours, shares in percent, times in milliseconds."""
    got = [h for h in day.held if h.state not in ("offered", _OFFER_EXPIRED)]
    by_bots = sum(h.reader in day.bots for h in got)
    idle, demand = idle_hours(day)
    ghosts, blocked = ghost_hours(day)
    of_readers = 100 * len(day.bots) / day.readers
    of_wins = 100 * by_bots / len(got) if got else 0.0
    return {
        "seats": len(day.seats),
        "readers": day.readers,
        "bots": len(day.bots),
        "bookings": len(got),
        "waitlist_entries": len(day.waited),
        "bots_of_readers_percent": round(of_readers, 1),
        "bots_of_wins_percent": round(of_wins, 1),
        "excess_points": round(of_wins - of_readers, 1),
        "idle_hours": round(idle, 1),
        "wanted_hours": round(demand, 1),
        "idle_percent": round(100 * idle / demand, 1) if demand else 0.0,
        "ghosts": ghosts,
        "ghost_hours": round(blocked, 1),
        "offer_hours": round(offer_hours(day), 1),
        "answer_p50_ms": round(1000 * percentile(day.answers_s, 0.5)),
        "answer_p99_ms": round(1000 * percentile(day.answers_s, 0.99)),
        "doubles": day.doubles,
    }
