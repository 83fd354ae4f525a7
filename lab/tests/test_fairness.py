"""scripts/fairness: how readers arrive and choose, the sums, and the short form."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

import pytest

from lab.fairness.__main__ import POLICIES, complaints, table
from lab.fairness.hours import Day, Held, Waited, day_summary, ghost_hours, idle_hours
from lab.fairness.model import (
    EARLY_S,
    EARLY_SHARE,
    REACTION_MEDIAN_S,
    Opening,
    Popularity,
    presses_s,
    summary,
)
from lab.fairness.opening import opening, opening_house
from miniapp_server.embedded_databases import EmbeddedDatabases

TEN = datetime.fromisoformat("2026-09-08T10:00:00+08:00")
HOUR = timedelta(hours=1)


def test_readers_press_at_human_times() -> None:
    rng = random.Random(1)
    presses = [presses_s(rng) for _ in range(4000)]
    assert median(one[-1] for one in presses) == pytest.approx(REACTION_MEDIAN_S, rel=0.05)
    early = [one[0] for one in presses if len(one) == 2]
    assert len(early) / len(presses) == pytest.approx(EARLY_SHARE, abs=0.02)
    assert all(-EARLY_S <= moment <= 0 for moment in early)
    assert all(one[-1] > 0 for one in presses)


def test_popular_free_seats_are_chosen_more_often() -> None:
    rng = random.Random(1)
    seats = [f"s{number}" for number in range(100)]
    popularity = Popularity(seats)
    chosen = Counter(popularity.choose(rng) for _ in range(5000))
    assert chosen["s0"] > chosen["s9"] > chosen["s99"] > 0
    assert popularity.choose(rng, set()) is None
    assert popularity.choose(rng, {"s99"}) == "s99"
    assert {popularity.choose(rng, {"s5", "s98"}) for _ in range(200)} == {"s5", "s98"}


OPENING = Opening(
    seats=100, honest=190, bots=10, honest_wins=92, bot_wins=8, answers_s=[0.1, 0.2, 0.3],
    gone_s=2.0, longest_s=0.4, statuses={201: 100, 409: 50}, late_s=0.01, doubles=0, failures=0,
)  # fmt: skip


def test_the_excess_is_the_share_of_wins_above_the_share_of_readers() -> None:
    sums = summary([OPENING, replace(OPENING, honest_wins=96, bot_wins=4, failures=1)])
    assert (sums["bots_of_readers_percent"], sums["bots_of_wins_percent"]) == (5.0, 6.0)
    assert (sums["excess_points"], sums["excess_of_each"]) == (1.0, [3.0, -1.0])
    assert (sums["readers"], sums["wins"], sums["answer_p50_ms"]) == (200, 200, 200)
    assert sums["statuses"] == {"201": 200, "409": 100}
    results = {"seed": 1, "workers": 2, "openings": {"drawn": sums}}
    assert "| drawn | 5.0 % | 6.0 % | +1.0 points |" in table(results)
    assert complaints(results) == ["drawn: 1 failures"]
    assert complaints({"openings": {"drawn": summary([OPENING])}}) == []


def held(seat: str, since: float, start: float, end: float, state: str = "completed") -> Held:
    """A stay. Times are hours after ten."""
    return Held(seat, "r1", TEN + since * HOUR, TEN + start * HOUR, TEN + end * HOUR, state)


def waited(since: float, until: float, start: float, end: float) -> Waited:
    return Waited("hall", *(TEN + hours * HOUR for hours in (since, until, start, end)))


DAY = Day(
    {"a": "hall", "b": "hall", "c": "attic"}, 20, {"r1"}, TEN, TEN + 4 * HOUR, [], [], [0.1], 0
)


@pytest.mark.parametrize(
    ("holds", "waits", "idle", "demand"),
    [
        ([], [], 0, 0),  # without a waiting reader no seat is idle
        ([], [waited(0, 1, 0, 2)], 2, 2),
        ([held("a", -1, 0, 2)], [waited(0, 1, 0, 2)], 1, 2),
        ([held("a", -1, 0, 2), held("b", -1, 1, 2)], [waited(0, 1, 0, 2)], 0, 2),  # too short
        ([held("a", -1, 0, 2), held("b", 0.5, 1, 2)], [waited(0, 1, 0, 2)], 0.5, 2),
        ([held("a", -1, 0, 2), held("b", -1, 2, 3)], [waited(0, 1, 0, 2)], 1, 2),
        ([], [waited(0, 4, 1, 2)], 2, 2),  # only from its start on
    ],
)
def test_a_free_seat_is_idle_while_a_waiting_reader_could_have_it(
    holds: list[Held], waits: list[Waited], idle: float, demand: float
) -> None:
    assert idle_hours(replace(DAY, held=holds, waited=waits)) == pytest.approx((idle, demand))


def test_no_shows_hold_their_seats_until_the_deadline() -> None:
    day = replace(
        DAY,
        held=[held("a", -1, 0, 0.5, "no_show"), held("b", -1, 0, 2)],
        waited=[waited(0, 1, 0, 2)],
    )
    assert ghost_hours(day) == (1, 0.5)
    sums = day_summary(day)
    assert (sums["ghosts"], sums["ghost_hours"], sums["bookings"]) == (1, 0.5, 2)
    assert (sums["idle_hours"], sums["wanted_hours"], sums["idle_percent"]) == (
        0.5,
        2.0,
        25.0,
    )
    assert (sums["bots_of_readers_percent"], sums["bots_of_wins_percent"]) == (5.0, 100.0)
    assert "0.5 of 2.0 h (25.0 %)" in table({"day": sums})


@pytest.mark.timeout(60)
async def test_the_short_fairness_run_reports_an_opening(
    databases: EmbeddedDatabases, tmp_path: Path
) -> None:
    """With real processes and few readers everybody is answered, and no seat is given twice."""
    async with opening_house(tmp_path, databases, 12, POLICIES["drawn"]) as home:
        sums = summary([await opening(home, 40, 2, workers=1, seed=1)])
    assert (sums["readers"], sums["bots"], sums["wins"]) == (40, 2, 12)
    assert (sums["doubles"], sums["failures"]) == (0, 0)
    assert sums["statuses"]["201"] == 12 and "422" in sums["statuses"], "bots come too early"
    assert sums["request_max_ms"] > 0 and sums["gone_s"] > 0
