"""Draws days: who comes when, for how long, and how it ends."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Final

from miniapp_server.growth.readers import SLOT, Readers, until_slot
from miniapp_server.growth.visits import MINUTE, Course, Visit
from models.kernel.time_range import local_instant
from models.library.entities import Area, AreaId, Catalog
from models.policy.entities import Policy, time_steps
from models.reservations.state_machine import ReservationState
from models.reservations.transitions import leave_duration
from models.store.past import milliseconds

_LEAST_MINUTES: Final = 50
"""Who checks in late is still told that the end is near: so each course has one history."""
_LAST: Final = 25 * MINUTE
"""Nothing is drawn for the last minutes, when the end has been announced."""
_DAY: Final = 24 * 60 * MINUTE

# Shares of the free seats that are taken in each hour of the day. Ours, after what a full
# university library looks like in term.
_ARRIVALS: Final = (0.0,) * 7 + (
    *(0.30, 0.42, 0.30, 0.18, 0.10, 0.12, 0.25, 0.32),
    *(0.18, 0.12, 0.10, 0.28, 0.26, 0.12, 0.06, 0.02, 0.0),
)
_LENGTHS: Final = (0.25, 0.35, 0.2, 0.12, 0.05, 0.03)
"""Shares of visits of one, two, … steps."""


@dataclass(frozen=True, slots=True)
class _Place:
    """An area on one day, in minutes of the day."""

    area: Area
    policy: Policy
    day: bytes
    opens: int
    closes: int
    steps: tuple[int, ...]
    leaves: tuple[int, ...]
    """How many minutes a leave may last that begins in that minute."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A visit with its reader's position in the pool; ``k`` counts the reader's day."""

    course: Course
    area_id: AreaId
    visit: Visit
    position: int
    k: int


@dataclass(frozen=True, slots=True)
class _Wish:
    """A seat from when to when; made ``after`` somebody else cancelled it."""

    seat: bytes
    base: int
    planned: bool
    early: bool
    begins: int
    ends: int
    after: int


@dataclass(slots=True)
class _Stay:
    """What became of it, as far as it is drawn; ``latest`` is its last instant so far."""

    ending: ReservationState
    ends: int
    latest: int = 0
    arrived: int = 0
    left: int = 0
    return_by: int = 0
    back: int = 0
    extended: int = 0
    ended: int = 0


class Days:
    """Draws days, each seat by itself from the opening on, so no seat and no reader is held twice.

    A reader's half hours are kept apart as the claims keep them; a visit that follows one which
    ended early begins by 现在, and one that follows a cancelled booking was made after that.
    """

    def __init__(self, library: Catalog, policy: Policy, readers: Readers, rng: random.Random):
        self._areas = [a for a in library.areas.values() if any(in_service(a))]
        self._policies = {area.id: policy.resolve(area.id) for area in self._areas}
        self._leaves = {id: _leaves(policy) for id, policy in self._policies.items()}
        self._readers = readers
        self._rng = rng
        self._machine = f"{rng.getrandbits(40):010x}"
        self._number = 0

    def places(self, day: date) -> list[_Place]:
        midnight = local_instant(day, time(0))
        found = []
        for area in self._areas:
            policy = self._policies[area.id]
            hours = policy.day_hours(day, area.venue_id, area.id).hours
            if hours is not None:
                steps = tuple(_minute(midnight, step) for step in time_steps(policy, hours))
                bounds = _minute(midnight, hours.start), _minute(midnight, hours.end)
                found.append(
                    _Place(
                        area,
                        policy,
                        day.isoformat().encode(),
                        *bounds,
                        steps,
                        self._leaves[area.id],
                    )
                )
        return found

    def new_id(self, ms: int) -> str:
        """An id as the store makes them: seconds, machine, number."""
        self._number = (self._number + 1) & 0xFFFFFF
        return f"{ms // 1000:08x}{self._machine}{self._number:06x}"

    def draw(self, day: date, share: float) -> list[Drawn]:
        """The day's visits in the order of their making; ``share`` scales how many come."""
        base = milliseconds(local_instant(day, time(0)))
        self._readers.begin(base)
        found: list[Drawn] = []
        for place in self.places(day):
            chances = [share * _ARRIVALS[step // 60] for step in place.steps]
            for seat in in_service(place.area):
                found += self._seat_day(place, chances, seat.encode(), base)
        found.sort(key=lambda drawn: drawn.visit.made)
        return found

    def _seat_day(
        self, place: _Place, chances: list[float], seat: bytes, base: int
    ) -> Iterator[Drawn]:
        chance, policy = self._rng.random, place.policy
        free = booked_until = place.opens
        cancelled_at = 0
        for number, step in enumerate(place.steps):
            if chance() >= chances[number]:
                continue
            planned = step >= booked_until and chance() < 0.65
            last = step + policy.step_minutes - 1
            if planned:
                start = step
            elif free <= last:
                start = max(step, free)
                start += int(chance() * (last + 1 - start))
            else:
                continue
            end = self._end(place, number, start)
            if end is None:
                continue
            early = planned and start - 30 >= booked_until and chance() < 0.5
            span = base + start * MINUTE, base + end * MINUTE
            drawn = self._visit(place, _Wish(seat, base, planned, early, *span, cancelled_at))
            if drawn is None:
                continue
            yield drawn
            if drawn.course.ending is ReservationState.CANCELLED:
                cancelled_at = drawn.visit.ended
                continue
            v = drawn.visit
            over = v.until if drawn.course.ending is ReservationState.NO_SHOW else v.ended or v.end
            if drawn.course.ending is ReservationState.AWAY_EXPIRED:
                over = v.return_by
            free = (over - base) // MINUTE + 1 if over < v.end else (v.end - base) // MINUTE
            booked_until = (v.end - base) // MINUTE

    def _end(self, place: _Place, number: int, start: int) -> int | None:
        steps, policy = place.steps, place.policy
        least = max(_LEAST_MINUTES, policy.min_minutes)
        draw, length = self._rng.random(), 1
        for share in _LENGTHS:
            draw -= share
            if draw < 0:
                break
            length += 1
        while length:
            last = number + length
            end = steps[last] if last < len(steps) else place.closes
            if end - start <= policy.max_minutes:
                return end if end - start >= least else None
            length -= 1
        return None

    def _visit(self, place: _Place, wish: _Wish) -> Drawn | None:
        """The wish with its reader and its fate. None: nobody came."""
        rng, policy = self._rng, place.policy
        made = self._made(policy, wish)
        until = max(made, wish.begins) + policy.check_in_after_minutes * MINUTE
        ending = self._fate(wish, made)
        if made <= wish.after or until > wish.ends or ending is None:
            return None
        attended = ending not in (ReservationState.NO_SHOW, ReservationState.CANCELLED)
        early = wish.early and attended
        held = (wish.begins - SLOT if early else wish.begins) // SLOT * SLOT, until_slot(wish.ends)
        position, k = self._readers.choose(held, ending is ReservationState.NO_SHOW, policy)
        if position < 0:
            return None
        stay = _Stay(ending, wish.ends)
        if attended:
            self._sit_down(policy, wish, made, early, stay)
            self._leave(place, wish, stay)
            self._extend(place, wish, position, held, stay)
            self._finish(stay)
        elif ending is ReservationState.CANCELLED:
            stay.ended = self._within(made + MINUTE, wish.begins - 10 * MINUTE)
        step = stay.arrived // (1000 * policy.kiosk_code_seconds)
        visit = Visit(
            id=self.new_id(made).encode(),
            reader=self._readers.at(position),
            seat=wish.seat,
            day=place.day,
            key=b"%032x" % rng.getrandbits(128),
            digest=b"%064x" % rng.getrandbits(256),
            step=b"%d" % step if attended else b"",
            made=made,
            start=wish.begins,
            booked=wish.ends,
            end=stay.ends,
            opens=wish.begins - policy.check_in_before_minutes * MINUTE,
            until=until,
            arrived=stay.arrived,
            left=stay.left,
            return_by=stay.return_by,
            back=stay.back,
            extended=stay.extended,
            ended=stay.ended,
        )
        course = _course(stay.ending, not wish.planned, early, stay.left > 0, stay.extended > 0)
        return Drawn(course, place.area.id, visit, position, k)

    def _within(self, low: int, high: int) -> int:
        return low + int(self._rng.random() * (high - low))

    def _made(self, policy: Policy, wish: _Wish) -> int:
        """When it was booked; 0 where there was no time for it."""
        if not wish.planned:
            return self._within(wish.begins, wish.begins + MINUTE)
        ahead = int(self._rng.expovariate(1 / 180) * MINUTE) + 5 * MINUTE
        earliest = max(wish.after + 1000, wish.base - policy.booking_window_days * _DAY)
        made = max(earliest, wish.begins - ahead)
        return made if made < wish.begins - MINUTE else 0

    def _fate(self, wish: _Wish, made: int) -> ReservationState | None:
        fate = self._rng.random()
        if not wish.planned or fate >= 0.11:
            return ReservationState.FINISHED if fate > 0.55 else ReservationState.COMPLETED
        if fate < 0.03:
            return ReservationState.NO_SHOW
        return ReservationState.CANCELLED if made <= wish.begins - 40 * MINUTE else None

    def _sit_down(self, policy: Policy, wish: _Wish, made: int, early: bool, stay: _Stay) -> None:
        begins = wish.begins
        if early:
            stay.arrived = self._within(max(made, begins - 25 * MINUTE) + 1000, begins - 1000)
        elif wish.planned:
            late = min(25, policy.check_in_after_minutes)
            stay.arrived = self._within(begins + 1000, begins + late * MINUTE)
        else:
            stay.arrived = self._within(made + 1000, made + 9 * MINUTE)
        stay.latest = max(stay.arrived, begins)

    def _leave(self, place: _Place, wish: _Wish, stay: _Stay) -> None:
        """A leave from a long stay, mostly with a return in good time."""
        if stay.ends - stay.latest <= 100 * MINUTE or self._rng.random() >= 0.4:
            return
        left = self._within(stay.latest + 10 * MINUTE, stay.ends - 90 * MINUTE) | 1
        limit = place.leaves[(left - wish.base) // MINUTE] * MINUTE
        if left + limit > stay.ends - _LAST:
            return
        stay.left, stay.return_by = left, left + limit
        if self._rng.random() < 0.03:
            stay.ending = ReservationState.AWAY_EXPIRED
        else:
            stay.back = stay.latest = self._within(left + 3 * MINUTE, left + limit - 12 * MINUTE)

    def _extend(
        self, place: _Place, wish: _Wish, position: int, held: tuple[int, int], stay: _Stay
    ) -> None:
        low = max(stay.latest, stay.ends - place.policy.extend_within_minutes * MINUTE) + 1000
        if stay.ending is ReservationState.AWAY_EXPIRED or low >= stay.ends - _LAST:
            return
        if self._rng.random() >= 0.08:
            return
        start, end = ((ms - wish.base) // MINUTE for ms in (wish.begins, stay.ends))
        longer = self._longer(place, start, end)
        if longer is None:
            return
        ends = wish.base + longer * MINUTE
        if self._readers.stays(position, held, ends):
            stay.extended = stay.latest = self._within(low, stay.ends - _LAST)
            stay.ends = ends

    def _finish(self, stay: _Stay) -> None:
        if stay.ending is not ReservationState.FINISHED:
            return
        low, high = stay.latest + 5 * MINUTE, stay.ends - _LAST
        if low < high:
            stay.ended = self._within(low, high)
        else:
            stay.ending = ReservationState.COMPLETED

    def _longer(self, place: _Place, start: int, end: int) -> int | None:
        """The next end after this one."""
        later = [step for step in (*place.steps, place.closes) if step > end]
        return later[0] if later and later[0] - start <= place.policy.max_minutes else None


def in_service(area: Area) -> list[str]:
    return [seat.id for seat in area.seats if seat.disabled is None]


def _leaves(policy: Policy) -> tuple[int, ...]:
    # In the minute, not at its full stroke: a leave at 10:30 sharp would not touch 11:00.
    midnight = local_instant(date(2026, 9, 7), time(0, 0, 1))
    instants = (midnight + timedelta(minutes=minute) for minute in range(24 * 60))
    return tuple(leave_duration(policy, left) // timedelta(minutes=1) for left in instants)


def _minute(midnight: datetime, instant: datetime) -> int:
    return (instant - midnight) // timedelta(minutes=1)


@cache
def _course(ending: ReservationState, now: bool, early: bool, left: bool, extended: bool) -> Course:
    return Course(ending, now, early, left, extended)
