"""Tests the forecasts of fullness on unseen weeks of simulated libraries.

The libraries differ in seed, weekdays, examinations, noise and visitors. A forecast sees earlier
days only. It is compared with the same hour of the week before, and its error with the truth: about
80 of 100 hours should lie within it.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from miniapp_server.load_data.generate import Crowd
from miniapp_server.load_data.visits import open_areas
from miniapp_server.seed import default_policy, read
from models.forecast.rules import WEEKS, forecast
from models.kernel.time_range import TimeRange
from models.library.entities import AreaId, Catalog
from models.profile.entities import LibraryProfile
from models.statistics.daily import HOURS, AreaDay, minutes_by_hour

FIRST: Final = date(2026, 9, 7)
AREAS: Final = ("2f-hall", "3f-hall", "2f-south", "4f-reserved")
LEAST_GAIN: Final = 0.10
COVERAGE: Final = (0.75, 0.85)
_OPEN: Final = range(7, 22)
_DAY: Final = timedelta(days=1)
_READERS: Final = 4000


@dataclass(frozen=True, slots=True)
class Setting:
    """A library. ``share``: visitors as a share of a full library; ``exam``: the rise in the last
    days; ``noise``: the spread between similar days."""

    name: str
    seed: int
    weekdays: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0, 0.85, 0.8, 0.9)
    exam: float = 0.0
    noise: float = 0.1
    share: float = 0.8


@dataclass(slots=True)
class Score:
    """Sums over hours, in shares of the seats."""

    hours: int = 0
    error: float = 0.0
    last_week: float = 0.0
    within: int = 0

    def add(self, other: Score) -> None:
        self.hours += other.hours
        self.error += other.error
        self.last_week += other.last_week
        self.within += other.within

    @property
    def gain(self) -> float:
        """The gain over the same hour of last week: 1 less the quotient of the mean errors."""
        return 1 - self.error / self.last_week

    @property
    def coverage(self) -> float:
        return self.within / self.hours

    @property
    def good(self) -> bool:
        return self.gain >= LEAST_GAIN and COVERAGE[0] <= self.coverage <= COVERAGE[1]


def settings(seeds: int) -> list[Setting]:
    """All libraries, the usual one with ``seeds`` seeds."""
    return [
        *(Setting(f"usual, seed {seed}", seed) for seed in range(1, seeds + 1)),
        Setting("uneven weekdays", 11, weekdays=(1.0, 0.8, 1.1, 0.7, 0.5, 0.3, 0.6)),
        Setting("full at weekends", 12, weekdays=(0.6, 0.6, 0.6, 0.6, 0.8, 1.1, 1.1)),
        Setting("examinations", 13, exam=0.8, share=0.6),
        Setting("noisy", 14, noise=0.25),
        Setting("calm", 15, noise=0.0),
        Setting("few readers", 16, share=0.2),
    ]


def counted_days(setting: Setting, weeks: int) -> Mapping[AreaId, Sequence[AreaDay]]:
    """The nightly counts of each area, for ``weeks`` weeks."""
    data, zone = read(), LibraryProfile().clock
    crowd = Crowd(zone, setting.seed, _READERS, leave=False)
    library = Catalog("", {}, {area.id: area for area in data.areas if area.id in AREAS}, {})
    policy = default_policy(data)
    chance = random.Random(f"backtest {setting.seed}")
    counts: dict[AreaId, list[AreaDay]] = defaultdict(list)
    examined = 0.6 * 7 * weeks
    for number in range(7 * weeks):
        day = FIRST + number * _DAY
        areas = open_areas(zone, library, policy, day)
        crowd.readers.begin_day(day)
        share = setting.share * setting.weekdays[day.weekday()]
        share *= math.exp(chance.gauss(0, setting.noise))
        share *= 1 + setting.exam * max(0.0, number - examined) / (7 * weeks - examined)
        used: dict[AreaId, list[int]] = {area.area_id: [0] * HOURS for area in areas}
        for visit in crowd.visits(areas, share):
            times = visit.times
            if times.checked_in is not None:
                begin = max(times.checked_in, times.start)
                for hour, minutes in minutes_by_hour(zone, day, begin, times.ended).items():
                    used[visit.area_id][hour] += minutes
        for area in areas:
            seats, hours = len(area.seat_ids), TimeRange(area.opens, area.closes)
            opened = seats * int(hours.length.total_seconds() // 60)
            of_hours = tuple(used[area.area_id])
            counts[area.area_id].append(
                AreaDay(day, area.area_id, seats, opened, 0, 0, 0, 0, 0, 0, of_hours)
            )
    return counts


def score(setting: Setting, weeks: int, ahead: int) -> Score:
    """The score of forecasts ``ahead`` days ahead, after the first eight weeks."""
    total = Score()
    for days in counted_days(setting, weeks).values():
        for number in range(7 * WEEKS, len(days)):
            total.add(_score_of_day(days, number, ahead))
    return total


def _score_of_day(days: Sequence[AreaDay], number: int, ahead: int) -> Score:
    truth, before = days[number], days[number - 7]
    predicted = forecast(days[: number - ahead + 1], truth.day)
    assert predicted is not None
    one, seats = Score(), truth.seats
    for hour in _OPEN:
        used, hourly = min(1.0, truth.used[hour] / (60 * seats)), predicted[hour]
        one.hours += 1
        one.error += abs(hourly.used - used)
        one.last_week += abs(min(1.0, before.used[hour] / (60 * seats)) - used)
        # As readers see it: whole seats, and an error of at least one.
        free, error = (
            round(seats * (1 - hourly.used)),
            max(1, round(seats * hourly.error)),
        )
        one.within += abs(free - seats * (1 - used)) <= error
    return one


def main() -> int:
    """Runs the test. Returns the exit status: 1 if a library is outside the goals."""
    parser = argparse.ArgumentParser(prog="scripts/backtest", description=__doc__)
    parser.add_argument("--weeks", type=int, default=14, help="of each library (default: 14)")
    parser.add_argument("--seeds", type=int, default=4, help="of the usual library (default: 4)")
    args = parser.parse_args()
    bad = 0
    print("library              day       mean error  last week    gain  within the error")
    for setting in settings(args.seeds):
        for ahead, name in ((1, "today"), (2, "tomorrow")):
            one = score(setting, args.weeks, ahead)
            bad += not one.good
            print(
                f"{setting.name:20} {name:9} {one.error / one.hours:9.2%} "
                f"{one.last_week / one.hours:10.2%} {one.gain:8.1%} {one.coverage:10.1%}"
                f"{'' if one.good else '   outside'}",
                flush=True,
            )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
