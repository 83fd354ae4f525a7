from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Final

from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import AreaId
from models.reservations.booking_facts import BookingFacts
from models.reservations.state_machine import ReservationState

HOURS: Final = 24
_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)
BOOKED_STATES: Final = frozenset(ReservationState) - {
    ReservationState.OFFERED,
    ReservationState.OFFER_EXPIRED,
}
"""Reservation states that count as bookings: all except those of offers."""


@dataclass(frozen=True, slots=True)
class AreaDay:
    """The statistics of an area on one day. `open_minutes`: the opening time, added up over all
    seats. `used`: minutes of use in each hour of the day. `lead_minutes`: the times from
    creation to start of all bookings that were not cancelled, added up."""

    day: date
    area_id: AreaId
    seats: int
    open_minutes: int
    booked: int
    checked_in: int
    cancelled: int
    no_show: int
    away_expired: int
    lead_minutes: int
    used: tuple[int, ...]


def summarise_day(
    zone: Zone,
    day: date,
    area_id: AreaId,
    seats: int,
    hours: Iterable[TimeRange],
    rows: Iterable[BookingFacts],
    late: Iterable[BookingFacts] = (),
) -> AreaDay:
    """An area's statistics on one day. ``hours``: when the area was open. ``rows``: its bookings
    of the day. ``late``: its bookings of the day before; only their use after midnight counts."""
    bookings = [row for row in rows if row.state in BOOKED_STATES]
    not_cancelled = [row for row in bookings if row.state is not ReservationState.CANCELLED]
    used = [0] * HOURS
    for row in (*not_cancelled, *(row for row in late if row.state in BOOKED_STATES)):
        if row.seated_from is not None:
            for hour, minutes in minutes_by_hour(
                zone, day, row.seated_from, row.ended_at or row.end
            ).items():
                used[hour] += minutes
    return AreaDay(
        day=day,
        area_id=area_id,
        seats=seats,
        open_minutes=seats * sum(_within(zone, day, span) // _MINUTE for span in hours),
        booked=len(bookings),
        checked_in=sum(row.checked_in_at is not None for row in bookings),
        cancelled=len(bookings) - len(not_cancelled),
        no_show=sum(row.state is ReservationState.NO_SHOW for row in bookings),
        away_expired=sum(row.state is ReservationState.AWAY_EXPIRED for row in bookings),
        lead_minutes=sum(
            max(row.start - row.created_at, timedelta()) // _MINUTE for row in not_cancelled
        ),
        used=tuple(used),
    )


def _within(zone: Zone, day: date, span: TimeRange) -> timedelta:
    hours = _hours(zone, day)
    return min(span.end, hours[-1]) - max(span.start, hours[0])


@lru_cache(maxsize=64)
def _hours(zone: Zone, day: date) -> tuple[datetime, ...]:
    """The begin of each hour of the library's clock and the end of the last. An hour that the
    clock leaves out ends as it begins; one that is doubled lasts twice as long."""
    return (*(zone.instant(day, time(hour)) for hour in range(HOURS)), zone.midnight(day + _DAY))


def minutes_by_hour(zone: Zone, day: date, start: datetime, end: datetime) -> Mapping[int, int]:
    """The minutes of the period in each hour of the day, rounded; without hours that have none."""
    by_hour = {}
    for hour, (begins, ends) in enumerate(pairwise(_hours(zone, day))):
        minutes = round((min(end, ends) - max(start, begins)) / _MINUTE)
        if minutes > 0:
            by_hour[hour] = minutes
    return by_hour


@dataclass(frozen=True, slots=True)
class Summary:
    """The statistics of several days or areas together. Rates are 0 to 1; None without data."""

    days: int
    booked: int
    checked_in: int
    cancelled: int
    no_show: int
    away_expired: int
    used_minutes: int
    utilisation: float | None
    no_show_rate: float | None
    lead_hours: float | None


def summary(days: Sequence[AreaDay]) -> Summary:
    booked, cancelled = sum(d.booked for d in days), sum(d.cancelled for d in days)
    used, not_cancelled = sum(sum(d.used) for d in days), booked - cancelled
    missed = sum(d.no_show for d in days)
    return Summary(
        days=len({d.day for d in days}),
        booked=booked,
        checked_in=sum(d.checked_in for d in days),
        cancelled=cancelled,
        no_show=missed,
        away_expired=sum(d.away_expired for d in days),
        used_minutes=used,
        utilisation=_ratio(used, sum(d.open_minutes for d in days)),
        no_show_rate=_ratio(missed, not_cancelled),
        lead_hours=_ratio(sum(d.lead_minutes for d in days), 60 * not_cancelled),
    )


def weekday_utilisation(days: Iterable[AreaDay]) -> list[list[float | None]]:
    """The share of the seats' opening time in which they were used, for each weekday (Monday
    first) and hour; None where the areas were never open."""
    of_weekday: list[list[AreaDay]] = [[] for _ in range(7)]
    for d in days:
        of_weekday[d.day.weekday()].append(d)
    return [hourly_utilisation(same_weekday) for same_weekday in of_weekday]


def hourly_utilisation(days: Iterable[AreaDay]) -> list[float | None]:
    """The share of the seats' opening time in which they were used, 0 to 1, for each hour of the
    day; None where the areas were never open."""
    used, seats = [0] * HOURS, 0
    for d in days:
        if d.open_minutes:
            seats += d.seats
        for hour, minutes in enumerate(d.used):
            used[hour] += minutes
    return [min(1.0, minutes / (60 * seats)) if seats else None for minutes in used]


def _ratio(some: int, all_: int) -> float | None:
    return some / all_ if all_ else None
