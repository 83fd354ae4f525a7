"""The forecast: when it is made, and its accuracy on weeks it has not seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.forecast.backtest import Setting, score
from models.forecast.rules import LEAST_DAYS, WEEKS, HourForecast, forecast, together
from models.library.entities import AreaId
from models.statistics.daily import HOURS, AreaDay

MONDAY: Final = date(2026, 9, 7)
SEATS: Final = 50


def counted(day: date, used: float | list[float], seats: int = SEATS) -> AreaDay:
    """``used``: the share of the seats in each hour."""
    shares = used if isinstance(used, list) else [0.0] * 8 + [used] * 12 + [0.0] * 4
    minutes = tuple(round(60 * seats * share) for share in shares)
    return AreaDay(day, AreaId("a"), seats, seats * 900, 0, 0, 0, 0, 0, 0, minutes)


def weeks(number: int, used: float = 0.5) -> list[AreaDay]:
    return [counted(MONDAY + timedelta(days=n), used) for n in range(7 * number)]


def after(days: list[AreaDay], ahead: int = 1) -> date:
    return days[-1].day + timedelta(days=ahead)


@pytest.mark.parametrize("ahead", [1, 2])
def test_a_constant_occupancy_is_forecast_with_zero_error(ahead: int) -> None:
    days = weeks(6)
    hours_forecast = forecast(days, after(days, ahead))
    assert hours_forecast is not None and len(hours_forecast) == HOURS
    assert hours_forecast[9].used == pytest.approx(0.5) and hours_forecast[
        9
    ].error == pytest.approx(0)
    assert hours_forecast[3].used == 0


def test_no_forecast_is_made_under_four_weeks_of_days() -> None:
    days = weeks(5)
    for number in range(len(days)):
        possible = forecast(days[:number], MONDAY + timedelta(days=number)) is not None
        assert possible == (number >= LEAST_DAYS), number
    # Four weeks of which there are no Sundays say nothing of a Sunday.
    weekdays = [d for d in days if d.day.weekday() != 6]
    assert forecast(weekdays, date(2026, 10, 11)) is None
    assert forecast(weekdays, date(2026, 10, 12)) is not None
    # Nor do a few days far apart, weeks in which the library was shut, or what is long ago.
    assert forecast([replace(d, open_minutes=0) for d in days], after(days)) is None
    assert forecast(days, after(days) + timedelta(weeks=WEEKS)) is None
    assert forecast(days[::7], after(days)) is None
    assert forecast([], MONDAY) is None


def test_the_forecast_follows_weekday_levels_and_a_rising_trend() -> None:
    def share(number: int) -> float:
        return 0.2 if number % 7 == 5 else 0.6

    days = [counted(MONDAY + timedelta(days=n), share(n)) for n in range(42)]
    saturday, sunday = (forecast(days[:cut], after(days[:cut])) for cut in (40, 41))
    assert saturday is not None and sunday is not None
    assert saturday[9].used == pytest.approx(0.2, abs=0.02)
    assert sunday[9].used == pytest.approx(0.6, abs=0.02)
    fuller = [*days[:35], *(counted(d.day, min(1.0, 1.3 * share(35 + n)))
                            for n, d in enumerate(days[35:]))]  # fmt: skip
    raised = forecast(fuller, after(fuller))
    assert raised is not None and 0.66 < raised[9].used <= 0.85
    assert raised[9].error > 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(st.floats(0, 1), min_size=HOURS, max_size=HOURS), st.booleans()),
        min_size=1,
        max_size=70,
    ),
    st.integers(1, 3),
)
def test_forecast_shares_lie_between_zero_and_one(
    history: list[tuple[list[float], bool]], ahead: int
) -> None:
    days = [
        replace(counted(MONDAY + timedelta(days=n), used), open_minutes=900 * SEATS * is_open)
        for n, (used, is_open) in enumerate(history)
    ]
    hours_forecast = forecast(days, after(days, ahead))
    for hour in hours_forecast or ():
        assert 0 <= hour.used <= 1 and hour.error >= 0
        assert isinstance(hour, HourForecast)


def test_combined_areas_have_the_days_known_for_all_of_them() -> None:
    one, two = weeks(5, 0.2), weeks(4, 0.6)
    both = together([one, [replace(d, seats=150, used=tuple(3 * u for u in d.used)) for d in two]])
    assert [d.day for d in both] == [d.day for d in two]
    assert both[0].seats == 200 and both[0].used[9] == 60 * (10 + 90)
    assert together([one, []]) == []


@pytest.mark.parametrize(
    ("setting", "ahead"),
    [
        pytest.param(Setting("usual", 21), 1, id="usual, today", marks=pytest.mark.whole),
        pytest.param(
            Setting("examinations", 22, exam=0.8, share=0.6), 2, id="examinations, tomorrow"
        ),
    ],
)
def test_the_forecast_beats_the_previous_weeks_values(setting: Setting, ahead: int) -> None:
    """The short form of scripts/backtest, with other seeds."""
    result = score(setting, 11, ahead)
    assert result.good, (result.gain, result.coverage)
