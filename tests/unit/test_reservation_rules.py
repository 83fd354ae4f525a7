"""Each rule on both sides of its boundary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.check_in import allowed_actions
from models.check_in import rules as check_in_rules
from models.kernel.errors import DomainError
from models.kernel.time_range import TimeRange, local_date, to_local
from models.library.entities import AreaId
from models.policy.entities import OpeningRule, Policy
from models.policy.open_hours import open_hours
from models.readers.entities import PersonalData, Reader, Visit
from models.reservations import rules, time_choices
from models.reservations.entities import Reservation
from models.reservations.rules import TimeSelection
from models.reservations.state_machine import ReservationState
from models.violations import rules as violations_rules
from tests.builders import (
    AREA,
    MONDAY,
    SEAT,
    TOMORROW,
    VENUE,
    ZHANG,
    away,
    but,
    hours,
    in_use,
    on,
    reserved,
)

UPPER = AreaId("4f-hall")
HALL = Policy(areas={UPPER: {"max_minutes": 360}})
EVENING = replace(HALL, booking_opens_at=time(20))
HOLIDAY = replace(
    HALL,
    opening=(
        *HALL.opening,
        OpeningRule(None, None, first=MONDAY, last=MONDAY, reason="校庆闭馆", priority=1),
    ),
)
SHORT_DAY = replace(
    HALL,
    opening=(*HALL.opening, OpeningRule(time(9), time(17), first=MONDAY, last=MONDAY, priority=1)),
)


def outcome(ask: Callable[[], object]) -> str:
    """The code of the refusal, or ``ok``."""
    try:
        ask()
    except DomainError as refusal:
        return refusal.code
    return "ok"


def decide(
    start: str,
    end: str,
    now: str,
    day: date = MONDAY,
    policy: Policy = HALL,
    area: AreaId = AREA,
    later: timedelta = timedelta(),
) -> Any:
    """``start`` is a clock time or ``now``; ``now`` is on the Monday. Library, clock and wish can
    all be some hours ``later``."""
    begin = on(now if start == "now" else start, day) + later
    wish = TimeSelection(
        local_date(begin),
        None if start == "now" else to_local(begin).time(),
        to_local(on(end, day) + later).time(),
    )
    policy = shifted(policy, later)
    place = open_hours(policy, wish.day, VENUE, area)
    return rules.resolve_time(wish, policy.resolve(area), place, on(now) + later)


def shifted(policy: Policy, later: timedelta) -> Policy:
    """The same library some hours later; opening hours that begin on the next day are not meant."""

    def clock(opens: time | None) -> time | None:
        return to_local(on(f"{opens:%H:%M}") + later).time() if opens else None

    moved = (replace(r, opens=clock(r.opens), closes=clock(r.closes)) for r in policy.opening)
    return replace(policy, opening=tuple(moved))


def into_the_night(start: str, now: str) -> timedelta:
    """So many hours later it begins in the hour before midnight."""
    return timedelta(hours=23 - int((now if start == "now" else start)[:2]))


SUNDAY = MONDAY - timedelta(days=1)
AFTER_TOMORROW = MONDAY + timedelta(days=2)


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
        ("ok", ("22:00", "22:30", "08:00")),
        ("closed", ("now", "22:30", "22:30")),
        ("closed", ("10:00", "11:00", "08:00", MONDAY, HOLIDAY)),
        ("ok", ("10:00", "11:00", "08:00", TOMORROW, HOLIDAY)),
        ("closed", ("08:00", "10:00", "07:00", MONDAY, SHORT_DAY)),
        ("ok", ("16:00", "17:00", "07:00", MONDAY, SHORT_DAY)),
        ("off_grid", ("14:30", "16:00", "08:00")),
        ("off_grid", ("14:00", "15:30", "08:00")),
        ("off_grid", ("14:00:30", "16:00", "08:00")),
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
def test_wish(expected: str, wish: tuple[Any, ...]) -> None:
    assert outcome(lambda: decide(*wish)) == expected
    later = into_the_night(wish[0], wish[2])
    policy = wish[4] if len(wish) > 4 else HALL
    if policy.booking_opens_at is None and later < timedelta(hours=17):
        # The same across midnight. A moment of the day before (Sunday) is one of another day then.
        assert outcome(lambda: partial(decide, later=later)(*wish)) == expected, later


def test_a_booking_crosses_midnight() -> None:
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
def test_open_hours_hold_what_is_open_on_either_day(
    opens: int, lasts: int, second: int, begin: int, length: int, step: int
) -> None:
    """Against half hours that are counted one by one, over two days with hours of their own."""
    half = timedelta(minutes=30)

    def rule(lasting: int, first: date | None = None) -> OpeningRule:
        start = on("00:00") + opens * half
        closes = to_local(start + lasting * half).time()
        return OpeningRule(to_local(start).time(), closes, first=first, priority=first is not None)

    usual = rule(lasts)
    other = rule(second, TOMORROW) if second else OpeningRule(None, None, TOMORROW, priority=1)
    policy = replace(HALL, opening=(usual, other), step_minutes=step, max_minutes=1440)
    open_halves = {
        n * 48 + opens + k
        for n, rule_lasts in ((-1, lasts), (0, lasts), (1, second), (2, second))
        for k in range(rule_lasts)
    }
    start = on("00:00") + begin * half
    span = TimeRange(start, start + length * half)
    place = open_hours(policy, local_date(start), VENUE, AREA)
    assert place.covers(span.start, span.end) == (set(range(begin, begin + length)) <= open_halves)
    offered = [
        (begun, end)
        for _, begun in time_choices.start_choices(local_date(start), policy, place, on("00:00"))
        if (found := place.containing(begun)) is not None
        for end in time_choices.end_choices(begun, policy, found)
    ]
    assert all(place.covers(*choice) for choice in offered)
    assert all(local_date(begun) == local_date(start) for begun, _ in offered)
    if begin * 30 % step == 0 and (begin % 48) * 30 % step == 0 and length * 30 % step == 0:
        crossing = ((begin % 48) + length) > 48
        if place.covers(span.start, span.end) and not crossing and start > on("00:00"):
            assert (span.start, span.end) in offered


def test_accepted_wish_is_the_time_that_was_asked_for() -> None:
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
def test_refusal_carries_the_number_to_go_by(
    wish: tuple[Any, ...], details: dict[str, object]
) -> None:
    with pytest.raises(DomainError) as refusal:
        decide(*wish)
    assert refusal.value.details == details


def test_reader_and_seat_must_be_free_to_book() -> None:
    until = on("12:00")
    reader = Reader(ZHANG, "student", until, lambda: PersonalData("", ""))
    for who, day, when, wanted in (
        (reader, MONDAY, on("11:59:59"), "suspended"),
        (reader, MONDAY, until, "ok"),
        (replace(reader, suspended_until=None), MONDAY, until, "ok"),
        (replace(reader, stay=Visit(MONDAY, MONDAY)), MONDAY, until, "ok"),
        (replace(reader, stay=Visit(MONDAY, MONDAY)), TOMORROW, until, "not_admitted"),
        (replace(reader, stay=Visit(TOMORROW, TOMORROW)), MONDAY, until, "not_admitted"),
    ):
        eligible = partial(rules.check_reader_eligible, who, day, when)
        assert outcome(eligible) == wanted
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
    place = open_hours(policy, day, VENUE, area)
    return [v for v, _ in time_choices.start_choices(day, policy.resolve(area), place, on(now))]


def ends(start: str, area: AreaId = AREA, policy: Policy = HALL) -> list[str]:
    (hours,) = open_hours(policy, MONDAY, VENUE, area).intervals
    choices = time_choices.end_choices(on(start), policy.resolve(area), hours)
    return [f"{to_local(end):%H:%M}" for end in choices]


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
def test_choices(found: list[str], expected: list[str]) -> None:
    assert found == expected


ALWAYS = replace(HALL, opening=(OpeningRule(time(0), time(0)),))


@pytest.mark.parametrize("now", ["06:00", "07:00:30", "11:59:59", "16:08", "21:55", "22:20:40"])
@pytest.mark.parametrize("area", [AREA, UPPER])
@pytest.mark.parametrize("policy", [HALL, shifted(HALL, timedelta(hours=4, minutes=30)), ALWAYS])
def test_whatever_is_offered_is_accepted(now: str, area: AreaId, policy: Policy) -> None:
    seen = 0
    for day in (MONDAY, TOMORROW):
        place = open_hours(policy, day, VENUE, area)
        numbers = policy.resolve(area)
        for value, start in time_choices.start_choices(day, numbers, place, on(now)):
            open_then = place.containing(start)
            assert open_then is not None
            for end in time_choices.end_choices(start, numbers, open_then):
                wish = TimeSelection(
                    day, None if value == "now" else time.fromisoformat(value), to_local(end).time()
                )
                span = rules.resolve_time(wish, numbers, place, on(now))
                assert (span.start, span.end) == (start, end)
                seen += local_date(end) > day
    assert (seen > 0) == (policy is not HALL), "some go over midnight"


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
def test_check_in(expected: str, r: Reservation, now: str) -> None:
    assert outcome(lambda: check_in_rules.may_check_in(r, on(now))) == expected


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
def test_presence(
    expected: str, ask: Callable[[Reservation, datetime], None], r: Reservation, now: str
) -> None:
    assert outcome(lambda: ask(r, on(now))) == expected


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
def test_leave_lasts(left: str, back: str) -> None:
    r = in_use(reserved("08:00", "22:00", made="07:30"))
    assert check_in_rules.decide_return_by(r, HALL, on(left)) == on(back)


@pytest.mark.parametrize(
    ("r", "now"),
    [(reserved(), "14:00:00"), (away(), "14:40:00"), (in_use(), "16:00:00")],
)
def test_leave_is_for_those_who_sit(r: Reservation, now: str) -> None:
    assert outcome(lambda: check_in_rules.decide_return_by(r, HALL, on(now))) == "wrong_state"


SITS = in_use()  # 14:00–16:00
SITS_LATE = in_use(reserved("19:00", "22:00"))
SITS_TO_CLOSING = in_use(reserved("19:00", "22:30"))


@pytest.mark.parametrize(
    ("expected", "r", "end", "now"),
    [
        ("too_early", SITS, "17:00", "14:59:59"),
        ("ok", SITS, "17:00", "15:00:00"),
        ("ok", SITS, "17:00", "15:59:59"),
        ("wrong_state", SITS, "17:00", "16:00:00"),
        ("wrong_state", away(), "17:00", "15:00:00"),
        ("wrong_state", reserved(), "17:00", "15:00:00"),
        ("ok", but(SITS, extensions=1), "17:00", "15:00:00"),
        ("too_often", but(SITS, extensions=2), "17:00", "15:00:00"),
        ("off_grid", SITS, "16:30", "15:00:00"),
        ("off_grid", SITS, "16:00", "15:00:00"),
        ("off_grid", SITS, "15:00", "15:00:00"),
        ("ok", SITS, "19:00", "15:00:00"),
        ("too_long", SITS, "20:00", "15:59:59"),
        ("ok", SITS_LATE, "22:30", "21:00:00"),
        ("closed", SITS_LATE, "23:00", "21:00:00"),
        ("off_grid", SITS_TO_CLOSING, "22:30", "22:00:00"),
    ],
)
@pytest.mark.parametrize("later", [timedelta(), timedelta(hours=7), timedelta(hours=9)])
def test_extension(expected: str, r: Reservation, end: str, now: str, later: timedelta) -> None:
    """The same where library, stay and clock are some hours later: across midnight."""
    policy, moment, wanted = shifted(HALL, later), on(now) + later, on(end) + later
    r = but(r, start=r.start + later, end=r.end + later)
    place = open_hours(policy, local_date(moment), VENUE, AREA)
    clock_time = to_local(wanted).time()
    found = outcome(lambda: check_in_rules.renewal_end(r, clock_time, policy, place, moment))
    assert found == expected
    if (
        expected != "too_often"
        and outcome(lambda: check_in_rules.may_extend(r, policy, moment)) == "ok"
    ):
        offered = check_in_rules.renewal_choices(r, policy, place, moment)
        assert (wanted in offered) == (expected == "ok"), "choices and decision agree"


def test_a_stay_touches_two_days_at_most() -> None:
    r = but(in_use(), start=on("01:00"), end=on("23:00", TOMORROW))
    place, now = open_hours(ALWAYS, TOMORROW, VENUE, AREA), on("22:30", TOMORROW)
    midnight = on("00:00", AFTER_TOMORROW)
    assert check_in_rules.renewal_choices(r, ALWAYS, place, now) == [midnight]
    for end, expected in ((time(0), "ok"), (time(1), "off_grid")):
        renewed = partial(check_in_rules.renewal_end, r, end, ALWAYS, place, now)
        assert outcome(renewed) == expected


@pytest.mark.parametrize(
    ("r", "now", "expected"),
    [
        (reserved(), "10:00", ["cancel", "change"]),
        (reserved(), "13:30", ["check_in", "cancel", "change", "report"]),
        (reserved(), "14:00", ["check_in", "cancel", "report"]),
        (reserved(), "14:30:01", []),
        (in_use(), "14:10", ["leave", "finish", "report"]),
        (in_use(), "15:00", ["leave", "extend", "finish", "report"]),
        (but(in_use(), extensions=2), "15:00", ["leave", "finish", "report"]),
        (in_use(), "16:00", []),
        (away(), "14:40", ["return", "finish"]),
        (away(), "15:00:01", ["finish"]),
        (but(reserved(), state=ReservationState.FINISHED), "14:00", []),
    ],
)
def test_actions(r: Reservation, now: str, expected: list[str]) -> None:
    assert allowed_actions.allowed_actions(r, HALL, on(now)) == expected


@pytest.mark.parametrize(
    ("event", "excused", "strict", "expected"),
    [
        ("no_show", False, False, True),
        ("no_show", True, False, False),
        ("away_expired", False, False, False),
        ("away_expired", False, True, True),
        ("away_expired", True, True, False),
        ("ended", False, True, False),
        ("reserved", False, True, False),
    ],
)
def test_violation(event: str, excused: bool, strict: bool, expected: bool) -> None:
    policy = replace(HALL, away_timeout_is_violation=strict)
    assert violations_rules.is_violation(event, excused, policy) is expected
