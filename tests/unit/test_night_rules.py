"""The booking rules where hours cross midnight, and in a library that never closes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.affected_bookings.service import _offer_deadline
from models.booking import time_choices
from models.check_in import rules as check_in_rules
from models.kernel.time_range import TimeRange
from models.library.entities import AreaId
from models.policy.entities import OpeningRule, Policy
from models.policy.open_hours import open_hours
from models.reservations import rules
from models.reservations.rules import TimeSelection
from tests.builders import (
    AREA,
    MONDAY,
    TOMORROW,
    VENUE,
    ZONE,
    but,
    hours,
    in_use,
    on,
    outcome,
    reserved,
    shifted,
)
from tests.unit.booking_rules import AFTER_TOMORROW, HALL, UPPER, decide

ALWAYS = replace(HALL, opening=(OpeningRule(time(0), time(0)),))


def test_a_booking_may_cross_midnight_within_the_hours() -> None:
    late = shifted(HALL, timedelta(hours=8))  # 15:00–06:30
    span = decide("now", "01:00", "23:10", MONDAY, late)
    assert span == hours("23:10", "01:00")
    assert decide("01:00", "03:00", "23:10", TOMORROW, late) == hours("01:00", "03:00", TOMORROW)
    always = replace(HALL, opening=(OpeningRule(time(0), time(0)),))
    assert decide("22:00", "02:00", "08:00", MONDAY, always) == hours("22:00", "02:00")
    assert outcome(lambda: decide("22:00", "03:00", "08:00", MONDAY, always)) == "too_long"
    short = (OpeningRule(time(0), time(0), last=MONDAY), OpeningRule(time(9), time(17)))
    closing = replace(always, opening=(short[1], short[0]))
    assert outcome(lambda: decide("23:00", "01:00", "08:00", MONDAY, closing)) == "closed"
    assert outcome(lambda: decide("23:00", "00:00", "08:00", MONDAY, closing)) == "ok"


@given(
    opens=st.integers(0, 47), lasts=st.integers(1, 48), second=st.integers(0, 48),
    begin=st.integers(0, 95), length=st.integers(1, 48), step=st.sampled_from([30, 60, 90]),
)  # fmt: skip
def test_open_hours_join_the_hours_of_both_days(
    opens: int, lasts: int, second: int, begin: int, length: int, step: int
) -> None:
    """Compared with half hours counted one by one, over two days with different hours."""
    half = timedelta(minutes=30)

    def rule(lasting: int, first: date | None = None) -> OpeningRule:
        start = on("00:00") + opens * half
        closes = ZONE.local(start + lasting * half).time()
        return OpeningRule(ZONE.local(start).time(), closes, first=first)

    usual = rule(lasts)
    other = rule(second, TOMORROW) if second else OpeningRule(None, None, TOMORROW)
    policy = replace(HALL, opening=(usual, other), step_minutes=step, max_minutes=1440)
    open_halves = {
        n * 48 + opens + k
        for n, rule_lasts in ((-1, lasts), (0, lasts), (1, second), (2, second))
        for k in range(rule_lasts)
        # A closure of tomorrow ends the night before it at midnight.
        if second or n * 48 + opens + k < 48
    }
    start = on("00:00") + begin * half
    span = TimeRange(start, start + length * half)
    place = open_hours(ZONE, policy, ZONE.day(start), VENUE, AREA)
    assert place.covers(span.start, span.end) == (set(range(begin, begin + length)) <= open_halves)
    offered = [
        (begun, end)
        for _, begun in time_choices.start_choices(
            ZONE, ZONE.day(start), policy, place, on("00:00")
        )
        if (hours_found := place.containing(begun)) is not None
        for end in time_choices.end_choices(ZONE, begun, policy, hours_found)
    ]
    assert all(place.covers(*choice) for choice in offered)
    assert all(ZONE.day(begun) == ZONE.day(start) for begun, _ in offered)
    if begin * 30 % step == 0 and (begin % 48) * 30 % step == 0 and length * 30 % step == 0:
        crossing = ((begin % 48) + length) > 48
        if place.covers(span.start, span.end) and not crossing and start > on("00:00"):
            assert (span.start, span.end) in offered


@pytest.mark.parametrize("now", ["06:00", "07:00:30", "11:59:59", "16:08", "21:55", "22:20:40"])
@pytest.mark.parametrize("area", [AREA, UPPER])
@pytest.mark.parametrize("policy", [HALL, shifted(HALL, timedelta(hours=4, minutes=30)), ALWAYS])
def test_every_offered_time_is_accepted(now: str, area: AreaId, policy: Policy) -> None:
    seen = 0
    for day in (MONDAY, TOMORROW):
        place = open_hours(ZONE, policy, day, VENUE, area)
        numbers = policy.resolve(None, area)
        for value, start in time_choices.start_choices(ZONE, day, numbers, place, on(now)):
            open_then = place.containing(start)
            assert open_then is not None
            for end in time_choices.end_choices(ZONE, start, numbers, open_then):
                wish = TimeSelection(
                    day,
                    None if value == "now" else time.fromisoformat(value),
                    ZONE.local(end).time(),
                )
                span = rules.resolve_time(ZONE, wish, numbers, place, on(now))
                assert (span.start, span.end) == (start, end)
                seen += ZONE.day(end) > day
    assert (seen > 0) == (policy is not HALL), "some go over midnight"


def test_a_leave_over_midnight_counts_the_meal_times_of_both_days() -> None:
    r = in_use(reserved("22:00", "03:00", made="21:30"))
    supper = replace(HALL, meal_times=((time(0), time(1)),))
    for left, back in (
        (on("23:29"), on("23:59")),
        (on("23:31"), on("00:31", TOMORROW)),
        (on("00:59", TOMORROW), on("01:59", TOMORROW)),
        (on("01:00", TOMORROW), on("01:30", TOMORROW)),
    ):
        assert check_in_rules.decide_return_by(ZONE, r, supper, left) == back


def test_a_stay_touches_two_days_at_most() -> None:
    r = but(in_use(), start=on("01:00"), end=on("23:00", TOMORROW))
    place, now = open_hours(ZONE, ALWAYS, TOMORROW, VENUE, AREA), on("22:30", TOMORROW)
    midnight = on("00:00", AFTER_TOMORROW)
    assert check_in_rules.renewal_choices(ZONE, r, ALWAYS, place, now) == [midnight]
    for end, expected in ((time(0), "ok"), (time(1), "off_grid")):
        renewed = partial(check_in_rules.renewal_end, ZONE, r, end, ALWAYS, place, now)
        assert outcome(renewed) == expected


@pytest.mark.parametrize(
    ("now", "booked", "until"),
    [
        # For two hours, but no longer than until it begins or, once it has begun, ten minutes.
        (on("10:00"), hours("14:00", "16:00"), on("12:00")),
        (on("10:00"), hours("10:30", "12:00"), on("10:30")),
        (on("10:00"), hours("09:00", "12:00"), on("10:10")),
        (on("10:00"), hours("09:00", "10:05"), on("10:05")),
        # Two hours of the morning, for who sleeps.
        (on("22:29:59"), hours("10:00", "12:00", TOMORROW), on("00:29:59", TOMORROW)),
        (on("22:30"), hours("10:00", "12:00", TOMORROW), on("09:00", TOMORROW)),
        (on("02:00", TOMORROW), hours("10:00", "12:00", TOMORROW), on("09:00", TOMORROW)),
        (on("06:59:59", TOMORROW), hours("08:00", "12:00", TOMORROW), on("08:00", TOMORROW)),
        (on("07:00", TOMORROW), hours("10:00", "12:00", TOMORROW), on("09:00", TOMORROW)),
        # In a night room that sleeper is sitting there.
        (on("22:30"), hours("23:30", "01:30"), on("23:30")),
        (on("23:50"), hours("23:30", "01:30"), on("00:00", TOMORROW)),
    ],
)
def test_the_deadline_of_a_replacement_offer_leaves_time_to_answer(
    now: datetime, booked: TimeRange, until: datetime
) -> None:
    assert _offer_deadline(ZONE, booked, now) == until
