"""Half-open ranges, and the half hours that they touch."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.kernel.time_range import (
    TimeRange,
    floor_minute,
)
from models.kernel.zone import SLOT_MINUTES, SLOTS_PER_DAY
from tests.builders import MONDAY, TOMORROW, ZONE, hours, on

HALF_HOUR = timedelta(minutes=SLOT_MINUTES)
MIDNIGHT = on("00:00")

seconds = st.integers(0, 3 * 24 * 3600)
half_hours = st.integers(0, 3 * SLOTS_PER_DAY)


@st.composite
def ranges(draw: st.DrawFn, unit: timedelta = timedelta(seconds=1)) -> TimeRange:
    points = seconds if unit < HALF_HOUR else half_hours
    start, end = sorted(draw(st.lists(points, min_size=2, max_size=2, unique=True)))
    return TimeRange(MIDNIGHT + unit * start, MIDNIGHT + unit * end)


def begin(slot: tuple[date, int]) -> datetime:
    return ZONE.instant(slot[0], time(slot[1] // 2, slot[1] % 2 * SLOT_MINUTES))


@given(ranges(), ranges())
def test_overlap_is_a_shared_instant(one: TimeRange, other: TimeRange) -> None:
    shared = max(one.start, other.start)
    assert one.overlaps(other) == other.overlaps(one)
    assert one.overlaps(other) == (one.contains(shared) and other.contains(shared))


@given(ranges())
def test_range_is_half_open(span: TimeRange) -> None:
    assert span.contains(span.start) and not span.contains(span.end)
    assert not span.overlaps(TimeRange(span.end, span.end + span.length))
    assert span.start + span.length == span.end


@given(ranges())
def test_slots_cover_exactly(span: TimeRange) -> None:
    slots = list(ZONE.half_hour_slots(span))
    begins = [begin(slot) for slot in slots]
    assert begins[0] <= span.start < begins[0] + HALF_HOUR
    assert begins[-1] < span.end <= begins[-1] + HALF_HOUR
    assert all(b - a == HALF_HOUR for a, b in pairwise(begins)), "no hole"
    assert all(0 <= slot < SLOTS_PER_DAY for _, slot in slots)


@given(ranges(), ranges())
def test_overlapping_ranges_share_a_slot(one: TimeRange, other: TimeRange) -> None:
    """This makes the claim index safe at any granularity."""
    if one.overlaps(other):
        assert set(ZONE.half_hour_slots(one)) & set(ZONE.half_hour_slots(other))


@given(ranges(HALF_HOUR), ranges(HALF_HOUR))
def test_ranges_on_the_half_hour_share_slots_only_if_they_overlap(
    one: TimeRange, other: TimeRange
) -> None:
    """This keeps the claim index from refusing a rightful booking."""
    assert bool(set(ZONE.half_hour_slots(one)) & set(ZONE.half_hour_slots(other))) == one.overlaps(
        other
    )


@pytest.mark.parametrize(
    ("span", "slots"),
    [
        (hours("14:00", "16:00"), [28, 29, 30, 31]),
        (hours("16:38", "17:00"), [33]),
        (hours("16:08", "17:00"), [32, 33]),
        (hours("22:00", "22:30"), [44]),
        (hours("15:59:59", "16:00:01"), [31, 32]),
    ],
)
def test_a_range_covers_the_half_hours_it_touches(span: TimeRange, slots: list[int]) -> None:
    assert list(ZONE.half_hour_slots(span)) == [(MONDAY, slot) for slot in slots]


def test_slots_continue_over_midnight() -> None:
    night = TimeRange(on("23:30"), on("00:30", TOMORROW))
    assert list(ZONE.half_hour_slots(night)) == [(MONDAY, 47), (TOMORROW, 0)]


def test_naive_empty_and_reversed_ranges_are_refused() -> None:
    aware, naive = on("08:00"), datetime(2026, 9, 7, 8)  # noqa: DTZ001
    for start, end in ((naive, aware), (aware, naive), (aware, aware), (aware, on("07:59"))):
        with pytest.raises(ValueError, match="TimeRange"):
            TimeRange(start, end)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001
def test_instants_convert_to_the_librarys_calendar_and_back(shown: datetime) -> None:
    instant = ZONE.instant(shown.date(), shown.time())
    assert instant.tzinfo is UTC
    assert instant == shown.replace(tzinfo=ZONE.slot_clock)
    assert ZONE.day(instant) == shown.date()
    assert timedelta() <= instant - floor_minute(instant) < timedelta(minutes=1)


def test_the_day_changes_at_the_librarys_midnight() -> None:
    utc = datetime(2026, 9, 7, 15, 59, 59, tzinfo=UTC)
    assert ZONE.day(utc) == MONDAY and ZONE.day(utc + timedelta(seconds=1)) == TOMORROW
