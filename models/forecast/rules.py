"""Forecasts the share of seats that will be used, hour by hour, with the usual error
(docs/forecast.md).

The forecast combines two means: that of the same weekday, and that of all days scaled to the
weekday's level. Later weeks weigh more. If the last week was busier or emptier than usual, this
continues. The usual error is found by forecasting the last four weeks by the same rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, sqrt
from typing import Final

from models.statistics.daily import HOURS, AreaDay

WEEKS: Final = 8
"""A forecast uses the statistics of this many weeks."""
LEAST_DAYS: Final = 28
"""The statistics must begin at least this many days before the day that is forecast."""
LEAST_COUNTED: Final = 20
"""A forecast needs at least this many days with statistics: fewer than ``LEAST_DAYS``, since the
library may be closed on two days a week."""
COVERAGE: Final = 0.8
"""In this share of all hours the true value lies within the error that is given."""

# Chosen with scripts/backtest on simulated libraries; small changes make little difference.
_LATER_WEEKS: Final = 0.8
"""The weight of a week relative to that of the week after it."""
_COMMON_COURSE: Final = 0.6
"""The weight of the mean over all days; the mean of the same weekday has the rest."""
_LAST_DAYS: Final = 7
_TREND: Final = 1.2
"""The factor that continues last week's deviation from the usual; above 1, as rises often go on."""
_TREND_LIMITS: Final = (0.5, 2.0)
_JUDGED_DAYS: Final = 28
_JUDGED_AFTER: Final = 8
"""An error counts if its forecast had this many days of history: a week and one day."""
_LEAST_SPREAD: Final = 0.005
_WEEK: Final = 7


@dataclass(frozen=True, slots=True)
class HourForecast:
    """The forecast for one hour: the share of seats in use, `used`, plus or minus `error`."""

    used: float
    error: float


@dataclass(frozen=True, slots=True)
class _Day:
    """An area's use on a past day. `used`: the share of seats in each hour. `whole`: their sum."""

    date: date
    used: Sequence[float]
    whole: float


def forecast(history: Sequence[AreaDay], day: date) -> Sequence[HourForecast] | None:
    """The forecast for each hour of the day, 0…23; None if the history is too short or has no
    such weekday. ``history``: the area's statistics before ``day``, earliest first."""
    days = [
        _day(d)
        for d in history
        if d.open_minutes and d.seats and (day - d.day).days <= WEEKS * _WEEK
    ]
    if len(days) < LEAST_COUNTED or (day - days[0].date).days < LEAST_DAYS:
        return None
    used, errors = _expected(days, day), _past_errors(days, (day - days[-1].date).days)
    if used is None or not errors:
        return None
    usual = errors[min(len(errors), ceil((len(errors) + 1) * COVERAGE)) - 1]
    return [HourForecast(share, usual * _spread(share)) for share in used]


def together(days: Sequence[Sequence[AreaDay]]) -> list[AreaDay]:
    """The statistics of several areas, added up, for days that all areas have, earliest first."""
    by_day: dict[date, list[AreaDay]] = {}
    for of_area in days:
        for d in of_area:
            by_day.setdefault(d.day, []).append(d)
    return [_sum(by_day[day]) for day in sorted(by_day) if len(by_day[day]) == len(days)]


def _sum(days: Sequence[AreaDay]) -> AreaDay:
    def total(name: str) -> int:
        return sum(getattr(d, name) for d in days)

    counted = ("seats", "open_minutes", "booked", "checked_in", "cancelled", "no_show")
    return AreaDay(
        day=days[0].day,
        area_id=days[0].area_id,
        **{name: total(name) for name in (*counted, "away_expired", "lead_minutes")},
        used=tuple(map(sum, zip(*(d.used for d in days), strict=True))),
    )


def _day(d: AreaDay) -> _Day:
    used = [min(1.0, minutes / (60 * d.seats)) for minutes in d.used]
    return _Day(d.day, used, sum(used))


def _expected(days: Sequence[_Day], day: date) -> list[float] | None:
    """The expected share of seats in use in each hour; None if ``days`` lacks the weekday."""
    weights = [_LATER_WEEKS ** ((day - d.date).days / _WEEK) for d in days]
    weekday = [
        (w, d) for w, d in zip(weights, days, strict=True) if d.date.weekday() == day.weekday()
    ]
    if not weekday:
        return None
    own = _mean(weekday)
    course = _mean(list(zip(weights, days, strict=True)))
    whole = sum(course)
    level = sum(own) / whole if whole else 0.0
    trend = 1 + _TREND * (_last_week(days, weights) - 1)
    return [
        min(1.0, trend * (_COMMON_COURSE * level * common + (1 - _COMMON_COURSE) * alone))
        for common, alone in zip(course, own, strict=True)
    ]


def _mean(weighted: Sequence[tuple[float, _Day]]) -> list[float]:
    all_weights = sum(w for w, _ in weighted)
    return [sum(w * d.used[hour] for w, d in weighted) / all_weights for hour in range(HOURS)]


def _last_week(days: Sequence[_Day], weights: Sequence[float]) -> float:
    """The use in the last week as a factor of the usual (the means of its weekdays)."""
    sums, all_weights = [0.0] * _WEEK, [0.0] * _WEEK
    for w, d in zip(weights, days, strict=True):
        sums[d.date.weekday()] += w * d.whole
        all_weights[d.date.weekday()] += w
    last = days[-_LAST_DAYS:]
    usual = sum(sums[d.date.weekday()] / all_weights[d.date.weekday()] for d in last)
    if not usual:
        return 1.0
    return max(_TREND_LIMITS[0], min(_TREND_LIMITS[1], sum(d.whole for d in last) / usual))


def _past_errors(days: Sequence[_Day], ahead: int) -> list[float]:
    """The errors of past forecasts, ascending, for days ``ahead`` days after the last known day.
    Each error is divided by ``_spread``. Hours without forecast or actual use are left out."""
    past_errors: list[float] = []
    first = days[-1].date - timedelta(days=_JUDGED_DAYS)
    for number, d in enumerate(days):
        if d.date <= first:
            continue
        earlier = [k for k in days[:number] if (d.date - k.date).days >= ahead]
        if not earlier or (d.date - earlier[0].date).days < _JUDGED_AFTER:
            continue
        expected = _expected(earlier, d.date)
        for share, truth in zip(expected or (), d.used, strict=bool(expected)):
            if share or truth:
                past_errors.append(abs(share - truth) / _spread(share))
    return sorted(past_errors)


def _spread(share: float) -> float:
    """How much a share of this size usually deviates: most if half of the seats are used."""
    return sqrt(share * (1 - share) + _LEAST_SPREAD)
