"""The rules on days on which the clocks are set forward or back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Final

import pytest

from models.booking.again import stay_again
from models.booking.time_choices import end_choices, start_choices
from models.check_in import rules as check_in_rules
from models.kernel.errors import DomainError
from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import SeatId
from models.opening_draw.entities import Outcome, Ticket
from models.opening_draw.rules import ServingOrder
from models.policy.entities import OpeningRule, Policy, time_steps
from models.policy.open_hours import OpenHours, open_hours
from models.profile.zones import standard_minutes, zone_of
from models.reservations.errors import OffGrid
from models.reservations.rules import TimeSelection, resolve_time
from models.statistics.daily import minutes_by_hour
from tests.builders import AREA, VENUE, in_use, reserved

HOUR: Final = timedelta(hours=1)


def zone(name: str) -> Zone:
    return zone_of(name, standard_minutes(name, 2026))


BERLIN: Final = zone("Europe/Berlin")
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
ALWAYS: Final = Policy(
    opening=(OpeningRule(time(0), time(0)),), booking_window_days=7, max_minutes=1440
)


def at(day: date, clock: str, zone: Zone = BERLIN) -> datetime:
    return zone.instant(day, time.fromisoformat(clock))


def place(day: date, zone: Zone = BERLIN, policy: Policy = ALWAYS) -> OpenHours:
    return open_hours(zone, policy, day, VENUE, AREA)


def booked(
    day: date, start: str, end: str, now: datetime, zone: Zone = BERLIN, step: int = 30
) -> str:
    """The instants that a reader gets, or the code of the refusal."""
    policy = replace(ALWAYS, step_minutes=step)
    begin = None if start == "now" else time.fromisoformat(start)
    wish = TimeSelection(day, begin, time.fromisoformat(end))
    try:
        span = resolve_time(zone, wish, policy, place(day, zone, policy), now)
    except OffGrid as refusal:
        return f"off_grid {refusal.details.get('left_out', '')}".strip()
    except DomainError as refusal:
        return refusal.code
    return f"{zone.local(span.start):%H:%M%z}–{zone.local(span.end):%H:%M%z}"


@pytest.mark.parametrize(
    ("name", "day", "wish", "got"),
    [
        ("Europe/Berlin", SPRING, "01:00 04:00", "01:00+0100–04:00+0200"),
        ("Europe/Berlin", SPRING, "02:30 04:00", "off_grid 02:30"),
        ("Europe/Berlin", SPRING, "01:00 02:30", "off_grid 02:30"),
        ("Europe/Berlin", SPRING, "01:30 03:00", "01:30+0100–03:00+0200"),
        ("Europe/Berlin", AUTUMN, "02:00 03:00", "02:00+0200–03:00+0100"),
        ("Europe/Berlin", AUTUMN, "02:00 02:30", "02:00+0200–02:30+0200"),
        ("Europe/Berlin", AUTUMN, "01:30 02:30", "01:30+0200–02:30+0200"),
        ("America/New_York", date(2026, 3, 8), "02:00 05:00", "off_grid 02:00"),
        ("America/New_York", date(2026, 11, 1), "00:30 01:30", "00:30-0400–01:30-0400"),
        ("Australia/Lord_Howe", date(2026, 10, 4), "02:00 05:00", "off_grid 02:00"),
        ("Australia/Lord_Howe", date(2026, 10, 4), "02:30 03:00", "02:30+1100–03:00+1100"),
        ("Australia/Lord_Howe", date(2026, 4, 5), "01:30 02:00", "01:30+1100–02:00+1030"),
        ("Asia/Kathmandu", date(2026, 9, 7), "09:30 11:00", "09:30+0545–11:00+0545"),
        ("America/Santiago", date(2026, 9, 6), "00:30 02:00", "off_grid 00:30"),
        ("America/Santiago", date(2026, 9, 6), "01:00 02:00", "01:00-0300–02:00-0300"),
        ("America/Santiago", date(2026, 9, 5), "23:00 01:00", "23:00-0400–01:00-0300"),
        ("America/Santiago", date(2026, 9, 5), "23:00 00:00", "off_grid 00:00"),
    ],
)
def test_a_chosen_time_is_the_first_that_the_clocks_show(
    name: str, day: date, wish: str, got: str
) -> None:
    there = zone(name)
    noon_before = there.instant(day - timedelta(days=1), time(12))
    start, end = wish.split()
    assert booked(day, start, end, noon_before, there) == got


def test_now_works_in_both_passes_of_a_doubled_hour() -> None:
    for hour in (0, 1):
        now = at(AUTUMN, "02:15") + hour * HOUR
        assert booked(AUTUMN, "now", "03:00", now)[:5] == "02:15"
        (start, begin), *others = start_choices(BERLIN, AUTUMN, ALWAYS, place(AUTUMN), now)
        assert (start, begin) == ("now", now) and others[0] == ("03:00", at(AUTUMN, "03:00"))
    assert booked(AUTUMN, "02:30", "03:00", at(AUTUMN, "02:45")) == "in_the_past"


@pytest.mark.parametrize(
    ("name", "day", "hours"),
    [
        ("Europe/Berlin", SPRING, 23),
        ("Europe/Berlin", AUTUMN, 25),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("America/Santiago", date(2026, 9, 6), 23),
        ("America/Santiago", date(2026, 4, 4), 25),
    ],
)
def test_a_house_that_never_closes_has_no_gap_on_an_odd_day(
    name: str, day: date, hours: float
) -> None:
    there = zone(name)
    begin, end = there.midnight(day), there.midnight(day + timedelta(days=1))
    assert end - begin == hours * HOUR
    (opened,) = place(day, there).intervals
    assert opened.start < begin and opened.end > end
    steps = [step for step in time_steps(there, ALWAYS, opened) if begin <= step < end]
    labels = [f"{there.local(step):%H:%M}" for step in steps]
    assert len(set(labels)) == len(labels) == min(24, int(hours))
    ends = end_choices(there, begin, ALWAYS, opened)
    assert ends[-1] <= begin + ALWAYS.longest and at(day, "05:00", there) in ends


def test_hours_that_open_or_close_in_the_left_out_hour_do_so_at_the_jump() -> None:
    jump = at(SPRING, "03:00")
    for opens, closes, expected in (
        (time(2, 30), time(9), TimeRange(jump, at(SPRING, "09:00"))),
        (time(1), time(2, 30), TimeRange(at(SPRING, "01:00"), jump)),
        (time(2), time(3), None),
    ):
        policy = Policy(opening=(OpeningRule(opens, closes),))
        assert policy.day_hours(BERLIN, SPRING, VENUE, AREA).hours == expected


def test_a_stay_over_an_odd_hour_is_renewed_shortened_and_left_by_instants() -> None:
    start, end = at(AUTUMN, "01:00"), at(AUTUMN, "04:00")
    r = replace(in_use(reserved()), start=start, end=end, date=AUTUMN)
    now = at(AUTUMN, "02:30") + HOUR  # 02:30 for the second time
    assert end - start == 4 * HOUR
    choices = check_in_rules.earlier_ends(BERLIN, r, ALWAYS, place(AUTUMN), now)
    assert choices == [at(AUTUMN, "03:00")]
    shortened = check_in_rules.earlier_end(BERLIN, r, time(3), ALWAYS, place(AUTUMN), now)
    assert shortened == at(AUTUMN, "03:00") == now + HOUR / 2
    assert check_in_rules.decide_return_by(BERLIN, r, ALWAYS, now) == now + HOUR / 2
    late = end - HOUR / 4
    renewed = check_in_rules.renewal_end(BERLIN, r, time(6), ALWAYS, place(AUTUMN), late)
    assert renewed - start == 6 * HOUR
    before = replace(r, start=at(SPRING, "00:00"), end=at(SPRING, "01:00"), date=SPRING)
    with pytest.raises(OffGrid) as refusal:
        check_in_rules.renewal_end(
            BERLIN, before, time(2, 30), ALWAYS, place(SPRING), at(SPRING, "00:45")
        )
    assert refusal.value.details["left_out"] == "02:30"


def test_the_check_in_window_of_a_stay_at_the_jump_lasts_its_minutes() -> None:
    start = at(SPRING, "03:00")
    policy = replace(ALWAYS, meal_times=((time(2), time(3)),))
    assert check_in_rules.leave_duration(BERLIN, policy, start - HOUR) == HOUR / 2
    r = replace(reserved(), start=start, end=start + HOUR, check_in_from=start - HOUR / 2)
    check_in_rules.may_check_in(replace(r, check_in_until=start + HOUR / 2), start - HOUR / 2)
    assert f"{BERLIN.local(r.check_in_from):%H:%M}" == "01:30"


def test_once_more_keeps_the_time_of_day_over_a_change_of_the_clocks() -> None:
    day = SPRING - timedelta(days=1)
    last = replace(reserved(), start=at(day, "14:08"), end=at(day, "16:00"), date=day)
    now = at(SPRING, "09:00")
    again = stay_again(BERLIN, last, replace(ALWAYS, step_minutes=60), {SPRING}, now)
    assert again == TimeSelection(SPRING, time(14), time(16))


def test_the_hours_of_an_odd_day_hold_all_minutes_of_use() -> None:
    for day, expected in ((SPRING, {1: 60, 3: 60}), (AUTUMN, {1: 60, 2: 120, 3: 60})):
        used = minutes_by_hour(BERLIN, day, at(day, "01:00"), at(day, "04:00"))
        assert used == expected
    lord_howe = zone("Australia/Lord_Howe")
    day = date(2026, 10, 4)
    used = minutes_by_hour(lord_howe, day, lord_howe.midnight(day), at(day, "04:00", lord_howe))
    assert used == {0: 60, 1: 60, 2: 30, 3: 60}


def test_the_draw_orders_stays_of_both_passes_of_a_doubled_hour() -> None:
    first = TimeRange(at(AUTUMN, "02:00"), at(AUTUMN, "02:30"))
    second = TimeRange(first.start + HOUR, first.end + HOUR)
    early = TimeRange(BERLIN.midnight(AUTUMN), at(AUTUMN, "00:30"))
    spans = {"a": first, "b": second, "c": early, "d": TimeRange(early.start, second.end)}
    tickets = [
        Ticket(AUTUMN, ReaderId(name), 0, SeatId("1"), span, name) for name, span in spans.items()
    ]
    order = ServingOrder(BERLIN, tickets)
    a, b, c, d = (ticket.id for ticket in tickets)
    assert order.first() == [a, b, c], "none of them overlaps; the last one meets all"
    assert order.served(a, Outcome.WON) == [d]
