"""A seat's state on a plan: now, for a requested time, on another day. Never its reader."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange
from models.policy.entities import OpeningRule, Policy
from models.policy.open_hours import open_hours
from models.reservations.state_machine import ReservationState
from models.seat_map.availability import (
    AreaCount,
    MapQuery,
    SeatState,
    SeatStatus,
    count_area,
    free_ends,
    free_starts,
    seat_state,
)
from tests.builders import AREA, LI, MONDAY, SEAT, TOMORROW, VENUE, ZHANG, ZONE, hours, on

POLICY = Policy()


@dataclass(frozen=True, slots=True)
class Held:
    reader_id: ReaderId
    state: ReservationState
    start: datetime
    end: datetime


def held(
    start: str,
    end: str,
    who: ReaderId = LI,
    state: ReservationState = ReservationState.IN_USE,
    tomorrow: bool = False,
) -> Held:
    day = TOMORROW if tomorrow else MONDAY
    return Held(who, state, on(start, day), on(end, day))


def tomorrow(start: str, end: str, who: ReaderId = LI) -> Held:
    return held(start, end, who, ReservationState.RESERVED, tomorrow=True)


def look(
    now: str, span: TimeRange | None = None, tomorrow: bool = False, policy: Policy = POLICY
) -> MapQuery:
    day = TOMORROW if tomorrow else MONDAY
    return MapQuery(ZONE, day, span, policy, open_hours(ZONE, policy, day, VENUE, AREA), on(now))


AHEAD = look("09:00", tomorrow=True)
MORNING, NOON = held("08:00", "10:00"), held("10:00", "12:00")
AFTERNOON = held("14:00", "16:00", state=ReservationState.RESERVED)
OUT = held("08:00", "10:00", state=ReservationState.AWAY)
MINE = held("08:00", "10:00", who=ZHANG)
MINE_LATER = held("14:00", "16:00", who=ZHANG, state=ReservationState.RESERVED)
EVENING = held("20:00", "22:30")
FOUR_TO_SIX = hours("16:00", "18:00")
WHOLE_TOMORROW = [
    tomorrow(f"{h:02}:00", f"{h + 1:02}:00" if h < 22 else "22:30") for h in range(7, 23)
]


def rows(*views: SeatState) -> list[tuple[str, str | None, str | None]]:
    def clock(instant: datetime | None) -> str | None:
        return f"{ZONE.local(instant):%H:%M}" if instant else None

    return [(v.status.value, clock(v.free_until), clock(v.next_free)) for v in views]


@pytest.mark.parametrize(
    ("taken", "look", "expected"),
    [
        # today, at this moment
        ([], look("09:00"), ("free", "22:30", None)),
        ([AFTERNOON], look("09:00"), ("free", "14:00", None)),
        ([MORNING], look("09:59:59"), ("occupied", None, "10:00")),
        ([MORNING], look("10:00"), ("free", "22:30", None)),
        ([MORNING, NOON], look("09:00"), ("occupied", None, "12:00")),
        ([MORNING, NOON, AFTERNOON], look("09:00"), ("occupied", None, "12:00")),
        ([OUT], look("09:00"), ("away", None, "10:00")),
        ([OUT, NOON], look("09:00"), ("away", None, "12:00")),
        ([MINE, NOON], look("09:00"), ("mine", None, "12:00")),
        ([MINE_LATER], look("09:00"), ("free", "14:00", None)),
        ([EVENING], look("21:00"), ("occupied", None, None)),
        ([MORNING], look("06:00"), ("free", "08:00", None)),  # as it will be at the opening
        ([held("07:00", "08:00")], look("06:00"), ("occupied", None, "08:00")),
        ([], look("22:29:59"), ("free", "22:30", None)),
        ([], look("22:30"), ("disabled", None, None)),
        # for a wished time
        ([AFTERNOON], look("09:00", FOUR_TO_SIX), ("free", "22:30", None)),
        ([AFTERNOON], look("09:00", hours("15:00", "17:00")), ("occupied", None, "16:00")),
        ([AFTERNOON], look("09:00", hours("12:00", "14:00")), ("free", "14:00", None)),
        ([EVENING], look("09:00", FOUR_TO_SIX), ("free", "20:00", None)),
        ([EVENING], look("09:00", hours("18:00", "21:00")), ("occupied", None, None)),
        ([MINE_LATER], look("09:00", hours("15:00", "17:00")), ("mine", None, "16:00")),
        (
            [MINE_LATER, held("16:00", "18:00")],
            look("09:00", hours("15:00", "17:00")),
            ("mine", None, "18:00"),
        ),
        ([OUT, NOON], look("09:00", hours("09:00", "11:00")), ("occupied", None, "12:00")),
        # over another day
        ([], AHEAD, ("free", "22:30", None)),
        ([tomorrow("14:00", "16:00")], AHEAD, ("free", "14:00", None)),
        ([tomorrow("07:00", "16:00")], AHEAD, ("free", "22:30", None)),
        ([tomorrow("07:00", "09:00", ZHANG)], AHEAD, ("mine", None, "09:00")),
        (WHOLE_TOMORROW, AHEAD, ("occupied", None, None)),
    ],
)
def test_a_seat_has_its_state_for_each_look(
    taken: list[Held], look: MapQuery, expected: tuple[str, str | None, str | None]
) -> None:
    assert rows(seat_state(SEAT, taken, look, ZHANG)) == [expected]


def test_disabled_seats_and_closed_days_look_alike_to_all_readers() -> None:
    closed = replace(POLICY, opening=(OpeningRule(None, None, reason="闭馆"),))
    broken = replace(SEAT, disabled="维修")
    assert (
        rows(
            seat_state(broken, [MINE], look("09:00"), ZHANG),
            seat_state(SEAT, [MINE], look("09:00", policy=closed), ZHANG),
            seat_state(SEAT, [], look("09:00", tomorrow=True, policy=closed), None),
        )
        == [("disabled", None, None)] * 3
    )


@pytest.mark.parametrize(
    ("taken", "now", "starts", "ends"),
    [
        ([], "19:08", ["now", "20:00", "21:00", "22:00"], ["20:00", "21:00", "22:00", "22:30"]),
        ([EVENING], "18:08", ["now", "19:00"], ["19:00", "20:00"]),
        ([EVENING], "19:51", [], []),  # nine minutes are too short
        ([EVENING], "19:50", ["now"], ["20:00"]),
        ([held("18:00", "20:00"), held("20:00", "22:30")], "18:30", [], []),
        ([held("18:00", "20:00")], "18:30", ["20:00", "21:00", "22:00"], []),
    ],
)
def test_a_seats_day_lists_its_free_and_taken_times(
    taken: list[Held], now: str, starts: list[str], ends: list[str]
) -> None:
    seen = look(now)
    assert [value for value, _, _ in free_starts(taken, seen)] == starts
    assert [f"{ZONE.local(end):%H:%M}" for end in free_ends(taken, seen, on(now))] == ends


days = st.lists(st.integers(14, 44), min_size=0, max_size=10, unique=True).map(sorted)


@given(days, st.integers(7 * 60, 22 * 60 + 29))
def test_a_seat_shown_free_or_taken_is_so_at_that_time(edges: list[int], minute: int) -> None:
    """At any time of any day: a seat shown as free is free until the shown time and no longer."""
    taken = [
        held(str(time(a // 2, a % 2 * 30)), str(time(b // 2, b % 2 * 30)))
        for a, b in zip(edges[::2], edges[1::2], strict=False)
    ]
    now = str(time(minute // 60, minute % 60))
    view = seat_state(SEAT, taken, look(now), None)
    if view.status is SeatStatus.FREE:
        assert view.free_until is not None
        free = TimeRange(on(now), view.free_until)
        assert not any(TimeRange(t.start, t.end).overlaps(free) for t in taken)
        assert view.free_until == on("22:30") or view.free_until in {t.start for t in taken}
    else:
        assert any(t.start <= on(now) < t.end for t in taken)
        assert view.next_free is not None
        assert not any(t.start <= view.next_free < t.end for t in taken)


def test_an_areas_seats_are_counted_by_status() -> None:
    statuses = [SeatStatus(s) for s in ("free", "free", "occupied", "mine", "away", "disabled")]
    views = [SeatState(status, None, None) for status in statuses]
    assert count_area(views) == AreaCount(total=6, free=2, in_use=2, away=1, disabled=1)
