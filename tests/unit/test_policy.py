"""Policy: time steps, area values, and overrides from a date on."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from datetime import date, time, timedelta
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.kernel.time_range import TimeRange
from models.library.entities import AreaId, VenueId
from models.policy.differences import FOLLOWS, ValueChange, value_changes
from models.policy.entities import (
    AREA_OVERRIDABLE,
    DATE_OVERRIDABLE,
    VENUE_OVERRIDABLE,
    Policy,
    PolicyOverride,
    time_steps,
)
from models.policy.errors import InconsistentPolicy
from models.policy.validation import settled
from models.reader_groups.entities import NO_LIMITS, GroupLimits
from models.reservations.errors import OutsideHorizon
from models.reservations.rules import day_in_horizon
from tests.builders import AREA, MONDAY, TOMORROW, VENUE, ZONE, hours, on

BOOKING_PAGE = Path(__file__).parents[2] / "docs" / "booking.md"
UPPER = AreaId("4f-hall")


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
def test_time_steps_count_from_midnight(
    step: int, opens: str, closes: str, expected: list[str]
) -> None:
    policy = Policy(step_minutes=step)
    assert [
        f"{ZONE.local(s):%H:%M}" for s in time_steps(ZONE, policy, hours(opens, closes))
    ] == expected


@given(st.integers(0, 1438), st.integers(1, 1439), st.sampled_from([30, 60, 90, 120]))
def test_time_steps_lie_within_the_opening_hours(opens: int, longest: int, step: int) -> None:
    start = ZONE.midnight(MONDAY) + timedelta(minutes=opens)
    end = min(start + timedelta(minutes=longest), on("23:59"))
    if end <= start:
        return
    steps = time_steps(ZONE, Policy(step_minutes=step), TimeRange(start, end))
    every = [
        instant
        for k in range(24 * 60 // step + 1)
        if start <= (instant := ZONE.midnight(MONDAY) + timedelta(minutes=step * k)) < end
    ]
    assert list(steps) == every


def test_an_area_can_override_policy_values() -> None:
    policy = Policy(areas={UPPER: {"max_minutes": 360, "leave_minutes": 20}})
    upper = policy.resolve(None, UPPER)
    assert (upper.max_minutes, upper.leave_minutes, upper.min_minutes) == (360, 20, 10)
    assert policy.resolve(None, AREA).max_minutes == 240
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
def test_an_inconsistent_policy_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"minutes|override"):
        Policy(**broken)  # type: ignore[arg-type]


def test_the_policy_page_lists_every_field_with_its_default() -> None:
    table = BOOKING_PAGE.read_text(encoding="utf-8").split("## All policy fields")[1]
    rows = [line.split("|")[1:5] for line in table.splitlines() if line.startswith("| `")]
    listed = {
        name: (default.strip(), of.strip())
        for names, default, _, of in rows
        for name in re.findall(r"`(\w+)`", names)
    }
    assert set(listed) == {field.name for field in fields(Policy)} - {
        "venues",
        "areas",
        "rule_sets",
    }
    for field in fields(Policy):
        if type(field.default) is int:
            assert listed[field.name][0] == str(field.default), field.name
    of = {name: of for name, (_, of) in listed.items() if name in DATE_OVERRIDABLE}
    assert {name for name in of if of[name] == "both"} == AREA_OVERRIDABLE
    assert {name for name in of if of[name]} == VENUE_OVERRIDABLE


def test_a_day_becomes_bookable_at_its_opening_instant() -> None:
    assert Policy().opens_at_instant(ZONE, TOMORROW) is None
    assert Policy(booking_opens_at=time(20)).opens_at_instant(ZONE, TOMORROW) == on("20:00")
    assert Policy().bookable_dates(ZONE, on("23:59:59"), None) == [MONDAY, TOMORROW]


def test_an_override_takes_precedence_over_area_values_on_its_days() -> None:
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
        values = policy.resolve(None, area, day)
        numbers = values.max_minutes, values.leave_minutes, values.daily_booking_limit
        assert numbers == (longest, leave, bookings), (area, day)
    for wrong in (
        PolicyOverride("x", MONDAY, MONDAY, {"booking_window_days": 15}),
        PolicyOverride("x", MONDAY, None, {"opening": ()}),
        PolicyOverride("x", MONDAY, MONDAY, {"daily_booking_limit": 3}, AREA),
        PolicyOverride("x", MONDAY, MONDAY, {"max_minutes": 9}),
        PolicyOverride("x", MONDAY, MONDAY, {"min_minutes": 121}),  # with the exams' longest
    ):
        with pytest.raises(ValueError):
            replace(usual, rule_sets=(exams, wrong))


def test_an_override_without_an_end_ranks_below_area_values() -> None:
    """It also ranks below overrides with an end, in whatever order they were entered."""
    usual = Policy(areas={UPPER: {"max_minutes": 360}})
    exams = PolicyOverride("考试周", TOMORROW, TOMORROW, {"max_minutes": 120})
    term = PolicyOverride("新学期", MONDAY, None, {"max_minutes": 180, "violations_limit": 2})
    later = PolicyOverride("再改", MONDAY + timedelta(days=9), None, {"max_minutes": 200})
    upper = PolicyOverride("四层", MONDAY, None, {"max_minutes": 300}, UPPER)
    policy = replace(usual, rule_sets=(exams, later, term, upper))
    for area, day, longest, limit in (
        (AREA, MONDAY - timedelta(days=1), 240, 3),
        (AREA, MONDAY, 180, 2),
        (AREA, TOMORROW, 120, 2),
        (AREA, MONDAY + timedelta(days=8), 180, 2),
        (AREA, MONDAY + timedelta(days=900), 200, 2),
        (UPPER, MONDAY - timedelta(days=1), 360, 3),
        (UPPER, MONDAY, 300, 2),
        (UPPER, TOMORROW, 120, 2),
    ):
        values = policy.resolve(None, area, day)
        assert (values.max_minutes, values.violations_limit) == (longest, limit), (area, day)


LAW, ROOM = VenueId("law"), AreaId("A-1")
PLACES: list[tuple[VenueId | None, AreaId | None]] = [(None, None), (LAW, None), (None, ROOM)]
PERMANENT, DATED = (200, 300, 400), (110, 120, 130)
"""The longest stay of the library, of the venue and of its area."""


def own_values(permanent: list[int], dated: list[int], begun: bool) -> Policy:
    """A policy with a longest stay of its own at the places with these numbers. ``begun``: the
    permanent ones are overrides that begin on Monday."""

    def override(n: int, minutes: int, last: date | None) -> PolicyOverride:
        venue_id, area_id = PLACES[n]
        return PolicyOverride("x", MONDAY, last, {"max_minutes": minutes}, area_id, venue_id)

    # The narrowest is entered first: the order of entries does not matter.
    exams = tuple(override(n, DATED[n], TOMORROW) for n in reversed(dated))
    if begun:
        term = tuple(override(n, PERMANENT[n], None) for n in reversed(permanent))
        return Policy(rule_sets=(*exams, *term))
    return Policy(
        max_minutes=PERMANENT[0] if 0 in permanent else 240,
        venues={LAW: {"max_minutes": PERMANENT[1]}} if 1 in permanent else {},
        areas={ROOM: {"max_minutes": PERMANENT[2]}} if 2 in permanent else {},
        rule_sets=exams,
    )


SETS = [[n for n in range(3) if bits >> n & 1] for bits in range(8)]


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize(
    "group",
    [NO_LIMITS, GroupLimits(250), GroupLimits(250, at_least=frozenset({"max_minutes"}))],
)
def test_a_dated_value_comes_first_and_then_that_of_the_narrowest_place(
    group: GroupLimits, begun: bool
) -> None:
    """All combinations of values of the library, a venue and its area, permanent and dated. A
    group's number stands above permanent ones of library and venue."""
    later = TOMORROW + timedelta(days=1)
    for permanent, dated in product(SETS, SETS):
        policy = own_values(permanent, dated, begun)
        for n, (venue_id, area_id) in enumerate([(None, None), (LAW, None), (LAW, ROOM)]):
            usual = max((p for p in permanent if p <= n), default=None)
            exam = max((d for d in dated if d <= n), default=None)
            for day in (TOMORROW, later):
                longest = PERMANENT[usual] if usual is not None else 240
                if exam is not None and day == TOMORROW:
                    longest = DATED[exam]
                elif usual != 2 and group.max_minutes is not None:
                    longest = max(250, longest) if group.at_least else 250
                resolved = policy.resolve(venue_id, area_id, day)
                resolved = group.apply_to(resolved, policy, venue_id, area_id, day)
                assert resolved.max_minutes == longest, (permanent, dated, n, day)
        # Another venue, and one that is retired, have nothing of this one.
        for elsewhere in (VENUE, None):
            assert policy.resolve(elsewhere, AREA, TOMORROW) == policy.resolve(None, None, TOMORROW)


def test_a_venue_has_its_own_booking_window_and_none_of_what_is_one_readers() -> None:
    now, window = on("12:00"), {"booking_window_days": 3}
    policy = Policy(venues={LAW: window | {"booking_opens_at": None}})
    assert len(policy.bookable_dates(ZONE, now, LAW)) == 4
    assert policy.bookable_dates(ZONE, now, VENUE) == policy.bookable_dates(ZONE, now, None)
    for name in DATE_OVERRIDABLE - VENUE_OVERRIDABLE:
        with pytest.raises(ValueError, match=name):
            Policy(venues={LAW: {name: 1}})
        with pytest.raises(ValueError, match=name):
            Policy(rule_sets=(PolicyOverride("x", MONDAY, None, {name: 1}, venue_id=LAW),))
    # The venue's shortest stay and its area's longest one do not fit together.
    apart = Policy(venues={LAW: {"min_minutes": 90}}, areas={ROOM: {"max_minutes": 60}})
    with pytest.raises(InconsistentPolicy) as error:
        apart.check([(VENUE, ROOM), (LAW, ROOM)])
    assert error.value.field == "min_minutes"
    apart.check([(VENUE, ROOM), (LAW, AREA)])


def test_value_changes_lists_exactly_the_differing_values() -> None:
    old = Policy(areas={UPPER: {"max_minutes": 360}, AREA: {"leave_minutes": 20}})
    new = replace(
        old,
        max_minutes=180,
        opening_draw=True,
        meal_times=(),
        areas={UPPER: {"max_minutes": 300, "leave_minutes": 5}},
    )
    names = ("opening_draw", "leave_minutes", "max_minutes", "meal_times", "booking_opens_at")
    assert value_changes(old, new, names) == [
        ValueChange("opening_draw", False, True),
        ValueChange("max_minutes", 240, 180),
        ValueChange("meal_times", old.meal_times, ()),
        ValueChange("leave_minutes", FOLLOWS, 5, UPPER),
        ValueChange("max_minutes", 360, 300, UPPER),
        ValueChange("leave_minutes", 20, FOLLOWS, AREA),
    ]
    venue = {LAW: {"booking_opens_at": None}}
    assert value_changes(old, replace(old, venues=venue), names) == [
        ValueChange("booking_opens_at", FOLLOWS, None, venue_id=LAW)
    ]
    assert value_changes(new, new, names) == []


windows = st.one_of(
    st.fixed_dictionaries({"booking_window_days": st.integers(0, 14)}),
    st.fixed_dictionaries({"violations_limit": st.integers(1, 9)}),
    st.fixed_dictionaries({"booking_opens_at": st.none() | st.just(time(7))}),
    st.fixed_dictionaries({"opening_draw": st.booleans(), "meal_times": st.just(())}),
)
dated = st.builds(
    lambda begin, length, values, of_venue: PolicyOverride(
        "x",
        MONDAY + timedelta(days=begin),
        None if length is None else MONDAY + timedelta(days=begin + length),
        values,
        venue_id=LAW if of_venue and "violations_limit" not in values else None,
    ),
    st.integers(-9, 9),
    st.none() | st.integers(0, 9),
    windows,
    st.booleans(),
)
numbers = st.builds(
    lambda begin, length, longest, area: PolicyOverride(
        "y",
        MONDAY + timedelta(days=begin),
        None if length is None else MONDAY + timedelta(days=begin + length),
        {"max_minutes": longest},
        area,
    ),
    st.integers(-9, 9),
    st.none() | st.integers(0, 9),
    st.integers(30, 600),
    st.sampled_from([None, AREA, UPPER]),
)


@given(st.lists(dated | numbers, max_size=6), st.integers(0, 20))
def test_settling_past_overrides_keeps_every_later_value(
    sets: list[PolicyOverride], ahead: int
) -> None:
    policy = Policy(areas={UPPER: {"max_minutes": 360}}, rule_sets=tuple(sets))
    now = settled(policy, MONDAY)
    assert settled(now, MONDAY) == now
    assert all(r.first > MONDAY if r.last is None else r.last >= MONDAY for r in now.rule_sets)
    day = MONDAY + timedelta(days=ahead)
    for venue, area in product((None, LAW), (None, AREA, UPPER)):
        assert now.resolve(venue, area, day) == policy.resolve(venue, area, day)


@given(st.lists(dated, max_size=4))
def test_a_day_is_bookable_when_its_own_booking_window_includes_it(
    sets: list[PolicyOverride],
) -> None:
    policy, now = Policy(rule_sets=tuple(sets)), on("12:00")
    days = [MONDAY + timedelta(days=n) for n in range(20)]
    bookable = []
    for day in days:
        try:
            day_in_horizon(ZONE, day, policy.resolve(LAW, None, day).booking_window_days, now)
        except OutsideHorizon:
            continue
        bookable.append(day)
    assert policy.bookable_dates(ZONE, now, LAW) == bookable and bookable[0] == MONDAY
