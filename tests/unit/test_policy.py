"""Opening hours by rule and priority, the grid, and an area's own numbers."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from datetime import date, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.kernel.time_range import TimeRange, local_instant, to_local
from models.library.entities import AreaId, VenueId
from models.policy.entities import (
    AREA_OVERRIDABLE,
    DayHours,
    OpeningRule,
    Policy,
    PolicyOverride,
    time_steps,
)
from tests.builders import AREA, MONDAY, TOMORROW, VENUE, hours, on

BOOKING_PAGE = Path(__file__).parents[2] / "docs" / "booking.md"
UPPER = AreaId("4f-hall")
OTHER = VenueId("annex")
SATURDAY = MONDAY + timedelta(days=5)

ALWAYS = OpeningRule(time(7), time(22, 30))
WEEKEND = OpeningRule(time(9), time(17), weekdays=frozenset({5, 6}), reason="周末")
HOLIDAY = OpeningRule(None, None, first=MONDAY, last=TOMORROW, reason="校庆闭馆", priority=5)
AREA_CLOSED = OpeningRule(None, None, area_id=AREA, reason="区域检修", priority=9)
ANNEX = OpeningRule(time(8), time(12), venue_id=OTHER)
EXAMS = OpeningRule(time(6), time(23), first=MONDAY, last=MONDAY, priority=7)


@pytest.mark.parametrize(
    ("rules", "day", "venue", "area", "expected"),
    [
        ((ALWAYS,), MONDAY, VENUE, AREA, ("07:00", "22:30", "")),
        ((), MONDAY, VENUE, AREA, ""),
        ((ALWAYS, WEEKEND), MONDAY, VENUE, AREA, ("07:00", "22:30", "")),
        ((ALWAYS, WEEKEND), SATURDAY, VENUE, AREA, ("09:00", "17:00", "周末")),
        ((WEEKEND, ALWAYS), SATURDAY, VENUE, AREA, ("07:00", "22:30", "")),  # the later one
        ((HOLIDAY, ALWAYS), MONDAY, VENUE, AREA, "校庆闭馆"),  # the higher one, wherever it is
        ((HOLIDAY, ALWAYS), TOMORROW, VENUE, AREA, "校庆闭馆"),
        ((HOLIDAY, ALWAYS), TOMORROW + timedelta(days=1), VENUE, AREA, ("07:00", "22:30", "")),
        ((HOLIDAY, ALWAYS), MONDAY - timedelta(days=1), VENUE, AREA, ("07:00", "22:30", "")),
        ((ALWAYS, HOLIDAY, EXAMS), MONDAY, VENUE, AREA, ("06:00", "23:00", "")),
        ((ALWAYS, AREA_CLOSED), MONDAY, VENUE, AREA, "区域检修"),
        ((ALWAYS, AREA_CLOSED), MONDAY, VENUE, UPPER, ("07:00", "22:30", "")),
        ((ALWAYS, AREA_CLOSED), MONDAY, VENUE, None, ("07:00", "22:30", "")),
        ((ALWAYS, ANNEX), MONDAY, OTHER, AREA, ("08:00", "12:00", "")),
        ((ALWAYS, ANNEX), MONDAY, VENUE, AREA, ("07:00", "22:30", "")),
    ],
)
def test_open_day(
    rules: tuple[OpeningRule, ...],
    day: date,
    venue: VenueId,
    area: AreaId | None,
    expected: tuple[str, str, str] | str,
) -> None:
    """``expected``: opens, closes, reason; or the reason of a closure."""
    found = Policy(opening=rules).day_hours(day, venue, area)
    if isinstance(expected, str):
        assert found == DayHours(None, expected)
    else:
        assert found == DayHours(hours(expected[0], expected[1], day), expected[2])


opening = st.builds(
    OpeningRule,
    opens=st.none() | st.just(time(8)),
    closes=st.just(time(20)),
    first=st.none() | st.dates(date(2026, 9, 1), date(2026, 9, 14)),
    last=st.none() | st.dates(date(2026, 9, 1), date(2026, 9, 14)),
    weekdays=st.frozensets(st.integers(0, 6)),
    venue_id=st.sampled_from([None, VENUE, OTHER]),
    area_id=st.sampled_from([None, AREA, UPPER]),
    reason=st.sampled_from(["a", "b", "c"]),
    priority=st.integers(0, 2),
)


@given(st.lists(opening, max_size=6), st.dates(date(2026, 8, 30), date(2026, 9, 16)))
def test_the_deciding_rule_fits_and_nothing_beats_it(rules: list[OpeningRule], day: date) -> None:
    found = Policy(opening=tuple(rules)).day_hours(day, VENUE, AREA)
    fitting = [(r.priority, n, r) for n, r in enumerate(rules) if r.applies_to(day, VENUE, AREA)]
    if not fitting:
        assert found == DayHours(None, "")
        return
    best = max(fitting)[2]
    assert found.reason == best.reason and (found.hours is None) == (best.opens is None)


@pytest.mark.parametrize(
    ("step", "opens", "closes", "expected"),
    [
        (60, "07:00", "10:00", ["07:00", "08:00", "09:00"]),
        (60, "07:30", "10:30", ["08:00", "09:00", "10:00"]),
        (30, "07:15", "08:31", ["07:30", "08:00", "08:30"]),
        (120, "07:00", "12:00", ["08:00", "10:00"]),
        (60, "22:00", "22:30", ["22:00"]),
        (60, "22:10", "22:30", []),
    ],
)
def test_grid_counts_from_midnight(step: int, opens: str, closes: str, expected: list[str]) -> None:
    policy = Policy(step_minutes=step)
    assert [f"{to_local(s):%H:%M}" for s in time_steps(policy, hours(opens, closes))] == expected


@given(st.integers(0, 1438), st.integers(1, 1439), st.sampled_from([30, 60, 90, 120]))
def test_grid_lies_in_the_hours(opens: int, longest: int, step: int) -> None:
    start = local_instant(MONDAY, time(0)) + timedelta(minutes=opens)
    end = min(start + timedelta(minutes=longest), on("23:59"))
    if end <= start:
        return
    steps = time_steps(Policy(step_minutes=step), TimeRange(start, end))
    every = [
        instant
        for k in range(24 * 60 // step + 1)
        if start <= (instant := local_instant(MONDAY, time(0)) + timedelta(minutes=step * k)) < end
    ]
    assert list(steps) == every


def test_an_area_has_numbers_of_its_own() -> None:
    policy = Policy(areas={UPPER: {"max_minutes": 360, "leave_minutes": 20}})
    upper = policy.resolve(UPPER)
    assert (upper.max_minutes, upper.leave_minutes, upper.min_minutes) == (360, 20, 10)
    assert policy.resolve(AREA).max_minutes == 240
    assert upper.version == policy.version and upper.longest == timedelta(hours=6)


@pytest.mark.parametrize(
    "broken",
    [
        {"step_minutes": 0},
        {"step_minutes": -30},
        {"step_minutes": 45},
        {"step_minutes": 15},
        {"areas": {UPPER: {"step_minutes": 20}}},
        {"min_minutes": 0},
        {"min_minutes": 241},
        {"areas": {UPPER: {"daily_booking_limit": 9}}},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"minutes|override"):
        Policy(**broken)  # type: ignore[arg-type]


def test_overridable_fields_exist() -> None:
    assert {name for name in AREA_OVERRIDABLE if not hasattr(Policy(), name)} == set()


def test_the_page_of_rules_lists_every_field_with_its_default() -> None:
    table = BOOKING_PAGE.read_text(encoding="utf-8").split("## All policy fields")[1]
    rows = [line.split("|")[1:5] for line in table.splitlines() if line.startswith("| `")]
    listed = {
        name: (default.strip(), "yes" in area)
        for names, default, _, area in rows
        for name in re.findall(r"`(\w+)`", names)
    }
    assert set(listed) == {field.name for field in fields(Policy)} - {"areas", "rule_sets"}
    for field in fields(Policy):
        if type(field.default) is int:
            assert listed[field.name][0] == str(field.default), field.name
    assert {name for name, (_, by_area) in listed.items() if by_area} == AREA_OVERRIDABLE


def test_when_tomorrow_opens() -> None:
    assert Policy().opens_at_instant(TOMORROW) is None
    assert Policy(booking_opens_at=time(20)).opens_at_instant(TOMORROW) == on("20:00")
    assert Policy().bookable_dates(on("23:59:59")) == [MONDAY, TOMORROW]


def test_a_rule_set_stands_on_its_days_above_what_areas_have() -> None:
    usual = Policy(areas={AREA: {"max_minutes": 360, "leave_minutes": 20}})
    exams = PolicyOverride(
        "考试周", MONDAY, TOMORROW, {"max_minutes": 120, "daily_booking_limit": 1}
    )
    works = PolicyOverride("装修", TOMORROW, TOMORROW, {"max_minutes": 60}, AREA)
    policy = replace(usual, rule_sets=(exams, works))
    other, later = AreaId("3f-hall"), TOMORROW + timedelta(days=1)
    for area, day, longest, leave, bookings in (
        (AREA, MONDAY, 120, 20, 1),
        (AREA, TOMORROW, 60, 20, 1),
        (other, TOMORROW, 120, 30, 1),
        (None, TOMORROW, 120, 30, 1),
        (AREA, later, 360, 20, 5),
        (AREA, MONDAY - timedelta(days=1), 360, 20, 5),
        (AREA, None, 360, 20, 5),
    ):
        found = policy.resolve(area, day)
        numbers = found.max_minutes, found.leave_minutes, found.daily_booking_limit
        assert numbers == (longest, leave, bookings), (area, day)
    for wrong in (
        PolicyOverride("x", MONDAY, MONDAY, {"booking_window_days": 3}),
        PolicyOverride("x", MONDAY, MONDAY, {"daily_booking_limit": 3}, AREA),
        PolicyOverride("x", MONDAY, MONDAY, {"max_minutes": 9}),
        PolicyOverride("x", MONDAY, MONDAY, {"min_minutes": 121}),  # with the exams' longest
    ):
        with pytest.raises(ValueError):
            replace(usual, rule_sets=(exams, wrong))
