"""Extensions and earlier ends: each rule on both sides of its boundary."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest

from models.check_in import rules, transitions
from models.policy.entities import Policy
from models.policy.open_hours import open_hours
from models.reservations.entities import Reservation
from tests.builders import (
    AREA,
    BY_READER,
    VENUE,
    ZONE,
    away,
    but,
    in_use,
    on,
    outcome,
    reserved,
    shifted,
)

HALL: Final = Policy()
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
def test_an_extension_is_accepted_or_refused_at_each_boundary(
    expected: str, r: Reservation, end: str, now: str, later: timedelta
) -> None:
    """Also with library, stay and clock some hours later, across midnight."""
    policy, moment, new_end = shifted(HALL, later), on(now) + later, on(end) + later
    r = but(r, start=r.start + later, end=r.end + later)
    place = open_hours(ZONE, policy, ZONE.day(moment), VENUE, AREA)
    clock_time = ZONE.local(new_end).time()
    result = outcome(lambda: rules.renewal_end(ZONE, r, clock_time, policy, place, moment))
    assert result == expected
    if expected != "too_often" and outcome(lambda: rules.may_extend(r, policy, moment)) == "ok":
        offered = rules.renewal_choices(ZONE, r, policy, place, moment)
        assert (new_end in offered) == (expected == "ok"), "choices and decision agree"


@pytest.mark.parametrize(
    ("expected", "r", "end", "now"),
    [
        ("ok", SITS, "15:00", "14:10:00"),
        ("ok", SITS, "15:00", "14:59:59"),
        ("end_not_earlier", SITS, "16:00", "14:10:00"),
        ("end_not_earlier", SITS, "17:00", "14:10:00"),
        ("end_not_earlier", SITS, "14:00", "14:10:00"),
        ("off_grid", SITS, "15:30", "14:10:00"),
        ("wrong_state", SITS, "15:00", "15:00:00"),
        ("wrong_state", SITS, "15:00", "16:00:00"),
        ("wrong_state", away(), "15:00", "14:10:00"),
        ("wrong_state", reserved(), "15:00", "14:10:00"),
        # Checked in before the start.
        ("ok", SITS, "15:00", "13:40:00"),
        ("end_not_earlier", SITS, "14:00", "13:40:00"),
        ("ok", SITS_LATE, "21:00", "20:10:00"),
        # The last step before closing time is less than a step away from it.
        ("ok", SITS_TO_CLOSING, "22:00", "21:35:00"),
        ("wrong_state", SITS_TO_CLOSING, "22:00", "22:00:00"),
    ],
)
@pytest.mark.parametrize("later", [timedelta(), timedelta(hours=7), timedelta(hours=9)])
def test_an_earlier_end_is_accepted_or_refused_at_each_boundary(
    expected: str, r: Reservation, end: str, now: str, later: timedelta
) -> None:
    """Also with library, stay and clock some hours later, across midnight."""
    policy, moment, new_end = shifted(HALL, later), on(now) + later, on(end) + later
    r = but(r, start=r.start + later, end=r.end + later)
    place = open_hours(ZONE, policy, ZONE.day(moment), VENUE, AREA)
    clock_time = ZONE.local(new_end).time()
    result = outcome(lambda: rules.earlier_end(ZONE, r, clock_time, policy, place, moment))
    assert result == expected
    if outcome(lambda: rules.may_shorten(ZONE, r, policy, moment)) == "ok":
        offered = rules.earlier_ends(ZONE, r, policy, place, moment)
        assert offered and (new_end in offered) == (expected == "ok"), "choices and decision agree"


def test_an_earlier_end_caps_the_check_in_deadline() -> None:
    """An outage had extended the check-in deadline; the reader came before it and leaves before
    it."""
    sits = but(SITS, check_in_until=on("15:10"))
    shorter = transitions.shorten(ZONE, sits, on("15:00"), HALL, BY_READER, on("14:30"))
    assert (shorter.end, shorter.check_in_until) == (on("15:00"), on("15:00"))
