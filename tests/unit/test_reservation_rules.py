"""Each booking rule on both sides of its boundary."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta
from functools import partial
from typing import Any

import pytest

from models.booking import time_choices
from models.check_in import allowed_actions
from models.check_in import rules as check_in_rules
from models.kernel.errors import DomainError
from models.library.entities import AreaId
from models.policy.entities import OpeningRule, Policy
from models.policy.open_hours import open_hours
from models.readers.entities import PersonalData, Reader, Visit
from models.reservations import rules
from models.reservations.entities import Reservation
from models.reservations.state_machine import ReservationState
from tests.builders import (
    AREA,
    MONDAY,
    SEAT,
    TOMORROW,
    VENUE,
    ZHANG,
    ZONE,
    away,
    but,
    hours,
    in_use,
    moved,
    on,
    outcome,
    reserved,
)
from tests.unit.booking_rules import AFTER_TOMORROW, HALL, UPPER, decide

by_day_and_night = pytest.mark.parametrize("later", [timedelta(), timedelta(hours=8, minutes=5)])
"""Once as the table says, and once so much later that what ends at 16:00 ends at 00:05."""
EVENING = replace(HALL, booking_opens_at=time(20))
HOLIDAY = replace(
    HALL,
    opening=(
        *HALL.opening,
        OpeningRule(None, None, first=MONDAY, last=MONDAY, reason="校庆闭馆"),
    ),
)
SHORT_DAY = replace(
    HALL,
    opening=(*HALL.opening, OpeningRule(time(9), time(17), first=MONDAY, last=MONDAY)),
)


SUNDAY = MONDAY - timedelta(days=1)


@pytest.mark.parametrize(
    ("expected", "wish"),
    [
        ("in_the_past", ("10:00", "11:00", "08:00", SUNDAY)),
        ("in_the_past", ("13:00", "14:00", "13:01:00")),
        ("ok", ("13:00", "14:00", "13:00:59")),
        ("outside_horizon", ("10:00", "11:00", "08:00", AFTER_TOMORROW)),
        ("ok", ("10:00", "11:00", "08:00", TOMORROW)),
        ("ok", ("10:00", "11:00", "00:00", TOMORROW)),
        ("not_open_yet", ("10:00", "11:00", "19:59:59", TOMORROW, EVENING)),
        ("ok", ("10:00", "11:00", "20:00:00", TOMORROW, EVENING)),
        ("ok", ("20:00", "21:00", "19:59:59", MONDAY, EVENING)),
        ("closed", ("06:00", "08:00", "05:00")),
        ("ok", ("07:00", "08:00", "05:00")),
        ("closed", ("now", "08:00", "06:59:59")),
        ("ok", ("now", "08:00", "07:00:00")),
        ("closed", ("22:00", "23:00", "08:00")),
        ("closed", ("23:00", "23:30", "08:00")),
        ("closed", ("now", "08:00", "08:00")),
        ("ok", ("22:00", "22:30", "08:00")),
        ("closed", ("now", "22:30", "22:30")),
        ("closed", ("10:00", "11:00", "08:00", MONDAY, HOLIDAY)),
        ("ok", ("10:00", "11:00", "08:00", TOMORROW, HOLIDAY)),
        ("closed", ("08:00", "10:00", "07:00", MONDAY, SHORT_DAY)),
        ("ok", ("16:00", "17:00", "07:00", MONDAY, SHORT_DAY)),
        ("off_grid", ("14:30", "16:00", "08:00")),
        ("off_grid", ("14:00", "15:30", "08:00")),
        ("off_grid", ("14:00:30", "16:00", "08:00")),
        ("off_grid", ("14:01", "16:00", "08:00")),
        ("off_grid", ("14:00", "15:59", "08:00")),
        ("off_grid", ("now", "12:30", "08:00")),
        ("off_grid", ("now", "11:00", "08:00", TOMORROW)),
        ("ok", ("now", "09:00", "08:30:10")),
        ("ok", ("14:30", "16:00", "08:00", MONDAY, replace(HALL, step_minutes=30))),
        ("too_short", ("now", "16:00", "15:51:00")),
        ("ok", ("now", "16:00", "15:50:59")),
        ("too_short", ("now", "22:30", "22:21")),
        ("ok", ("now", "22:30", "22:20")),
        ("closed", ("14:00", "13:00", "08:00")),  # of the next day
        ("closed", ("14:00", "14:00", "08:00")),
        ("too_long", ("now", "18:00", "13:59:59")),
        ("ok", ("now", "18:00", "14:00:00")),
        ("too_long", ("14:00", "19:00", "08:00")),
        ("too_long", ("16:00", "22:30", "08:00", MONDAY, HALL, UPPER)),
        ("ok", ("16:00", "22:00", "08:00", MONDAY, HALL, UPPER)),
        ("ok", ("now", "22:00", "16:44", MONDAY, HALL, UPPER)),
        ("too_long", ("now", "22:00", "16:44")),
    ],
)
def test_a_requested_time_is_accepted_or_refused_at_each_boundary(
    expected: str, wish: tuple[Any, ...]
) -> None:
    assert outcome(lambda: decide(*wish)) == expected
    begins = wish[2] if wish[0] == "now" else wish[0]
    later = timedelta(hours=23 - int(begins[:2]))
    policy = wish[4] if len(wish) > 4 else HALL
    if policy.booking_opens_at is None and later < timedelta(hours=17):
        # The same across midnight. A moment of the day before (Sunday) is one of another day then.
        assert outcome(lambda: partial(decide, later=later)(*wish)) == expected, later


def test_an_accepted_request_gets_exactly_the_requested_time() -> None:
    now = decide("now", "17:00", "16:38:20")
    assert now == hours("16:38", "17:00"), "现在 is cut to the minute"
    assert decide("10:00", "11:00", "08:00", TOMORROW) == hours("10:00", "11:00", TOMORROW)


@pytest.mark.parametrize(
    ("wish", "details"),
    [
        (("10:00", "11:00", "08:00", MONDAY, HOLIDAY), {"reason": "校庆闭馆"}),
        (("06:00", "08:00", "05:00"), {"open": "07:00", "close": "22:30"}),
        (("14:00", "19:00", "08:00"), {"max_minutes": 240}),
        (("now", "16:00", "15:55"), {"min_minutes": 10}),
        (("14:30", "16:00", "08:00"), {"step_minutes": 60}),
        (("10:00", "11:00", "08:00", AFTER_TOMORROW), {"last_date": "2026-09-08"}),
        (("10:00", "11:00", "08:00", TOMORROW, EVENING), {"opens_at": on("20:00")}),
    ],
)
def test_a_refusal_carries_the_limit_that_was_exceeded(
    wish: tuple[Any, ...], details: dict[str, object]
) -> None:
    with pytest.raises(DomainError) as refusal:
        decide(*wish)
    assert refusal.value.details == details


def test_only_eligible_readers_and_enabled_seats_can_book() -> None:
    until = on("12:00")
    reader = Reader(ZHANG, "student", until, lambda: PersonalData("", ""))
    for who, day, when, expected in (
        (reader, MONDAY, on("11:59:59"), "suspended"),
        (reader, MONDAY, until, "ok"),
        (replace(reader, suspended_until=None), MONDAY, until, "ok"),
        (replace(reader, stay=Visit(MONDAY, MONDAY)), MONDAY, until, "ok"),
        (replace(reader, stay=Visit(MONDAY, MONDAY)), TOMORROW, until, "not_admitted"),
        (replace(reader, stay=Visit(TOMORROW, TOMORROW)), MONDAY, until, "not_admitted"),
    ):
        eligible = partial(rules.check_reader_eligible, who, day, when)
        assert outcome(eligible) == expected
    broken = replace(SEAT, disabled="维修")
    for first, last, out in (
        (None, None, True),
        (MONDAY, MONDAY, True),
        (None, SUNDAY, False),
        (TOMORROW, None, False),
        (SUNDAY, TOMORROW, True),
    ):
        dated = replace(broken, disabled_from=first, disabled_until=last)
        assert (dated.unavailable_reason(MONDAY) == "维修") is out, (first, last)
    assert outcome(lambda: rules.seat_in_service(broken, MONDAY)) == "seat_disabled"
    assert outcome(lambda: rules.seat_in_service(SEAT, MONDAY)) == "ok"


# --- choices ------------------------------------------------------------------------------------


def starts(now: str, day: date = MONDAY, policy: Policy = HALL, area: AreaId = AREA) -> list[str]:
    place = open_hours(ZONE, policy, day, VENUE, area)
    return [
        v
        for v, _ in time_choices.start_choices(
            ZONE, day, policy.resolve(None, area), place, on(now)
        )
    ]


def ends(start: str, area: AreaId = AREA, policy: Policy = HALL) -> list[str]:
    (hours,) = open_hours(ZONE, policy, MONDAY, VENUE, area).intervals
    choices = time_choices.end_choices(ZONE, on(start), policy.resolve(None, area), hours)
    return [f"{ZONE.local(end):%H:%M}" for end in choices]


FULL = [f"{hour:02}:00" for hour in range(7, 23)]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (starts("16:08"), ["now", "17:00", "18:00", "19:00", "20:00", "21:00", "22:00"]),
        (ends("16:08"), ["17:00", "18:00", "19:00", "20:00"]),
        (ends("16:08", UPPER), ["17:00", "18:00", "19:00", "20:00", "21:00", "22:00"]),
        (ends("14:00"), ["15:00", "16:00", "17:00", "18:00"]),
        (ends("15:50"), ["16:00", "17:00", "18:00", "19:00"]),
        (ends("15:51"), ["17:00", "18:00", "19:00"]),
        (ends("19:00"), ["20:00", "21:00", "22:00", "22:30"]),
        (ends("18:30"), ["19:00", "20:00", "21:00", "22:00", "22:30"]),
        (ends("18:29"), ["19:00", "20:00", "21:00", "22:00"]),
        (ends("22:00"), ["22:30"]),
        (ends("22:20"), ["22:30"]),
        (ends("22:21"), []),
        (starts("06:30"), FULL),
        (starts("07:00:59"), ["now", *FULL[1:]]),
        (starts("21:59"), ["now", "22:00"]),
        (starts("22:20:59"), ["now"]),
        (starts("22:21"), []),
        (starts("23:00"), []),
        (starts("23:00", TOMORROW), FULL),
        (starts("08:00", MONDAY, HOLIDAY), []),
        (starts("16:08", MONDAY, SHORT_DAY), ["now"]),
    ],
)
def test_the_offered_start_and_end_times(found: list[str], expected: list[str]) -> None:
    assert found == expected


# --- presence -----------------------------------------------------------------------------------

NOW_BOOKING = reserved("14:10", "16:00", made="14:10:20")
TEN_MINUTES = reserved("15:50", "16:00", made="15:50:30")
LATE_ON_THE_DAY = reserved("14:00", "16:00", made="14:00:50")


@pytest.mark.parametrize(
    ("expected", "r", "now"),
    [
        ("too_early", reserved(), "13:29:59"),
        ("ok", reserved(), "13:30:00"),
        ("ok", reserved(), "14:30:00"),
        ("too_late", reserved(), "14:30:01"),
        ("ok", NOW_BOOKING, "14:40:20"),
        ("too_late", NOW_BOOKING, "14:40:21"),
        ("ok", LATE_ON_THE_DAY, "14:30:50"),
        ("ok", TEN_MINUTES, "15:59:59"),
        ("wrong_state", TEN_MINUTES, "16:00:00"),
        ("wrong_state", in_use(), "14:05:00"),
        ("wrong_state", but(reserved(), state=ReservationState.CANCELLED), "14:00:00"),
    ],
)
@by_day_and_night
def test_a_check_in_is_accepted_or_refused_at_each_boundary(
    expected: str, r: Reservation, now: str, later: timedelta
) -> None:
    r = moved(r, later)
    assert outcome(lambda: check_in_rules.may_check_in(r, on(now) + later)) == expected


@pytest.mark.parametrize(
    ("expected", "ask", "r", "now"),
    [
        ("ok", rules.may_cancel, reserved(), "14:30:00"),
        ("wrong_state", rules.may_cancel, reserved(), "14:30:01"),
        ("wrong_state", rules.may_cancel, in_use(), "14:05:00"),
        ("ok", rules.may_change, reserved(), "13:59:59"),
        ("wrong_state", rules.may_change, reserved(), "14:00:00"),
        ("wrong_state", rules.may_change, in_use(when=on("13:40")), "13:50:00"),
        ("ok", check_in_rules.may_return, away(), "15:00:00"),
        ("too_late", check_in_rules.may_return, away(), "15:00:01"),
        ("wrong_state", check_in_rules.may_return, in_use(), "14:30:00"),
        ("wrong_state", check_in_rules.may_return, but(away(), return_by=on("16:00")), "16:00:00"),
        ("ok", check_in_rules.may_finish, in_use(), "15:59:59"),
        ("ok", check_in_rules.may_finish, away(), "15:00:00"),
        ("wrong_state", check_in_rules.may_finish, in_use(), "16:00:00"),
        ("wrong_state", check_in_rules.may_finish, reserved(), "14:00:00"),
    ],
)
@by_day_and_night
def test_a_presence_check_is_accepted_or_refused_at_each_boundary(
    expected: str, ask: Any, r: Reservation, now: str, later: timedelta
) -> None:
    assert outcome(lambda: ask(moved(r, later), on(now) + later)) == expected


@pytest.mark.parametrize(
    ("left", "back"),
    [
        ("10:00:00", "10:30:00"),
        ("10:30:00", "11:00:00"),  # the short leave ends as the meal begins
        ("10:30:01", "11:30:01"),
        ("12:59:59", "13:59:59"),
        ("13:00:00", "13:30:00"),  # the meal is over
        ("16:30:00", "17:00:00"),
        ("16:30:01", "17:30:01"),
        ("18:59:59", "19:59:59"),
        ("19:00:00", "19:30:00"),
        ("21:30:00", "22:00:00"),
        ("21:45:00", "22:00:00"),  # never beyond the end
        ("21:59:59", "22:00:00"),
    ],
)
@pytest.mark.parametrize("later", [timedelta(), *(timedelta(hours=h) for h in (5, 6, 11, 14))])
def test_a_leave_lasts_until_its_return_deadline(left: str, back: str, later: timedelta) -> None:
    """Also some hours later, with midnight in the stay, in a meal time or at its edge."""
    r = moved(in_use(reserved("08:00", "22:00", made="07:30")), later)
    meals = tuple(
        (
            ZONE.local(on(f"{begin:%H:%M}") + later).time(),
            ZONE.local(on(f"{end:%H:%M}") + later).time(),
        )
        for begin, end in HALL.meal_times
    )
    policy = replace(HALL, meal_times=meals)
    assert check_in_rules.decide_return_by(ZONE, r, policy, on(left) + later) == on(back) + later


@pytest.mark.parametrize(
    ("r", "now"),
    [(reserved(), "14:00:00"), (away(), "14:40:00"), (in_use(), "16:00:00")],
)
@by_day_and_night
def test_a_leave_needs_a_checked_in_reader(r: Reservation, now: str, later: timedelta) -> None:
    left = partial(check_in_rules.decide_return_by, ZONE, moved(r, later), HALL, on(now) + later)
    assert outcome(left) == "wrong_state"


@pytest.mark.parametrize(
    ("r", "now", "expected"),
    [
        (reserved(), "10:00", ["cancel", "change"]),
        (reserved(), "13:30", ["check_in", "cancel", "change", "report"]),
        (reserved(), "14:00", ["check_in", "cancel", "report"]),
        (reserved(), "14:30:01", []),
        (in_use(), "14:10", ["leave", "shorten", "finish", "report"]),
        (in_use(), "15:00", ["leave", "extend", "finish", "report"]),
        (but(in_use(), extensions=2), "15:00", ["leave", "finish", "report"]),
        (in_use(), "16:00", []),
        (away(), "14:40", ["return", "finish"]),
        (away(), "15:00:01", ["finish"]),
        (but(reserved(), state=ReservationState.FINISHED), "14:00", []),
    ],
)
@by_day_and_night
def test_the_allowed_actions_of_each_state(
    r: Reservation, now: str, expected: list[str], later: timedelta
) -> None:
    allowed = allowed_actions.allowed_actions(ZONE, moved(r, later), HALL, on(now) + later)
    if later:  # off the full hours, others lie before its end
        allowed, expected = ([a for a in some if a != "shorten"] for some in (allowed, expected))
    assert allowed == expected
