"""Past bookings judged under other policies, compared with a simulation in minutes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.kernel.ids import ReaderId
from models.library.entities import AreaId
from models.policy.entities import OpeningRule, Policy, PolicyOverride
from models.policy.open_hours import OpenHours, open_hours
from models.policy_preview.service import DAYS as COMPARED
from models.policy_preview.service import past_booking, under_override
from models.policy_preview.simulation import PastBooking, PolicySimulation, SimulationResult
from models.readers.accommodations import NO_ACCOMMODATION, Accommodation
from models.reservations import transitions as reservations_transitions
from models.reservations.state_machine import ReservationState
from models.seat_reports import transitions as seat_reports_transitions
from tests.builders import (
    AREA,
    BY_READER,
    MONDAY,
    PROOF,
    TOMORROW,
    VENUE,
    ZONE,
    hours,
    in_use,
    on,
    on_seat,
    reserved,
    shifted,
)

DAYS = [MONDAY + timedelta(days=n) for n in range(7)]
MINUTE = timedelta(minutes=1)
EARLIER = [
    # As long before a deadline of the week as a window is, to the minute.
    *(on(clock) - timedelta(days=n) for clock in ("09:00", "09:45") for n in (1, 2, 3, 29, 30)),
]
STATES = [state for state in ReservationState if state is not ReservationState.RESERVED]


def simulated(
    policy: Policy, days: dict[date, list[PastBooking]], before: dict[ReaderId, list[datetime]]
) -> SimulationResult:
    """The result of the code."""

    def rules_of(area: AreaId, day: date) -> tuple[Policy, OpenHours]:
        return policy.resolve(None, area, day), open_hours(ZONE, policy, day, VENUE, area)

    simulation = PolicySimulation(ZONE, policy, rules_of)
    for day, past in days.items():
        simulation.add(day, past)
        simulation.finish_day()
    return simulation.outcome(before)


def by_brute_force(
    policy: Policy, days: dict[date, list[PastBooking]], before: dict[ReaderId, list[datetime]]
) -> SimulationResult:
    """The result of a simple count in minutes since the day began, independent of the code's
    rules."""
    refused: dict[str, int] = defaultdict(int)
    bookings = no_shows = timeouts = 0
    violations: dict[ReaderId, dict[date, datetime]] = defaultdict(dict)
    for day, past in days.items():
        booked: dict[ReaderId, int] = defaultdict(int)
        for c in past:
            if c.state in (
                ReservationState.CANCELLED,
                ReservationState.OFFERED,
                ReservationState.OFFER_EXPIRED,
            ):
                continue
            bookings += 1
            code = why_not(policy, day, c)
            if code is None and booked[c.reader_id] == policy.daily_booking_limit:
                code = "daily_limit"
            if code:
                refused[code] += 1
                continue
            booked[c.reader_id] += 1
            more = c.allowance
            minutes = policy.check_in_after_minutes + more.check_in_minutes
            patience = max(c.start, c.asked_at) + minutes * MINUTE
            deadline = min(patience, c.end)
            late = (
                c.checked_in_at is not None
                and c.checked_in_at > deadline
                and not c.deadlines_extended
            )
            if c.state is ReservationState.NO_SHOW or late:
                no_shows += 1
                if deadline == patience and not (c.deadlines_extended or c.waived):
                    first = violations[c.reader_id].get(day, deadline)
                    violations[c.reader_id][day] = min(first, deadline)
                continue
            for left, back in c.temporary_leaves:
                short = policy.leave_minutes + more.leave_minutes
                minutes = short
                for begin, end in policy.meal_times:
                    over = 1440 if end <= begin else 0
                    meal = {m % 1440 for m in range(of(begin), of(end) + over)}
                    gone = ZONE.local(left)
                    away = {(gone.hour * 60 + gone.minute + m) % 1440 for m in range(short)}
                    if meal & away:
                        minutes = policy.meal_leave_minutes + more.leave_minutes
                until = min(left + minutes * MINUTE, c.end)
                if back is None or back > until:
                    timeouts += 1
                    if policy.away_timeout_is_violation and not (c.deadlines_extended or c.waived):
                        first = violations[c.reader_id].get(day, until)
                        violations[c.reader_id][day] = min(first, until)
                    break
    suspended = 0
    for reader, instants in violations.items():
        everything = sorted([*before.get(reader, []), *instants.values()])
        for when in instants.values():
            since = when - timedelta(days=policy.violations_window_days)
            if len([v for v in everything if since < v <= when]) >= policy.violations_limit:
                suspended += 1
                break
    return SimulationResult(bookings, dict(refused), no_shows, timeouts, suspended)


def of(clock: time) -> int:
    return clock.hour * 60 + clock.minute


def why_not(policy: Policy, day: date, c: PastBooking) -> str | None:
    ahead = (day - ZONE.day(c.asked_at)).days
    if ahead > policy.booking_window_days:
        return "outside_horizon"
    if policy.booking_opens_at is not None and ahead > 0:
        since = ZONE.instant(
            day - timedelta(days=policy.booking_window_days), policy.booking_opens_at
        )
        if c.asked_at < since:
            return "not_open_yet"
    start, end = (int((t - on("00:00", day)) / MINUTE) for t in (c.start, c.end))
    (hours,) = policy.opening
    assert hours.opens is not None and hours.closes is not None
    opens, closes = of(hours.opens), of(hours.closes)
    if closes <= opens:
        # Over midnight: this day's night, or the rest of the last one's.
        closes += 1440
        if start < closes - 1440:
            opens, closes = opens - 1440, closes - 1440
    if start < opens or start >= closes or end > closes:
        return "closed"
    at_once = c.asked_at.replace(second=0, microsecond=0) == c.start
    if not at_once and start % policy.step_minutes:
        return "off_grid"
    if end - start < policy.min_minutes:
        return "too_short"
    if end != closes and end % policy.step_minutes:
        return "off_grid"
    if not c.extended and end - start > policy.max_minutes:
        return "too_long"
    return None


@st.composite
def bookings(draw: st.DrawFn, day: date, later: timedelta) -> PastBooking:
    at_once = draw(st.booleans())
    begin = draw(st.sampled_from([18, *range(14, 44)])) * 30 * MINUTE + later
    closes = on("22:30", day) + later
    start = on("00:00", day) + begin
    if begin >= timedelta(days=1):  # in the rest of the last night
        start, closes = start - timedelta(days=1), closes - timedelta(days=1)
    if at_once:
        asked_at = start + timedelta(seconds=draw(st.integers(0, 59)))
    else:
        asked_at = start - draw(st.integers(1, 3000)) * MINUTE
    end = min(start + draw(st.integers(1, 12)) * 30 * MINUTE, closes)
    if end <= start:
        end = start + 30 * MINUTE
    state = draw(st.sampled_from([ReservationState.NO_SHOW, ReservationState.FINISHED, *STATES]))
    came, absences = None, []
    if state not in (
        ReservationState.NO_SHOW,
        ReservationState.CANCELLED,
        ReservationState.OFFERED,
        ReservationState.OFFER_EXPIRED,
    ):
        came = start + draw(st.integers(-30, 60)) * MINUTE
        here = max(came, start)
        for _ in range(draw(st.integers(0, 2))):
            left = here + draw(st.integers(1, 50)) * MINUTE
            returned = left + draw(st.sampled_from([5, 10, 11, 30, 31, 60, 61, 90])) * MINUTE
            last = draw(st.integers(0, 9)) == 0
            absences.append((left, None if last else returned))
            if last:
                break
            here = returned
    return PastBooking(
        reader_id=ReaderId(draw(st.sampled_from("ab"))),
        area_id=AREA,
        state=state,
        asked_at=asked_at,
        start=start,
        end=end,
        extended=draw(st.booleans()),
        deadlines_extended=draw(st.integers(0, 5)) == 0,
        checked_in_at=came,
        allowance=draw(
            st.sampled_from([NO_ACCOMMODATION, NO_ACCOMMODATION, Accommodation(False, 10, 20)])
        ),
        waived=draw(st.integers(0, 5)) == 0,
        temporary_leaves=tuple(absences),
    )


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    least = draw(st.sampled_from([10, 60, 120]))
    return Policy(
        booking_window_days=draw(st.integers(1, 3)),
        booking_opens_at=draw(st.sampled_from([None, time(7), time(18)])),
        step_minutes=draw(st.sampled_from([30, 30, 60])),
        min_minutes=least,
        max_minutes=draw(st.sampled_from([120, 240, 360])),
        daily_booking_limit=draw(st.integers(1, 3)),
        check_in_after_minutes=draw(st.sampled_from([5, 45, 120])),
        leave_minutes=draw(st.sampled_from([10, 30, 60])),
        meal_leave_minutes=draw(st.sampled_from([10, 60, 90])),
        meal_times=draw(
            st.sampled_from([Policy().meal_times, ((time(23, 30), time(1)), (time(20), time(21)))])
        ),
        away_timeout_is_violation=draw(st.booleans()),
        violations_limit=draw(st.integers(1, 3)),
        violations_window_days=draw(st.sampled_from([1, 3, 30])),
    )


@st.composite
def weeks(draw: st.DrawFn, later: timedelta) -> dict[date, list[PastBooking]]:
    return {day: draw(st.lists(bookings(day, later), max_size=6)) for day in DAYS}


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(timedelta(), id="day"),
        pytest.param(timedelta(hours=8), id="night", marks=pytest.mark.whole),
    ],
)
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_the_simulation_equals_a_recount_by_minutes(later: timedelta, data: st.DataObject) -> None:
    """Opening hours from 7:00 to 22:30, and from 15:00 to 6:30."""
    policy, days = shifted(data.draw(policies()), later), data.draw(weeks(later))
    before = data.draw(
        st.dictionaries(
            st.sampled_from([ReaderId(r) for r in "ab"]),
            st.lists(st.sampled_from(EARLIER), max_size=3),
        )
    )
    assert simulated(policy, days, before) == by_brute_force(policy, days, before)


def booked(start: datetime, end: datetime, came: datetime | None = None) -> PastBooking:
    """A stay without leaves, or a no-show; it was requested on Monday at eight."""
    state = ReservationState.FINISHED if came else ReservationState.NO_SHOW
    return PastBooking(
        ReaderId("a"), AREA, state, on("08:00"), start, end,
        extended=False, deadlines_extended=False, checked_in_at=came,
        allowance=NO_ACCOMMODATION, waived=False, temporary_leaves=(),
    )  # fmt: skip


def test_two_no_shows_around_midnight_count_on_their_own_days() -> None:
    """One begins before midnight and is missed after it, the other is missed on the next day."""
    late, early = (
        booked(start, start + 120 * MINUTE) for start in (on("23:30"), on("20:00", TOMORROW))
    )
    policy = Policy(violations_limit=2, opening=(OpeningRule(time(0), time(0)),), step_minutes=30)
    days = {MONDAY: [late], TOMORROW: [early]}
    assert simulated(policy, days, {}).suspended == 1
    assert simulated(policy, {MONDAY: [late, late]}, {}).suspended == 0, "one a day"


def test_the_simulation_uses_the_values_of_area_and_day() -> None:
    booking = booked(on("09:00"), on("12:00"), came=on("09:00"))
    usual = Policy()
    short = replace(usual, areas={AREA: {"max_minutes": 120}})
    assert simulated(usual, {MONDAY: [booking]}, {}).refused == {}
    assert simulated(short, {MONDAY: [booking]}, {}).refused == {"too_long": 1}


def test_a_seat_change_during_a_stay_is_not_judged_as_a_new_booking() -> None:
    """The seat was occupied, and the reader moved later. The booking was requested at eight
    only."""
    r = in_use(reserved("09:00", "12:00"))
    r = seat_reports_transitions.report_occupied(
        r, "occupied", PROOF, "o:x", BY_READER, on("10:10")
    )
    r = reservations_transitions.move_seat(
        r,
        on_seat(r, "2f-hall-066", hours("10:20", "12:00")),
        actor=BY_READER,
        now=on("10:20"),
    )
    assert [entry.event for entry in r.history][-1] == "change"
    booking = past_booking(r, Policy(), NO_ACCOMMODATION, forgiven=False)
    assert booking.asked_at == on("08:00") and booking.deadlines_extended
    assert simulated(Policy(), {MONDAY: [booking]}, {}).refused == {}


def test_a_future_override_is_judged_on_the_compared_days() -> None:
    usual, later = Policy(), MONDAY + timedelta(days=60)
    for last in (later + timedelta(days=9), None):
        exams = PolicyOverride("考试周", later, last, {"max_minutes": 120}, AREA)
        then = under_override(usual, exams, MONDAY)
        for day in (MONDAY - timedelta(days=n) for n in range(1, COMPARED + 1)):
            assert then.resolve(None, AREA, day).max_minutes == 120
            assert then.resolve(None, None, day) == usual
