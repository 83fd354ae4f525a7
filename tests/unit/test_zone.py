"""A library's time zone: clocks that jump, and the half hours of claims, which do not."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.kernel.time_range import TimeRange
from models.kernel.zone import SLOTS_PER_DAY, Zone
from models.profile.zones import rules_of, standard_minutes, zone_names, zone_of

DAY: Final = timedelta(days=1)
HALF_HOUR: Final = timedelta(minutes=30)
ODD: Final = (
    *("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"),
    *("America/Santiago", "Africa/Casablanca", "Europe/Dublin", "Atlantic/Azores"),
    *("Pacific/Chatham", "Antarctica/Troll", "Asia/Beirut", "America/Havana", "Asia/Shanghai"),
)


def zone(name: str) -> Zone:
    return zone_of(name, standard_minutes(name, 2026))


zones = st.sampled_from(ODD).map(zone) | st.sampled_from(zone_names()).map(zone)
instants = st.integers(0, 10 * 365 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
days = st.dates(date(2026, 1, 1), date(2035, 12, 31))
clocks = st.integers(0, 24 * 60 - 1).map(lambda n: time(n // 60, n % 60))


@st.composite
def odd_instants(draw: st.DrawFn) -> tuple[Zone, datetime]:
    """An instant within two hours of a change of the clocks, if the zone has any."""
    there = draw(zones)
    near = draw(st.sampled_from(there.changes)) if there.changes else draw(instants)
    return there, near + timedelta(minutes=draw(st.integers(-120, 120)))


@given(st.one_of(odd_instants(), st.tuples(zones, instants)))
def test_clocks_show_what_tzdata_says(case: tuple[Zone, datetime]) -> None:
    there, instant = case
    local = there.local(instant)
    assert local == instant and local.replace(tzinfo=None) == (
        instant.astimezone(rules_of(there.name)).replace(tzinfo=None)
    )
    assert there.day(instant) == local.date()
    assert instant in there.instants(local.date(), local.time())


@given(zones, days, clocks)
def test_an_instant_is_the_first_at_which_the_clocks_show_the_time(
    there: Zone, day: date, clock: time
) -> None:
    shown = there.instants(day, clock)
    instant = there.instant(day, clock)
    assert list(shown) == sorted(set(shown)) and len(shown) <= 2
    for one in shown:
        assert there.local(one).replace(tzinfo=None) == datetime.combine(day, clock)
    if shown:
        assert instant == shown[0]
    else:
        assert instant in there.changes
        before, after = there.local(instant - timedelta(seconds=1)), there.local(instant)
        wanted = datetime.combine(day, clock)
        assert before.replace(tzinfo=None) < wanted < after.replace(tzinfo=None)


@given(zones, days)
def test_days_follow_each_other_without_a_gap(there: Zone, day: date) -> None:
    begin, end = there.midnight(day), there.midnight(day + DAY)
    assert timedelta(hours=22) <= end - begin <= timedelta(hours=26)
    assert there.day(begin) == day == there.day(end - timedelta.resolution)
    assert there.day(end) == day + DAY and there.day(begin - timedelta.resolution) == day - DAY
    assert there.last_day(TimeRange(begin, end)) == day


@given(st.one_of(odd_instants(), st.tuples(zones, instants)), clocks)
def test_the_next_instant_is_the_next_that_the_clocks_show(
    case: tuple[Zone, datetime], clock: time
) -> None:
    there, after = case
    following = there.next_instant(after, clock)
    assert following > after
    minute = after.replace(second=0, microsecond=0)
    shown = (minute + timedelta(minutes=n) for n in range(1, 26 * 60 + 1))
    first = next((one for one in shown if there.local(one).time() == clock), None)
    skipped = following in there.changes and (first is None or following < first)
    assert following == first or skipped


@given(zones, days, st.sampled_from((30, 60, 90, 120, 240)))
def test_steps_are_whole_on_the_clock_and_each_is_once_there(
    there: Zone, day: date, minutes: int
) -> None:
    steps = list(there.steps(day, minutes))
    clocks = [there.local(step).time() for step in steps]
    assert sorted(set(steps)) == sorted(steps) and len(set(clocks)) == len(clocks)
    assert all((60 * clock.hour + clock.minute) % minutes == 0 for clock in clocks)
    assert {there.day(step) for step in steps} == {day}
    end = there.midnight(day + DAY)
    before = [step for step in steps if step < end]
    if there.offsets == there.offsets[:1]:
        assert there.last_step(end, minutes) == before[-1]


# --- half hours of claims ---


def never_jumping() -> list[str]:
    """All zones that the first release accepted, by its own rule."""
    usable = []
    for name in zone_names():
        there, noon = rules_of(name), datetime(2026, 1, 1, 12, tzinfo=UTC)
        offsets = {(noon + n * 14 * DAY).astimezone(there).utcoffset() for n in range(261)}
        if len(offsets) == 1 and not (offsets.pop() or DAY) % HALF_HOUR:
            usable.append(name)
    return usable


@pytest.mark.whole
def test_claims_of_all_zones_of_the_first_release_are_what_they_were() -> None:
    names = never_jumping()
    assert len(names) > 200 and "Asia/Shanghai" in names and "Europe/Berlin" not in names
    for name in names:
        offset = datetime(2026, 1, 1, 12, tzinfo=rules_of(name)).utcoffset()
        assert offset is not None
        there, was = zone(name), timezone(offset)
        assert not there.next_changes(datetime(2026, 1, 1, tzinfo=UTC))
        for n in range(0, 365, 73):
            begin = datetime(2026, 1, 1, 21, 40, tzinfo=UTC) + n * DAY
            slots = []
            for k in range(10):
                local = (begin + k * HALF_HOUR).astimezone(was)
                slots.append((local.date(), local.hour * 2 + local.minute // 30))
            span = TimeRange(begin, begin + 9 * HALF_HOUR + timedelta(minutes=5))
            assert list(there.half_hour_slots(span)) == slots, name


@given(odd_instants(), st.integers(1, 300), st.integers(-300, 300), st.integers(1, 300))
def test_overlapping_stays_share_a_claim_also_in_a_doubled_hour(
    case: tuple[Zone, datetime], length: int, later: int, other_length: int
) -> None:
    there, start = case
    minute = timedelta(minutes=1)
    one = TimeRange(start, start + length * minute)
    other = TimeRange(start + later * minute, start + (later + other_length) * minute)
    slots, others = (set(there.half_hour_slots(span)) for span in (one, other))
    assert all(0 <= slot < SLOTS_PER_DAY for _, slot in slots | others)
    if one.overlaps(other):
        assert slots & others


@given(zones, days)
def test_stays_between_two_steps_never_share_a_claim(there: Zone, day: date) -> None:
    """Whatever the clocks do: each of the half hours has its own claim, so none is refused."""
    steps = sorted({step for n in (0, 1) for step in there.steps(day + n * DAY, 30)})
    claims = [set(there.half_hour_slots(TimeRange(*pair))) for pair in pairwise(steps)]
    assert sum(len(one) for one in claims) == len(set[tuple[date, int]]().union(*claims))


@given(odd_instants(), st.integers(1, 600))
def test_claims_do_not_depend_on_the_rules_of_the_zone(
    case: tuple[Zone, datetime], length: int
) -> None:
    """Of two workers with different tzdata, both claim the same half hours."""
    there, start = case
    older = Zone(there.name, there.slot_clock, (), there.offsets[:1])
    span = TimeRange(start, start + timedelta(minutes=length))
    assert list(there.half_hour_slots(span)) == list(older.half_hour_slots(span))


@pytest.mark.parametrize("name", ["Europe/Atlantis", "../zones", ""])
def test_an_unknown_zone_has_no_rules(name: str) -> None:
    assert zone_of(name, 90) == Zone.fixed(name, 90)
