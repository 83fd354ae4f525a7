"""Judges past bookings by another policy, assuming that readers would have acted the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from models.check_in.rules import leave_duration
from models.kernel.errors import RuleViolation
from models.kernel.ids import ReaderId
from models.kernel.time_range import floor_minute
from models.kernel.zone import Zone
from models.library.entities import AreaId
from models.policy.entities import Policy
from models.policy.open_hours import OpenHours
from models.readers.accommodations import Accommodation
from models.reservations.check_in_window import check_in_window
from models.reservations.rules import TimeSelection, resolve_time
from models.reservations.state_machine import ReservationState

PolicyLookup = Callable[[AreaId, date], tuple[Policy, OpenHours]]


@dataclass(frozen=True, slots=True)
class PastBooking:
    """A booking that is over. `asked_at`: when its time was requested. `temporary_leaves`: the
    start and end of each; the end is None if the reader did not return. `extended`: the reader
    renewed it. `deadlines_extended`: after an occupied-seat report or an outage. `waived`: its
    violation was waived."""

    reader_id: ReaderId
    area_id: AreaId
    state: ReservationState
    asked_at: datetime
    start: datetime
    end: datetime
    extended: bool
    deadlines_extended: bool
    checked_in_at: datetime | None
    allowance: Accommodation
    waived: bool
    temporary_leaves: tuple[tuple[datetime, datetime | None], ...]


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """The effects that a policy would have had on past bookings. `refused`: the number of
    bookings by the error code of the first rule that they break. Of the others, `no_shows` would
    have been missed, and `timeouts` would have ended by a leave that is too long. `suspended`:
    the number of readers whose violations reach the limit."""

    bookings: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    no_shows: int = 0
    timeouts: int = 0
    suspended: int = 0

    @property
    def refusals(self) -> int:
        return sum(self.refused.values())


class PolicySimulation:
    def __init__(self, zone: Zone, policy: Policy, rules_of: PolicyLookup) -> None:
        self._zone, self._policy, self._rules_of = zone, policy, rules_of
        self._bookings = self._no_shows = self._timeouts = 0
        self._refused = Counter[str]()
        self._counts = Counter[ReaderId]()
        self._violations: dict[ReaderId, list[tuple[date, datetime]]] = {}
        """The violations of each reader: the booking's day, and when the violation occurred."""

    def add(self, day: date, courses: Iterable[PastBooking]) -> None:
        """Judges the bookings of a day, which must come in the order in which they were made."""
        counts = self._counts
        for course in courses:
            if course.state in (
                ReservationState.CANCELLED,
                ReservationState.OFFERED,
                ReservationState.OFFER_EXPIRED,
            ):
                continue
            self._bookings += 1
            policy, place = self._rules_of(course.area_id, day)
            code = _refusal(self._zone, course, day, policy, place)
            if code is None and counts[course.reader_id] >= policy.daily_booking_limit:
                code = "daily_limit"
            if code is not None:
                self._refused[code] += 1
                continue
            counts[course.reader_id] += 1
            self._judge(course, day, policy)

    def finish_day(self) -> None:
        """Ends the day that was judged: the numbers of bookings of each reader, for the daily
        limit, start from zero."""
        self._counts.clear()

    @property
    def readers(self) -> list[ReaderId]:
        """The readers who have violations in the bookings judged so far."""
        return list(self._violations)

    def _judge(self, course: PastBooking, day: date, policy: Policy) -> None:
        policy = course.allowance.apply_to(policy)
        _, until, excused = check_in_window(course.start, course.end, course.asked_at, policy)
        came = course.checked_in_at
        if course.state is ReservationState.NO_SHOW or (
            came is not None and came > until and not course.deadlines_extended
        ):
            self._no_shows += 1
            if not excused:
                self._note(course, day, until)
            return
        for left, back in course.temporary_leaves:
            limit = min(left + leave_duration(self._zone, policy, left), course.end)
            if back is None or back > limit:
                self._timeouts += 1
                if policy.away_timeout_is_violation:
                    self._note(course, day, limit)
                return

    def _note(self, course: PastBooking, day: date, when: datetime) -> None:
        if not (course.deadlines_extended or course.waived):
            self._violations.setdefault(course.reader_id, []).append((day, when))

    def outcome(self, before: Mapping[ReaderId, Sequence[datetime]]) -> SimulationResult:
        """The result for the bookings judged so far. ``before``: for each reader, the times of
        violations from earlier bookings that still count."""
        suspended, policies = 0, {}
        for day in {day for entries in self._violations.values() for day, _ in entries}:
            policies[day] = self._policy.resolve(None, None, day)
        for reader_id, entries in self._violations.items():
            days = dict(sorted(entries, reverse=True))  # the first of each day
            times = [*before.get(reader_id, ()), *sorted(days.values())]
            suspended += any(
                _is_limit_reached(policies[day], times, when) for day, when in days.items()
            )
        return SimulationResult(
            self._bookings, dict(self._refused), self._no_shows, self._timeouts, suspended
        )


def _is_limit_reached(policy: Policy, times: Sequence[datetime], when: datetime) -> bool:
    """True if the violations in the policy's period ending at ``when`` lead to a suspension."""
    window = timedelta(days=policy.violations_window_days)
    return sum(when - window < earlier <= when for earlier in times) >= policy.violations_limit


def _refusal(
    zone: Zone, course: PastBooking, day: date, policy: Policy, place: OpenHours
) -> str | None:
    """The code of the first rule that the booking broke when it was made; None if it broke none."""
    at_once = course.start == floor_minute(course.asked_at)
    start = None if at_once else zone.local(course.start).time()
    selection = TimeSelection(day, start, zone.local(course.end).time())
    if course.extended:
        # The length before the extension is unknown, so the limit is not applied.
        policy = replace(policy, max_minutes=24 * 60)
    try:
        resolve_time(zone, selection, policy, place, course.asked_at)
    except RuleViolation as error:
        return error.code
    return None
