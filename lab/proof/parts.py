"""The parts of a proof. Each searches for harm in its own way, and reports how much it tried."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import Final

from lab.chaos.faults import NAMES, faults
from lab.chaos.rig import rig
from lab.chaos.trial import Scale, all_harm, trial
from lab.history.generated import generate
from lab.history.judge import crossed
from lab.history.order_checker import check
from lab.history.records import History
from lab.proof.explorer import Explored, Explorer
from lab.proof.planted_bugs import DAYS as IN_DAYS
from lab.proof.planted_bugs import PLANTS, Mistake
from lab.proof.scenarios import scenarios
from lab.proof.seeded_days import READERS, DayResult, play
from lab.proof.simulated_library import (
    ACROSS,
    DAY,
    JUMP,
    NIGHT,
    SHORT_NIGHT,
    SimulatedLibrary,
    across_midnight,
    build,
    over_a_jump,
    short_night,
)
from lab.proof.simulated_loop import counted_ids, run_alone
from lab.proof.visitors import SEATS
from models.proof.entities import ProofPart

CALLS: Final = 1_000_000
CHECKED_WITHIN_S: Final = 60.0
DAYS: Final = 1000
SCHOOLS: Final = ("east", "west")
OPERATIONS: Final = 18_000
"""The least operations at each school of the recorded run."""
_LIVE_AT_MOST_S: Final = 1200.0
_SHOWN: Final = 5
_DAYS_TRIED: Final = 100
"""Days that are played in search of a planted mistake."""
_SEEDS_AT_ONCE: Final = 20
LIVE: Final = Scale(
    # Twice as many keep two cores so busy that answers take seconds without any fault.
    readers=50, seats=30, hold_s=10, between_s=3, patience_s=3, think_s=0.8, workers=2,
    settings={}, isolated_ms=10_000, isolated_s=25, probes=2,
)  # fmt: skip

_POLICIES: Final = {
    "day": DAY,
    "night": NIGHT,
    "across": ACROSS,
    "jump": JUMP,
    "short": SHORT_NIGHT,
}
Say = Callable[[str], None]


LONG: Final = frozenset(
    {
        "one changes to the seat that another wants, a third wants the old one",
        "one changes and cancels, another wants the seat",
        "a change is undone with its primary, and its number is used again",
        "a check-in in the last moment, and the release",
        "a friend accepts while the asker ends the party, another passes by",
        "a season's day is written while another wants the seat",
        "a holder gives up while the day is written",
        "two workers write a season's day at once",
        "a holder comes while the unused seat is taken back",
    }
)
"""Scenarios that have many times more orders than the others as soon as faults happen."""


@cache
def library(seats: int, readers: int, hours: str = "day") -> SimulatedLibrary:
    """The simulated library with these opening hours, built once in each process."""
    with counted_ids():
        return run_alone(build(seats, readers, _POLICIES[hours]))


def play_seed(seed: int) -> DayResult:
    """Plays the seed's day. The days of odd seeds cross midnight; in every eighth of them the
    clocks are set forward."""
    if seed % 16 == 5:
        with short_night():
            return play(seed, library(SEATS, READERS, "short"))
    return play(seed, library(SEATS, READERS, "night" if seed % 2 else "day"))


def large_history(say: Say) -> ProofPart:
    """Checks a million calls that have an order in under a minute, and finds one planted double."""
    calls = generate(CALLS, seed=1)
    begun = time.perf_counter()
    failures = [str(disorder) for disorder in check(calls)[:_SHOWN]]
    seconds = time.perf_counter() - begun
    if seconds > CHECKED_WITHIN_S:
        failures.append(f"it took {seconds:.0f} s")
    broken = check(generate(CALLS // 10, seed=2, broken=True))
    if len(broken) != 1:
        failures.append(f"one seat was given twice, and {len(broken)} were found")
    numbers = {"calls": sum(map(len, calls.values())), "seats": len(calls), "found": len(broken)}
    return ProofPart("large_history", round(seconds, 1), numbers, tuple(failures))


def explorer(say: Say) -> ProofPart:
    """Every interleaving of each scenario, without a fault and with one at every step, by day
    and across midnight, and without faults over a jump of the clocks. The longest scenarios have
    no faults across midnight."""
    begun, done = time.perf_counter(), list[Explored]()
    with _processes() as pool:
        ways = [("day", 1), ("across", 1), ("day", 0), ("across", 0), ("jump", 0)]
        tasks = [
            (n, *way)
            for n, scenario in enumerate(scenarios())
            for way in ways
            if way != ("across", 1) or scenario.name not in LONG
        ]
        for explored in pool.map(_explore, tasks):
            say(f"  {explored.runs:6} runs: {explored.scenario}")
            done.append(explored)
    failures = [f"{e.scenario}: {text}" for e in done for text in e.harm]
    numbers = {
        "scenarios": len(scenarios()),
        "runs": sum(e.runs for e in done),
        "states": sum(e.states for e in done),
        "steps": sum(e.steps for e in done),
    }
    return ProofPart("explorer", _since(begun), numbers, tuple(failures[:_SHOWN]))


def days(say: Say, first: int = 1, count: int = DAYS) -> ProofPart:
    """A thousand simulated days, one for each seed."""
    begun, played = time.perf_counter(), list[DayResult]()
    groups = [
        range(n, min(n + _SEEDS_AT_ONCE, first + count))
        for n in range(first, first + count, _SEEDS_AT_ONCE)
    ]
    with _processes() as pool:
        for number, results in enumerate(pool.map(_play, groups), start=1):
            played += results
            if number % 10 == 0:
                say(f"  {len(played)} days")
    failures = [f"seed {day.seed}: {text}" for day in played for text in day.harm]
    numbers = {
        "days": len(played),
        "operations": sum(day.operations for day in played),
        "acknowledged": sum(day.acknowledged for day in played),
        "unknown": sum(day.unknown for day in played),
        "faults": sum(day.faults for day in played),
    }
    return ProofPart("days", _since(begun), numbers, tuple(failures[:_SHOWN]))


def bugs(say: Say) -> ProofPart:
    """Finds each planted mistake in its scenario, by day and across midnight."""
    begun, failures, runs, found_count = time.perf_counter(), list[str](), 0, 0
    searches = [(name, "day") for name in PLANTS]
    searches += [(name, "across") for name, mistake in PLANTS.items() if not mistake.by_day]
    for name, hours in searches:
        cpu = time.process_time()
        harm, tried = find_bug(name, hours)
        runs += tried
        found_count += bool(harm)
        text = f"found after {tried} runs" if harm else "not found"
        say(f"  {name} ({hours}): {text}, {time.process_time() - cpu:.1f} s of CPU")
        if not harm:
            failures.append(f"not found: {name} ({hours}) in {PLANTS[name].scenario}")
    numbers = {"bugs": len(searches), "found": found_count, "runs": runs}
    return ProofPart("bugs", _since(begun), numbers, tuple(failures))


def find_bug(name: str, hours: str = "day") -> tuple[Sequence[str], int]:
    """Searches for the planted mistake where it must be found. Returns the harm, empty if it was
    not found, and the number of runs."""
    mistake = PLANTS[name]
    if mistake.scenario == IN_DAYS:
        return _find_in_days(mistake, hours)
    (seats,) = (one.seats for one in scenarios() if one.name == mistake.scenario)
    world = library(seats, 4, hours)
    with _clock_of(hours), mistake.around():
        (scenario,) = (one for one in scenarios() if one.name == mistake.scenario)
        looked = Explorer(
            scenario, world, faults=mistake.faults, plant=mistake.plant, stop_at=mistake.harm
        ).explore()
    return looked.harm, looked.runs


def _find_in_days(mistake: Mistake, hours: str) -> tuple[Sequence[str], int]:
    world = library(SEATS, READERS, "night" if hours == "across" else "day")
    for seed in range(_DAYS_TRIED):
        with mistake.around():
            day = play(seed, world, mistake.plant)
        harm = [text for text in day.harm if text.startswith(tuple(mistake.harm))]
        if harm:
            return harm, seed + 1
    return (), _DAYS_TRIED


def history(say: Say) -> ProofPart:
    """Records the answers of the real service for two schools in each process, on three members,
    while its parts break, and judges them."""
    with tempfile.TemporaryDirectory(prefix="proof-", ignore_cleanup_errors=True) as folder:
        return asyncio.run(_history(Path(folder), say))


async def _history(folder: Path, say: Say) -> ProofPart:
    begun = time.perf_counter()
    order = random.Random(1)

    def rounds() -> Iterator[Sequence[str]]:
        while True:
            yield order.sample(NAMES, len(NAMES))

    def fewest(histories: Sequence[History]) -> int:
        return min(len(recorded.operations) for recorded in histories)

    def over(histories: Sequence[History]) -> bool:
        enough = fewest(histories) >= OPERATIONS and len(histories[0].faults) >= len(NAMES)
        return enough or time.perf_counter() - begun > _LIVE_AT_MOST_S

    async with rig(folder, LIVE.workers, SCHOOLS) as running:
        histories = await trial(
            running.set,
            running.libraries,
            faults(running),
            rounds(),
            LIVE,
            1,
            over,
            lambda name: say(f"  {name}"),
        )
        say("  judging")
        harm = [one for recorded in histories for one in all_harm(recorded)]
    harm += crossed(histories)
    failures = [f"{one.kind} ({one.fault}): {one.text}" for one in harm[:_SHOWN]]
    if fewest(histories) < OPERATIONS:
        failures.append(f"only {fewest(histories)} operations at a school in the time")
    operations = [
        operation
        for recorded in histories
        for operation in (*recorded.operations, *recorded.room_operations)
    ]
    numbers = {
        "schools": len(histories),
        "readers": len(histories) * LIVE.readers,
        "faults": len(histories[0].faults),
        "operations": len(operations),
        "acknowledged": sum(o.promise is not None for o in operations),
        "unknown": sum(o.unknown for o in operations),
    }
    return ProofPart("history", _since(begun), numbers, tuple(failures))


PARTS: Final = {
    "large_history": large_history,
    "bugs": bugs,
    "explorer": explorer,
    "days": days,
    "history": history,
}


def _clock_of(hours: str) -> AbstractContextManager[None]:
    if hours == "jump":
        return over_a_jump()
    return across_midnight() if hours == "across" else nullcontext()


def _processes() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"))


def _explore(task: tuple[int, str, int]) -> Explored:
    number, hours, faults = task
    with _clock_of(hours):
        scenario = scenarios()[number]
        return Explorer(scenario, library(scenario.seats, 4, hours), faults=faults).explore()


def _play(seeds: Sequence[int]) -> list[DayResult]:
    return [play_seed(seed) for seed in seeds]


def _since(begun: float) -> float:
    return round(time.perf_counter() - begun, 1)
