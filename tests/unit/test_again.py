"""再约一次: the last stay's seat at the same time of day, today, from now on, or tomorrow."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from models.policy.entities import Policy
from models.reservations.again import stay_again
from models.reservations.rules import TimeSelection
from tests.builders import on, reserved

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
def test_when(
    stay: tuple[str, str], now: str, bookable: tuple[date, ...], wanted: TimeSelection | None
) -> None:
    last = replace(reserved(), start=on(stay[0]), end=on(stay[1]))
    assert stay_again(last, Policy(version=1), bookable, on(now)) == wanted
