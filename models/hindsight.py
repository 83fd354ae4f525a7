"""What the last days would have been under other rules: bookings that were made, judged again.

Nothing is guessed: who did not come is not thought to have come later, and who was refused is not
thought to have booked something else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from models.allowance import Allowance
from models.errors import RuleViolation
from models.library import AreaId
from models.policy import OpenDay, Policy
from models.reservation import ReaderId, State, check_in_window, leave_limit
from models.rules import Wish, decide_span
from models.timerange import floor_minute, local, local_date

RulesOf = Callable[[AreaId, date], tuple[Policy, OpenDay]]
"""The rules of an area on a day, and its opening hours."""


@dataclass(frozen=True, slots=True)
class Course:
    """How a booking went. ``asked_at``: when it got its time. ``absences``: from leaving
    to coming back; no end where nobody came. ``helped``: its deadlines were others: its seat was
    taken by somebody, or the service had been away. ``allowance`` is the reader's; ``forgiven``:
    whatever it was has been waived."""

    reader_id: ReaderId
    area_id: AreaId
    state: State
    asked_at: datetime
    start: datetime
    end: datetime
    extended: bool
    helped: bool
    checked_in_at: datetime | None
    allowance: Allowance
    forgiven: bool
    absences: tuple[tuple[datetime, datetime | None], ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """``refused`` bookings by the code of the first rule that they break; of the others, how many
    would have been missed, and lost by a leave that was too long; and how many readers would have
    had so many violations that they are suspended."""

    bookings: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    no_shows: int = 0
    timeouts: int = 0
    suspended: int = 0

    @property
    def refusals(self) -> int:
        return sum(self.refused.values())


class Recount:
    """Takes in the courses day by day."""

    def __init__(self, policy: Policy, rules_of: RulesOf) -> None:
        self._policy, self._rules_of = policy, rules_of
        self._bookings = self._no_shows = self._timeouts = 0
        self._refused = Counter[str]()
        self._counts = Counter[ReaderId]()
        self._violations: dict[ReaderId, list[datetime]] = {}

    def add(self, day: date, courses: Iterable[Course]) -> None:
        """Bookings of that day, in the order in which they were made."""
        counts = self._counts
        for course in courses:
            if course.state in (State.CANCELLED, State.HELD, State.LAPSED):
                continue
            self._bookings += 1
            policy, place = self._rules_of(course.area_id, day)
            code = _refusal(course, day, policy, place)
            if code is None and counts[course.reader_id] >= policy.bookings_per_day:
                code = "daily_limit"
            if code is not None:
                self._refused[code] += 1
                continue
            counts[course.reader_id] += 1
            self._judge(course, policy)

    def end_day(self) -> None:
        """No more come of the day."""
        self._counts.clear()

    @property
    def readers(self) -> list[ReaderId]:
        """Who would have violations."""
        return list(self._violations)

    def _judge(self, course: Course, policy: Policy) -> None:
        policy = course.allowance.under(policy)
        _, until, excused = check_in_window(course.start, course.end, course.asked_at, policy)
        came = course.checked_in_at
        if course.state is State.NO_SHOW or (
            came is not None and came > until and not course.helped
        ):
            self._no_shows += 1
            if not excused:
                self._note(course, until)
            return
        for left, back in course.absences:
            limit = min(left + leave_limit(policy, left), course.end)
            if back is None or back > limit:
                self._timeouts += 1
                if policy.away_timeout_is_violation:
                    self._note(course, limit)
                return

    def _note(self, course: Course, when: datetime) -> None:
        if not (course.helped or course.forgiven):
            self._violations.setdefault(course.reader_id, []).append(when)

    def outcome(self, before: Mapping[ReaderId, Sequence[datetime]]) -> Outcome:
        """``before``: when readers had violations that counted, before the first of the days."""
        window = timedelta(days=self._policy.violations_window_days)
        limit = self._policy.violations_limit
        suspended = 0
        for reader_id, found in self._violations.items():
            days = {local_date(when): when for when in sorted(found, reverse=True)}  # one a day
            times = [*before.get(reader_id, ()), *sorted(days.values())]
            suspended += any(
                sum(when - window < earlier <= when for earlier in times) >= limit
                for when in days.values()
            )
        return Outcome(
            self._bookings, dict(self._refused), self._no_shows, self._timeouts, suspended
        )


def _refusal(course: Course, day: date, policy: Policy, place: OpenDay) -> str | None:
    """The code of the first rule that the booking would have broken when it was made."""
    at_once = course.start == floor_minute(course.asked_at)
    start = None if at_once else local(course.start).time()
    wish = Wish(day, start, local(course.end).time())
    if course.extended:
        # How long it was to be at first is not known any more.
        policy = replace(policy, max_minutes=24 * 60)
    try:
        decide_span(wish, policy, place, course.asked_at)
    except RuleViolation as error:
        return error.code
    return None
