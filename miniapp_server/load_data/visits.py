"""Generates visits: the readers who come on a day, for how long, and how each visit ends."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from miniapp_server.load_data.readers import ReaderPool, SimulatedReader, generated_id
from models.check_in.rules import leave_duration
from models.kernel.ids import ReaderId, ReservationId
from models.kernel.time_range import TimeRange, floor_minute
from models.kernel.zone import Zone
from models.library.entities import AreaId, Catalog, SeatId
from models.policy.entities import Policy, time_steps
from models.reservations.state_machine import ReservationState

# Shares of the free seats that are taken in each hour of the day. Our own numbers, modelled on a
# full university library during term.
_ARRIVALS: Final = (0.0,) * 7 + (
    *(0.30, 0.42, 0.30, 0.18, 0.10, 0.12, 0.25, 0.32),
    *(0.18, 0.12, 0.10, 0.28, 0.26, 0.12, 0.06, 0.02, 0.0),
)
_LENGTHS: Final = (0.25, 0.35, 0.2, 0.12, 0.05, 0.03)
"""Shares of visits that last one, two, … time steps."""
_PLANNED: Final = 0.65
"""Share of visits that are booked ahead; all others are booked on arrival (现在)."""
_SECOND: Final = timedelta(seconds=1)
_MINUTE: Final = timedelta(minutes=1)
_HALF_HOUR: Final = timedelta(minutes=30)
_LAST_MINUTES: Final = timedelta(minutes=25)
"""Readers neither leave, renew nor finish in the last minutes of a visit."""
_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class VisitTimes:
    """The times of a visit's events; None for missing ones. ``end``: as booked, without
    renewals."""

    booked: datetime
    start: datetime
    end: datetime
    ended: datetime
    checked_in: datetime | None = None
    left: datetime | None = None
    returned: datetime | None = None
    renewed: datetime | None = None
    renewed_end: datetime | None = None


@dataclass(frozen=True, slots=True)
class GeneratedVisit:
    """A visit to write as a reservation. ``number``: counts the reader's visits of a day."""

    id: ReservationId
    reader_id: ReaderId
    area_id: AreaId
    seat_id: SeatId
    number: int
    ending: ReservationState
    times: VisitTimes


@dataclass(frozen=True, slots=True)
class OpenArea:
    """An area that is open on one day. ``steps``: the times at which a visit may start; the
    closing time is not one of them. ``popularity``: demand for one of its seats, relative to 1."""

    area_id: AreaId
    seat_ids: tuple[SeatId, ...]
    policy: Policy
    bookable_from: datetime
    opens: datetime
    closes: datetime
    steps: tuple[datetime, ...]
    popularity: float = 1.0


@dataclass(frozen=True, slots=True)
class _PlannedVisit:
    """A visit before its reader is chosen. ``ahead``: it is booked before it starts. ``early``:
    the reader comes before it starts. ``not_before``: when the seat becomes free to book."""

    seat_id: SeatId
    ahead: bool
    early: bool
    start: datetime
    end: datetime
    not_before: datetime


def open_areas(zone: Zone, library: Catalog, policy: Policy, day: date) -> list[OpenArea]:
    areas = []
    for area in library.areas.values():
        seat_ids = tuple(seat.id for seat in area.seats if seat.unavailable_reason(day) is None)
        hours = policy.day_hours(zone, day, area.venue_id, area.id).hours
        if seat_ids and hours is not None:
            own = policy.resolve(library.venue_of(area.id), area.id, day)
            bookable_from = own.opens_at_instant(zone, day) or zone.midnight(
                day - timedelta(days=own.booking_window_days)
            )
            steps = time_steps(zone, own, hours)
            areas.append(
                OpenArea(area.id, seat_ids, own, bookable_from, hours.start, hours.end, steps)
            )
    return areas


class VisitGenerator:
    """Generates the visits of a day, seat by seat from opening to closing, so that no seat is
    booked twice. If a reader gives a seat back early, the rest of the booked time is taken only
    by readers who book on arrival (现在)."""

    def __init__(self, readers: ReaderPool, rng: random.Random) -> None:
        self._readers = readers
        self._rng = rng

    def generate(self, areas: Sequence[OpenArea], share: float) -> list[GeneratedVisit]:
        """The visits of a day in all areas, in order of booking; ``share`` scales their number."""
        visits: list[GeneratedVisit] = []
        for area in areas:
            share_here = share * area.popularity
            chances = [
                share_here * _ARRIVALS[self._readers.zone.local(step).hour] for step in area.steps
            ]
            for seat_id in area.seat_ids:
                visits += self._seat_day(area, chances, seat_id)
        visits.sort(key=lambda visit: visit.times.booked)
        return visits

    def _seat_day(
        self, area: OpenArea, chances: list[float], seat_id: SeatId
    ) -> Iterator[GeneratedVisit]:
        rng = self._rng
        free = booked_until = area.opens
        cancelled = _LONG_AGO
        for number, step in enumerate(area.steps):
            if rng.random() >= chances[number]:
                continue
            ahead = step >= booked_until and rng.random() < _PLANNED
            next_step = step + timedelta(minutes=area.policy.step_minutes)
            if ahead:
                start = step
            elif free < next_step:
                start = floor_minute(self._between(max(step, free), next_step))
            else:
                continue
            end = self._end(area, number, start)
            if end is None:
                continue
            early = ahead and start - _HALF_HOUR >= booked_until and rng.random() < 0.5
            plan = _PlannedVisit(seat_id, ahead, early, start, end, cancelled)
            visit = self._visit(area, plan)
            if visit is None:
                continue
            yield visit
            times = visit.times
            if visit.ending is ReservationState.CANCELLED:
                cancelled = times.ended
            else:
                booked_until = max(booked_until, times.renewed_end or times.end)
                free = min(floor_minute(times.ended) + _MINUTE, times.renewed_end or times.end)

    def _between(self, low: datetime, high: datetime) -> datetime:
        """A random instant, a whole number of seconds after ``low`` and before ``high``."""
        return low + timedelta(seconds=int(self._rng.random() * (high - low).total_seconds()))

    def _end(self, area: OpenArea, number: int, start: datetime) -> datetime | None:
        """A random end for a visit starting in step ``number``; None if too little time is left."""
        (length,) = self._rng.choices(range(1, len(_LENGTHS) + 1), _LENGTHS)
        for last in range(number + length, number, -1):
            end = area.steps[last] if last < len(area.steps) else area.closes
            if end - start <= area.policy.longest:
                return end if end - start >= timedelta(minutes=area.policy.min_minutes) else None
        return None

    def _visit(self, area: OpenArea, plan: _PlannedVisit) -> GeneratedVisit | None:
        """The planned visit with reader, booking time and ending; None if nobody can book it."""
        booked = self._booked(area, plan)
        if booked is None:
            return None
        deadline = max(booked, plan.start) + timedelta(minutes=area.policy.check_in_after_minutes)
        ending = self._ending(plan, booked)
        if deadline > plan.end or ending is None:
            return None
        attended = ending not in (ReservationState.NO_SHOW, ReservationState.CANCELLED)
        early = plan.early and attended
        span = TimeRange(plan.start - _HALF_HOUR if early else plan.start, plan.end)
        chosen = self._readers.choose(booked, span, ending is ReservationState.NO_SHOW, area.policy)
        if chosen is None:
            return None
        reader, number = chosen
        times = VisitTimes(booked, plan.start, plan.end, deadline)
        if ending is ReservationState.CANCELLED:
            times.ended = self._between(booked + _MINUTE, plan.start - 10 * _MINUTE)
        elif attended:
            times.checked_in = self._checked_in(area.policy, plan, booked)
            ending = self._stay(area, reader, ending, times)
        id = ReservationId(generated_id(booked, self._rng))
        return GeneratedVisit(id, reader.id, area.area_id, plan.seat_id, number, ending, times)

    def _booked(self, area: OpenArea, plan: _PlannedVisit) -> datetime | None:
        """A random time at which the visit is booked; None if no time is possible."""
        if not plan.ahead:
            booked = self._between(plan.start, plan.start + _MINUTE)
            return booked if booked > plan.not_before else None
        ahead = timedelta(minutes=5 + int(self._rng.expovariate(1 / 180)))
        earliest = max(plan.not_before + _SECOND, area.bookable_from)
        booked = max(earliest, plan.start - ahead - self._rng.randrange(60) * _SECOND)
        return booked if booked < plan.start - _MINUTE else None

    def _ending(self, plan: _PlannedVisit, booked: datetime) -> ReservationState | None:
        fate = self._rng.random()
        if not plan.ahead or fate >= 0.11:
            return ReservationState.FINISHED if fate > 0.55 else ReservationState.COMPLETED
        if fate < 0.03:
            return ReservationState.NO_SHOW
        return ReservationState.CANCELLED if booked <= plan.start - 40 * _MINUTE else None

    def _checked_in(self, policy: Policy, plan: _PlannedVisit, booked: datetime) -> datetime:
        if plan.early:
            before = min(25, policy.check_in_before_minutes) * _MINUTE
            return self._between(max(booked, plan.start - before) + _SECOND, plan.start)
        late = min(25 if plan.ahead else 9, policy.check_in_after_minutes) * _MINUTE
        begin = max(booked, plan.start)
        return self._between(begin + _SECOND, begin + late)

    def _stay(
        self, area: OpenArea, reader: SimulatedReader, ending: ReservationState, times: VisitTimes
    ) -> ReservationState:
        """Adds a visit's leave, return, renewal and end to ``times``; returns its final state."""
        assert times.checked_in is not None
        rng = self._rng
        latest = max(times.checked_in, times.start)
        if times.end - latest > 100 * _MINUTE and rng.random() < 0.4:
            left = self._between(latest + 10 * _MINUTE, times.end - 90 * _MINUTE)
            return_by = left + leave_duration(self._readers.zone, area.policy, left)
            if return_by <= times.end - _LAST_MINUTES:
                times.left = left
                if rng.random() < 0.03:
                    times.ended = return_by
                    return ReservationState.AWAY_EXPIRED
                times.returned = latest = self._between(left + 3 * _MINUTE, return_by)
        if rng.random() < 0.08:
            latest = self._renew(area, reader, latest, times)
        times.ended = times.renewed_end or times.end
        low, high = latest + 5 * _MINUTE, times.ended - _LAST_MINUTES
        if ending is ReservationState.FINISHED and low < high:
            times.ended = self._between(low, high)
            return ReservationState.FINISHED
        return ReservationState.COMPLETED

    def _renew(
        self, area: OpenArea, reader: SimulatedReader, latest: datetime, times: VisitTimes
    ) -> datetime:
        """Renews the stay to the next possible end, if the policy and the reader's bookings
        allow it. Returns the time of the renewal, or ``latest`` if there is no renewal."""
        within = timedelta(minutes=area.policy.extend_within_minutes)
        low, high = max(latest, times.end - within) + _SECOND, times.end - _LAST_MINUTES
        longer = next((end for end in (*area.steps, area.closes) if end > times.end), None)
        if low >= high or longer is None or longer - times.start > area.policy.longest:
            return latest
        if not self._readers.renew(reader, TimeRange(times.end, longer)):
            return latest
        times.renewed, times.renewed_end = self._between(low, high), longer
        return times.renewed
