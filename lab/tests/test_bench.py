"""The short form of the benchmark: the test checks bookings, messages and output, never times."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from lab.bench.against import compared, compared_table, evidence
from lab.bench.load import Run
from lab.bench.report import NAMES, complaints, report, table

ROOT: Final = Path(__file__).resolve().parents[2]
KEYS: Final = {
    *("rps", "ratio", "p50_ms", "p99_ms", "errors", "refused", "ratios", "statuses", "facts"),
    "cpu",
}
SIZES: Final = ("starts", "pairs", "burst")
TRIES: Final = range(2000)
COSTS: Final = {"application", "mongod", "redis", "client"}
UNPLAYED: Final = frozenset({"idle"})
"""Runs without requests."""
UNCOSTED: Final = frozenset({"idle", "sse", "delivery"})
"""Runs whose processes are not measured."""


def bench(*options: str) -> subprocess.CompletedProcess[str]:
    """The benchmark's status and output. It is begun once more if it could not measure at all: on a
    machine that runs other tests its databases may not answer in time."""
    done = _bench(options)
    return done if done.stdout else _bench(options)


def _bench(options: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lab.bench", "--json", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=230,
        check=False,
    )


@pytest.mark.timeout(240)
def test_the_short_benchmark_reports_no_errors_and_no_double_bookings() -> None:
    done = bench("--short")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result.keys() == {"runs", "doubles", "pairs", "rounds", "machine"}
    assert result["doubles"] == 0 and result["rounds"] == 1
    assert list(result["runs"]) == list(NAMES)
    for name, run in result["runs"].items():
        assert run.keys() == KEYS, name
        assert run["errors"] == 0, name
        assert name in UNPLAYED or (run["rps"] > 0 and run["ratio"] > 0), name
        assert name in UNCOSTED or run["cpu"].keys() == COSTS, name
    assert result["runs"]["hello"]["ratio"] == 1
    assert list(result["pairs"]) == [
        *("reads_2w/reads_1w", "reserve_2w/reserve_1w"),
        *("reserve_grown/reserve", "areas_grown/areas"),
    ]
    rush, sse = result["runs"]["rush"], result["runs"]["sse"]
    facts = rush["facts"]
    assert facts["bookings"] == facts["seats"] and facts["readers"] == 3 * facts["seats"]
    assert sum(facts["first_answers"].values()) == facts["readers"], "everybody was answered"
    assert facts["all_answers"].keys() <= {"201", "409", "429", "503"}
    assert sse["facts"]["missing"] == 0 and sse["facts"]["events"] > sse["facts"]["bookings"] > 0
    assert result["runs"]["reserve_grown"]["facts"]["past"] > 4000
    reserve, lone, idle = (result["runs"][name] for name in ("reserve", "lone", "idle"))
    assert reserve["cpu"]["application"] > 0 and lone["cpu"]["mongod"] > 0
    assert lone["facts"]["cpu_apart"].keys() == COSTS
    assert 0 <= idle["facts"]["percent_of_a_core"] < 100 and idle["facts"]["worker_mb"] > 20
    assert len(result["machine"]["others"]) == 1 and result["machine"]["waited_s"] == 0


@pytest.mark.timeout(240)
def test_a_planted_error_and_a_planted_double_booking_are_reported() -> None:
    done = bench("--seconds", "1", "--only", "areas", "--plant")
    assert done.returncode == 1 and done.stdout, done.stderr
    result = json.loads(done.stdout)
    assert result["doubles"] == 2, "the seat and its reader"
    assert result["runs"]["areas"]["errors"] > 0 and "404" in result["runs"]["areas"]["statuses"]
    assert "error: areas: " in done.stderr and "error: 2 doubles" in done.stderr


@pytest.mark.timeout(240)
def test_two_versions_are_compared_in_alternating_bursts() -> None:
    """The version is compared with itself. The quotients are not checked, since the machine may
    be busy."""
    options = "--repeat", "1", "--burst", "500", "--only", "reserve,plan_304,pages,lone"
    done = bench("--against", str(ROOT), "--starts", "2", *options)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["doubles"], result["starts"], result["pairs"]) == (0, 2, 1)
    assert set(result["runs"]) == {"reserve", "plan_304", "pages", "lone_look", "lone_booking"}
    for name, comparison in result["runs"].items():
        for quantity in ("rps", "p50_ms"):
            assert len(comparison[quantity]["starts"]) == 2
            assert min(*comparison[quantity]["both"], *comparison[quantity]["starts"]) > 0, name


def test_a_folder_that_is_not_set_up_is_reported(tmp_path: Path) -> None:
    done = bench("--against", str(tmp_path))
    assert done.returncode == 1
    assert f"{tmp_path} is not set up: run scripts/setup-env embedded there" in done.stderr


def test_a_start_is_one_quotient_and_a_difference_needs_five_starts() -> None:
    def one(rps: float, application: float) -> Run:
        return run(rps=rps, cpu={"application": application, "mongod": 0.002})

    pairs = [one(rps, 0.04) for rps in (100, 200, 50)], [one(rps, 0.03) for rps in (110, 220, 40)]
    row = compared([pairs] * 5)
    assert row["rps"]["starts"] == [1.1] * 5, "the median of a start's pairs"
    text = compared_table({"runs": {"plan": row}, "doubles": 0, **dict.fromkeys(SIZES, 5)})
    assert (
        "| 40.0 → 30.0 | **0.750** (0.750–0.750) | 2.0 → 2.0 | **1.000** (1.000–1.000) not" in text
    )
    assert not compared([pairs] * 4)["rps"]["shown"], "four starts have 87.5 %"


def test_starts_that_differ_by_a_tenth_show_thirty_per_cent_and_nothing_for_equal_sides() -> None:
    rng = random.Random(4)

    def shown(true: float) -> float:
        starts = ([true * rng.gauss(1, 0.1) / rng.gauss(1, 0.1) for _ in range(5)] for _ in TRIES)
        return sum(bool(evidence(one)["shown"]) for one in starts) / len(TRIES)

    assert shown(1.0) <= 0.1 and shown(1.3) >= 0.7 and shown(0.7) >= 0.7
    nine = evidence([9.0, *(1.1 + n / 100 for n in range(7)), 0.1])
    assert nine["shown"] and (nine["from"], nine["to"]) == (1.1, 1.16), (
        "one at each end is left out"
    )


def run(**other: Any) -> Run:
    return Run(**{"rps": 100.0, "p50_ms": 1.0, "p99_ms": 2.0, "errors": 0, "ratio": 0.5, **other})


def test_errors_and_double_bookings_fail_the_benchmark_and_slowness_does_not() -> None:
    slow = run(rps=0.1, p99_ms=60_000.0, statuses={200: 1, 503: 9})
    good = {"hello": run(ratio=1.0), "areas": slow}
    assert complaints(report([good], 0)) == []
    assert complaints(report([good], 1)) == ["1 doubles"]
    (one,) = complaints(report([good, {**good, "areas": run(errors=3, statuses={500: 3})}], 0))
    assert one.startswith("areas: 3 errors, statuses {'200': 1, '503': 9, '500': 3}")


def test_rounds_become_medians_and_pairs_are_compared_within_a_round() -> None:
    rounds = [
        {"reads_1w": run(rps=one, ratio=one / 1000), "reads_2w": run(rps=two, ratio=two / 1000)}
        for one, two in ((100.0, 150.0), (10.0, 14.0), (50.0, 80.0))
    ]
    result = report(rounds, 0)
    assert result["runs"]["reads_1w"]["rps"] == 50 and result["runs"]["reads_2w"]["rps"] == 80
    assert result["runs"]["reads_1w"]["ratios"] == [0.1, 0.01, 0.05]
    assert result["pairs"] == {"reads_2w/reads_1w": 1.5}
    assert "| reads_2w | 80 | 0.080 | – | 1.0 | 2.0 | 0 | 0 |" in table(result)
