"""How full an area will be, hour by hour, and how wrong that usually is.

An hour's share of used seats is forecast from the last eight weeks: the mean of the same weekday
and the mean course of all days at that weekday's level, both with more weight on later weeks,
raised or lowered by how the last week was against what its weekdays usually are. The error is what
the same rule was wrong by on the days of the last four weeks (docs/forecast.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, sqrt
from typing import Final

from models.statistics.daily import HOURS, AreaDay

WEEKS: Final = 8
"""So far back the past says something."""
LEAST_DAYS: Final = 28
"""A forecast needs so many days between the first one that was counted and its own, …"""
LEAST_COUNTED: Final = 20
"""… and so many counted ones: a library may be closed on two days of each week."""
COVERAGE: Final = 0.8
"""The part of the hours in which the truth lies within the error."""

# Chosen on simulated libraries with scripts/backtest; the results change little around them.
_LATER_WEEKS: Final = 0.8
"""A week weighs so much of the one after it."""
_COMMON_COURSE: Final = 0.6
"""Weight of the mean course of all days, against that of the same weekday alone."""
_LAST_DAYS: Final = 7
_TREND: Final = 1.2
"""So much of the last week's deviation goes on: more than all, since what rises goes on rising."""
_TREND_LIMITS: Final = (0.5, 2.0)
_JUDGED_DAYS: Final = 28
_JUDGED_AFTER: Final = 8
"""Days of history that a judged forecast needs: each weekday, and one more."""
_LEAST_SPREAD: Final = 0.005
_WEEK: Final = 7


@dataclass(frozen=True, slots=True)
class HourForecast:
    """Shares of the seats: so many will be ``used`` in the hour, give or take ``error``."""

    used: float
    error: float


@dataclass(frozen=True, slots=True)
class _Day:
    """``used``: of each hour of the day the share of the seats, and of all hours together."""

    date: date
    used: Sequence[float]
    whole: float


def forecast(history: Sequence[AreaDay], day: date) -> Sequence[HourForecast] | None:
    """Of each hour of the day, 0…23. ``history``: the area's counted days, the earliest first, all
    before ``day``. None under four weeks of them, or where nothing is known of that weekday."""
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
    """Several areas as one: the days that were counted of all of them, the earliest first."""
    found: dict[date, list[AreaDay]] = {}
    for of_area in days:
        for d in of_area:
            found.setdefault(d.day, []).append(d)
    return [_sum(found[day]) for day in sorted(found) if len(found[day]) == len(days)]


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
    """The share of each hour; None where nothing is known of that weekday."""
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
    """How the last days were against the means of their weekdays: 1 where they were as usual."""
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
    """What forecasts that looked ``ahead`` so many days were wrong by, in units of what is usual
    for such a share, the smallest first. Hours in which nobody ever sits say nothing."""
    found: list[float] = []
    first = days[-1].date - timedelta(days=_JUDGED_DAYS)
    for number, d in enumerate(days):
        if d.date <= first:
            continue
        known = [k for k in days[:number] if (d.date - k.date).days >= ahead]
        if not known or (d.date - known[0].date).days < _JUDGED_AFTER:
            continue
        expected = _expected(known, d.date)
        for share, truth in zip(expected or (), d.used, strict=bool(expected)):
            if share or truth:
                found.append(abs(share - truth) / _spread(share))
    return sorted(found)


def _spread(share: float) -> float:
    """A share near none or all of the seats varies less than one near half of them."""
    return sqrt(share * (1 - share) + _LEAST_SPREAD)
