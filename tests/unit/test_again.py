"""再约一次: the last stay's seat at the same time of day: today, from now on, or tomorrow."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from models.booking.again import stay_again
from models.booking.time_choices import proposed_start, start_choices
from models.library.entities import VenueId
from models.policy.entities import OpeningRule, Policy
from models.policy.open_hours import open_hours
from models.readers.entities import onlooker
from models.reservations.rules import TimeSelection
from tests.builders import ZONE, on, reserved

TODAY = date(2026, 9, 7)
TOMORROW = TODAY + timedelta(days=1)
BOTH = (TODAY, TOMORROW)


@pytest.mark.parametrize(
    ("stay", "now", "bookable", "wanted"),
    [
        (("10:00", "12:00"), "08:00", BOTH, TimeSelection(TODAY, time(10), time(12))),
        (("10:00", "12:00"), "10:00", BOTH, TimeSelection(TODAY, None, time(12))),
        (("10:00", "12:00"), "11:30", BOTH, TimeSelection(TODAY, None, time(12))),
        (("10:00", "12:00"), "11:31", BOTH, TimeSelection(TOMORROW, time(10), time(12))),
        (("10:00", "12:00"), "20:00", BOTH, TimeSelection(TOMORROW, time(10), time(12))),
        (("10:00", "12:00"), "20:00", (TODAY,), None),
        # Begun now, at an odd minute: on another day at the step before it.
        (("16:08", "18:00"), "08:00", BOTH, TimeSelection(TODAY, time(16), time(18))),
        (("16:08", "18:00"), "16:03", BOTH, TimeSelection(TODAY, None, time(18))),
    ],
)
def test_staying_again_proposes_the_same_time_today_now_or_tomorrow(
    stay: tuple[str, str], now: str, bookable: tuple[date, ...], wanted: TimeSelection | None
) -> None:
    last = replace(reserved(), start=on(stay[0]), end=on(stay[1]))
    assert stay_again(ZONE, last, Policy(version=1), bookable, on(now)) == wanted


@pytest.mark.parametrize(
    ("starts", "usual"),
    [
        ("", None),
        ("14:08", time(14, 8)),
        ("21:00 13:30", time(13, 30)),
        # Neither the early bird's day nor the late one.
        ("13:00 07:00 21:00 13:00 12:30", time(13)),
    ],
)
def test_the_usual_start_is_the_median_of_the_latest_starts(
    starts: str, usual: time | None
) -> None:
    assert replace(onlooker("s"), stay_starts=starts).usual_start == usual


@pytest.mark.parametrize(
    ("opens", "closes", "usual", "start"),
    [
        ("07:00", "22:30", None, "09:00"),
        ("07:00", "22:30", time(14, 8), "14:00"),
        ("07:00", "22:30", time(7), "07:00"),
        ("10:00", "22:30", time(7), "10:00"),
        # Nobody can check in before the doors open.
        ("09:00", "22:30", None, "10:00"),
        ("08:30", "22:30", None, "09:00"),
        ("00:00", "23:59", None, "09:00"),
        ("06:00", "08:30", None, "08:00"),
        ("18:00", "22:00", None, "19:00"),
    ],
)
def test_another_day_proposes_the_usual_start_within_the_hours(
    opens: str, closes: str, usual: time | None, start: str
) -> None:
    policy = Policy(
        version=1, opening=(OpeningRule(time.fromisoformat(opens), time.fromisoformat(closes)),)
    )
    place = open_hours(ZONE, policy, TOMORROW, VenueId("library"), None)
    starts = [at for _, at in start_choices(ZONE, TOMORROW, policy, place, on("20:00"))]
    proposed = proposed_start(ZONE, starts, usual, policy, place.intervals)
    assert proposed == on(start) + timedelta(days=1)
