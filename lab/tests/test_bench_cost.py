"""The benchmark's measurement of costs, and its report of a busy machine."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from lab.bench.cost import (
    WAIT_S,
    Machine,
    Processes,
    Usage,
    cpu_s,
    family,
    memory_mb,
    per_thousand,
    warning,
)
from lab.bench.load import Run
from lab.bench.report import report, table


def test_costs_are_cpu_seconds_per_thousand_requests() -> None:
    before = {"application": 10.0, "mongod": 5.0}
    after = {"application": 10.5, "mongod": 5.125}
    assert per_thousand(before, after, 250) == {"application": 2.0, "mongod": 0.5}
    assert per_thousand(before, after, 0) == {"application": 500.0, "mongod": 125.0}


def test_a_process_is_measured_with_its_descendants() -> None:
    spin = "import time; end = time.process_time() + 1.5\nwhile time.process_time() < end: pass"
    outer = (
        "import subprocess, sys; subprocess.run(sys.argv[1:], check=True); input()"  # then waits
    )
    inner = [sys.executable, "-c", f"{spin}\nprint('done', flush=True); input()"]
    with subprocess.Popen(
        [sys.executable, "-c", outer, *inner],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as started:
        try:
            assert started.stdout is not None
            assert started.stdout.readline() == b"done\n"
            first, *below = family(started.pid)
            assert first == started.pid and len(below) == 1
            assert cpu_s(below) >= 1.25 > cpu_s([first]), "the child has worked, not its parent"
            assert cpu_s(family(started.pid)) >= 1.25
            assert 1 < memory_mb(below[0]) < 100
            costs = Processes(started.pid, os.getpid(), os.getpid()).cpu_s()
            assert list(costs) == ["application", "mongod", "redis", "client"]
            assert costs["application"] >= 1.25 and costs["mongod"] > 0
        finally:  # else the block would wait for it after a failed assertion
            started.kill()
            started.wait()
    assert family(started.pid) == [started.pid] and cpu_s([started.pid]) == 0, "it has ended"


def test_the_share_of_others_is_busy_time_that_is_not_ours() -> None:
    before = Usage(busy_s=100.0, ours_s=40.0, available_s=1000.0)
    assert Usage(105.0, 44.0, 1010.0).others_share(before) == pytest.approx(0.1)
    assert Usage(104.0, 44.1, 1010.0).others_share(before) == 0, "clocks tick apart"
    assert before.others_share(before) == 0


def test_this_process_is_not_counted_as_another() -> None:
    machine = Machine()

    async def work() -> None:
        end = time.process_time() + 0.5
        while time.process_time() < end:
            pass

    before = time.process_time()
    asyncio.run(machine.watched(work()))
    assert time.process_time() - before >= 0.5
    start = machine.read()
    assert start.ours_s >= 0.5 and start.busy_s > start.ours_s


def shares(*others: float) -> Iterator[Usage]:
    """Readings of the machine, one before and one after each look of a second, on two cores."""
    busy = 0.0
    for share in others:
        yield Usage(busy, 0.0, 0.0)
        yield Usage(busy + share * 2, 0.0, 2.0)


@pytest.mark.parametrize(
    ("looks", "waited"),
    [([0.05], 0.0), ([0.9, 0.5, 0.1], 2.0), ([0.9] * 50, WAIT_S)],
    ids=["quiet", "becomes quiet", "stays busy"],
)
def test_a_round_waits_a_bounded_time_for_a_quiet_machine(
    looks: list[float], waited: float
) -> None:
    readings, slept = shares(*looks), []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    machine = Machine(read=lambda: next(readings), sleep=sleep)
    asyncio.run(machine.wait_until_quiet())
    assert machine.waited_s == waited
    assert sum(slept) == waited + (1.0 if waited < WAIT_S else 0.0)


@pytest.mark.parametrize(
    ("others", "waited", "counted", "said"),
    [
        ([0.02, 0.1], 0.0, [1, 2], ""),
        ([0.02], 4.0, [1], "busy at first: the benchmark waited 4 s"),
        ([0.02, 0.4, 0.03], 0.0, [1, 3], "2%, 40%, 3% of its 2 cores"),
        ([0.02, 0.4, 0.03], 0.0, [1, 3], "medians are of the quiet rounds alone (1, 3)"),
        ([0.5, 0.4], 30.0, [1, 2], "waited 30 s for it; no round was quiet, so all count"),
    ],
)
def test_the_report_explains_a_busy_machine(
    others: list[float],
    waited: float,
    counted: list[int],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    machine_report = Machine(load_before=1.0, others=others, waited_s=waited).report()
    assert machine_report["counted_rounds"] == counted
    assert said in warning(machine_report) and bool(said) == bool(warning(machine_report))


def test_the_table_shows_the_cost_beside_the_ratio() -> None:
    cost = {"application": 0.4, "mongod": 0.25, "redis": 0.01, "client": 0.3}
    run = Run(rps=100.0, p50_ms=1.0, p99_ms=2.0, errors=0, ratio=0.5)
    costly = Run(rps=100.0, p50_ms=1.0, p99_ms=2.0, errors=0, ratio=0.5, cpu=cost)
    idle = Run(rps=0.0, p50_ms=0.0, p99_ms=0.0, errors=0, facts={"percent_of_a_core": 1.5})
    result = report([{"areas": run, "reserve": costly, "idle": idle}] * 2, 0)
    assert result["runs"]["reserve"]["cpu"] == cost and result["runs"]["areas"]["cpu"] == {}
    rows = table(result).splitlines()
    assert (
        "| reserve | 100 | 0.500 | **0.66** (0.40, 0.25, 0.01, 0.30) | 1.0 | 2.0 | 0 | 0 |" in rows
    )
    assert "| areas | 100 | 0.500 | – | 1.0 | 2.0 | 0 | 0 |" in rows
    assert "- idle: percent_of_a_core 1.5" in rows and "| idle" not in table(result)
