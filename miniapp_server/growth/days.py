"""Draws days: who comes when, for how long, and how it ends."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Final

from miniapp_server.growth.readers import Readers
from miniapp_server.growth.visits import MINUTE, Course, Visit
from models.library import Area, AreaId, Library
from models.policy import Policy, grid
from models.reservation import State, leave_limit
from models.store.past import milliseconds
from models.timerange import at

_LEAST_MINUTES: Final = 50
"""Who checks in late is still told that the end is near: so each course has one history."""
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


class Days:
    """Draws days, each seat by itself from the opening on, so no seat and no reader is held twice.

    A reader's half hours are kept apart as the claims keep them; a visit that follows one which
    ended early begins by 现在, and one that follows a cancelled booking was made after that.
    """

    def __init__(self, library: Library, policy: Policy, readers: Readers, rng: random.Random):
        self._areas = [a for a in library.areas.values() if any(in_service(a))]
        self._policies = {area.id: policy.for_area(area.id) for area in self._areas}
        self._leaves = {id: _leaves(policy) for id, policy in self._policies.items()}
        self._readers = readers
        self._rng = rng
        self._machine = f"{rng.getrandbits(40):010x}"
        self._number = 0

    def places(self, day: date) -> list[_Place]:
        midnight = at(day, time(0))
        found = []
        for area in self._areas:
            policy = self._policies[area.id]
            hours = policy.open_day(day, area.venue_id, area.id).hours
            if hours is not None:
                steps = tuple(_minute(midnight, step) for step in grid(policy, hours))
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
        base = milliseconds(at(day, time(0)))
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
            drawn = self._visit(place, seat, base, planned, early, start, end, cancelled_at)
            if drawn is None:
                continue
            yield drawn
            if drawn.course.ending is State.CANCELLED:
                cancelled_at = drawn.visit.ended
                continue
            v = drawn.visit
            over = v.until if drawn.course.ending is State.NO_SHOW else v.ended or v.end
            if drawn.course.ending is State.AWAY_EXPIRED:
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

    def _visit(
        self,
        place: _Place,
        seat: bytes,
        base: int,
        planned: bool,
        early: bool,
        start: int,
        end: int,
        cancelled_at: int,
    ) -> Drawn | None:
        rng, policy = self._rng, place.policy
        chance = rng.random

        def within(low: int, high: int) -> int:
            return low + int(chance() * (high - low))

        begins, ends = base + start * MINUTE, base + end * MINUTE
        if planned:
            earliest = max(cancelled_at + 1000, base - policy.horizon_days * _DAY)
            made = max(earliest, begins - int(rng.expovariate(1 / 180) * MINUTE) - 5 * MINUTE)
            if made >= begins - MINUTE:
                return None
            until = begins + policy.check_in_after_minutes * MINUTE
        else:
            made = within(begins, begins + MINUTE)
            if made <= cancelled_at:
                return None
            until = made + policy.check_in_after_minutes * MINUTE
        if until > ends:
            return None
        fate = chance()
        ending = State.FINISHED if fate > 0.55 else State.COMPLETED
        if planned and fate < 0.11:
            ending = State.NO_SHOW if fate < 0.03 else State.CANCELLED
        attended = ending not in (State.NO_SHOW, State.CANCELLED)
        if ending is State.CANCELLED and made > begins - 40 * MINUTE:
            return None
        early = early and attended
        slot = 30 * MINUTE
        held = (
            (begins - slot if early else begins) // slot * slot,
            -(-ends // slot) * slot,
        )
        position, k = self._readers.choose(held, ending is State.NO_SHOW, policy)
        if position < 0:
            return None
        late = min(25, policy.check_in_after_minutes)
        arrived = left = return_by = back = extended = ended_at = 0
        booked = ends
        if attended:
            if early:
                arrived = within(max(made, begins - 25 * MINUTE) + 1000, begins - 1000)
            elif planned:
                arrived = within(begins + 1000, begins + late * MINUTE)
            else:
                arrived = within(made + 1000, made + 9 * MINUTE)
            latest = max(arrived, begins)
            if ends - latest > 100 * MINUTE and chance() < 0.4:
                low = latest + 10 * MINUTE
                left = within(low, ends - 90 * MINUTE) | 1
                limit = place.leaves[(left - base) // MINUTE] * MINUTE
                return_by = left + limit
                if return_by > ends - 25 * MINUTE:
                    left = return_by = 0
                elif chance() < 0.03:
                    ending = State.AWAY_EXPIRED
                else:
                    back = within(left + 3 * MINUTE, left + limit - 12 * MINUTE)
                    latest = back
            window = policy.extend_within_minutes * MINUTE
            low = max(latest, ends - window) + 1000
            if ending is not State.AWAY_EXPIRED and chance() < 0.08 and low < ends - 25 * MINUTE:
                longer = self._longer(place, start, end)
                if longer is not None and self._readers.stays(
                    position, held, longer * MINUTE + base
                ):
                    extended = latest = within(low, ends - 25 * MINUTE)
                    ends = base + longer * MINUTE
            if ending is State.FINISHED:
                low = latest + 5 * MINUTE
                if low < ends - 25 * MINUTE:
                    ended_at = within(low, ends - 25 * MINUTE)
                else:
                    ending = State.COMPLETED
        elif ending is State.CANCELLED:
            ended_at = within(made + MINUTE, begins - 10 * MINUTE)
        step = b"%d" % (arrived // (1000 * policy.kiosk_step_seconds)) if attended else b""
        reader = self._readers.at(position)
        visit = Visit(
            id=self.new_id(made).encode(),
            reader=reader,
            seat=seat,
            day=place.day,
            key=b"%032x" % rng.getrandbits(128),
            digest=b"%064x" % rng.getrandbits(256),
            step=step,
            made=made,
            start=begins,
            booked=booked,
            end=ends,
            opens=begins - policy.check_in_before_minutes * MINUTE,
            until=until,
            arrived=arrived,
            left=left,
            return_by=return_by,
            back=back,
            extended=extended,
            ended=ended_at,
        )
        course = _course(ending, not planned, early, left > 0, extended > 0)
        return Drawn(course, place.area.id, visit, position, k)

    def _longer(self, place: _Place, start: int, end: int) -> int | None:
        """The next end after this one."""
        later = [step for step in (*place.steps, place.closes) if step > end]
        return later[0] if later and later[0] - start <= place.policy.max_minutes else None


def in_service(area: Area) -> list[str]:
    return [seat.id for seat in area.seats if seat.disabled is None]


def _leaves(policy: Policy) -> tuple[int, ...]:
    # In the minute, not at its full stroke: a leave at 10:30 sharp would not touch 11:00.
    midnight = at(date(2026, 9, 7), time(0, 0, 1))
    instants = (midnight + timedelta(minutes=minute) for minute in range(24 * 60))
    return tuple(leave_limit(policy, left) // timedelta(minutes=1) for left in instants)


def _minute(midnight: datetime, instant: datetime) -> int:
    return (instant - midnight) // timedelta(minutes=1)


@cache
def _course(ending: State, now: bool, early: bool, left: bool, extended: bool) -> Course:
    return Course(ending, now, early, left, extended)
