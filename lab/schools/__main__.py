"""Measures ``seats serve --schools``: many schools in one process, at rest and in a rush.

Databases, schools and readers are made for it in a temporary folder, which is deleted afterwards.
The status is 1 if an acknowledged booking is not stored, a seat or a reader is booked twice, or a
request failed. Slowness is no failure. docs/performance.md explains the tables.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from lab.bench.load import BenchFailed
from lab.bench.processes import printed, run_measurement
from lab.bench.service import HOURS, house, serving
from lab.schools.report import complaints, neighbours, table
from lab.schools.rest import rest
from lab.schools.rush import (
    Judged,
    Rushed,
    calm_school,
    felt,
    felt_of_a_dead_cell,
    judged,
    rush_in_all,
)
from lab.schools.service import FIRST_HOST, MeasuredSchool, measured_schools, serving_schools
from miniapp_server.embedded_databases import EmbeddedDatabases, EmbeddedError, embedded_databases
from models.kernel.errors import DomainError

PARTS: Final = ("rest", "rush", "neighbours")
SAME, APART, ELSEWHERE, CELL = (
    "in the same process",
    "in another process of the service",
    "at another service with databases of its own",
    "none, but another cell's mongod is dead",
)
MOST_REPEATED: Final = len(HOURS) // 2
"""Each repetition has two rushes at one school, each for an hour of its own."""


@dataclass(frozen=True, slots=True)
class SchoolOptions:
    """The size of the measurement. ``readers``: of each school in the rush in all. ``rush_per_s``:
    requests a second of the neighbour's rush, for ``seconds``."""

    parts: frozenset[str]
    schools: int
    readers: int
    rush_per_s: int
    repeat: int
    seconds: float
    rest_s: float
    settle_s: float
    plant: bool


async def measure(options: SchoolOptions, folder: Path) -> dict[str, Any]:
    """The results of all parts. Raises: BenchFailed, EmbeddedError, DomainError."""
    load_before = os.getloadavg()[0]
    results: dict[str, Any] = {
        "schools": options.schools,
        "repeat": options.repeat,
        "rush_per_s": options.rush_per_s,
    }
    async with AsyncExitStack() as stack:
        databases = await stack.enter_async_context(embedded_databases(folder / "databases"))
        schools = await stack.enter_async_context(
            measured_schools(folder, databases, options.schools)
        )
        if options.parts & {"rest", "rush"}:
            results |= await _one_worker(options, folder, databases, schools)
        if "neighbours" in options.parts:
            results["neighbours"] = await _neighbours(options, folder, schools)
    loads = {"load_before": round(load_before, 1), "load_after": round(os.getloadavg()[0], 1)}
    return {**results, "machine": {"cores": os.cpu_count(), **loads}}


async def _one_worker(
    options: SchoolOptions,
    folder: Path,
    databases: EmbeddedDatabases,
    schools: Sequence[MeasuredSchool],
) -> dict[str, Any]:
    results: dict[str, Any] = {}
    async with serving_schools(folder, schools) as (service, _):
        if "rest" in options.parts:
            quiet = await rest(service, databases, options.settle_s, options.rest_s)
            results["rest"] = {"ready_s": round(service.ready_s, 1), **quiet}
        if "rush" in options.parts:
            results["rush"] = await rush_in_all(service, folder, options.readers, options.plant)
    return results


async def _neighbours(
    options: SchoolOptions, folder: Path, schools: Sequence[MeasuredSchool]
) -> dict[str, Any]:
    """Measures what readers of a calm school feel of a rush: in their process, in another one, and
    where nothing but the machine is shared; and of the death of another cell's mongod."""
    rushing, same, apart = schools[:3]
    rounds: dict[str, list[dict[str, Any]]] = {SAME: [], APART: [], ELSEWHERE: [], CELL: []}
    verdict = Judged()
    async with AsyncExitStack() as stack:
        others = await stack.enter_async_context(embedded_databases(folder / "elsewhere"))
        home = await stack.enter_async_context(house(folder, others))
        stage = await stack.enter_async_context(serving(home, throttle_scale=1))
        [in_a_cell] = await stack.enter_async_context(
            measured_schools(folder, others, 1, FIRST_HOST + len(schools))
        )
        service, port_apart = await stack.enter_async_context(
            serving_schools(folder, [*schools, in_a_cell], apart)
        )
        here = Rushed(rushing, service.port, options.rush_per_s)
        elsewhere = Rushed(MeasuredSchool("127.0.0.1", home), stage.port, options.rush_per_s)
        in_process, on_its_own = calm_school(same, service.port), calm_school(apart, port_apart)
        dying = calm_school(in_a_cell, service.port)
        calmly_s = 4 * options.seconds  # in which p99 says as much as in a rush
        measurements = {
            SAME: partial(felt, folder, in_process, here, options.seconds),
            APART: partial(felt, folder, on_its_own, here, options.seconds),
            ELSEWHERE: partial(felt, folder, on_its_own, elsewhere, options.seconds),
            CELL: partial(felt_of_a_dead_cell, folder, in_process, dying, others, calmly_s),
        }
        for _ in range(options.repeat):
            for name, measured in measurements.items():
                rounds[name].append(await measured())
                await service.wait_for_dispatch()
                await stage.wait_for_dispatch()
        booked = [*here.booked, *in_process.booked, *on_its_own.booked, *dying.booked]
        verdict.add(await judged(service.schools, booked))
        verdict.add(await judged([elsewhere.school], elsewhere.booked))
    conditions = neighbours(rounds)
    errors = sum(condition["errors"] for condition in conditions.values())
    late = sum(condition["unanswered"] for condition in conditions.values())
    return {
        "conditions": conditions,
        "errors": errors,
        "unanswered": late,
        **asdict(verdict),
    }


# --- the command ----------------------------------------------------------------------------------


def _options(argv: Sequence[str] | None) -> tuple[SchoolOptions, bool]:
    parser = argparse.ArgumentParser(prog="scripts/schools", description=__doc__)
    add = parser.add_argument
    add("--json", action="store_true", help="print JSON instead of Markdown")
    add("--only", choices=PARTS, action="append", help="this part only; may be repeated")
    add("--schools", type=int, default=30, metavar="N", help="at least 3 (30)")
    add(
        "--readers",
        type=int,
        default=99,
        metavar="N",
        help="of each school in the rush in all (99)",
    )
    add(
        "--rush", type=int, default=2000, metavar="N", help="a neighbour's requests a second (2000)"
    )
    add("--repeat", type=int, default=5, metavar="N", help=f"at most {MOST_REPEATED} (5)")
    add("--seconds", type=float, default=5, metavar="S", help="of a calm school's readers (5)")
    add("--rest", type=float, default=60, metavar="S", help="of the measurement at rest (60)")
    add("--short", action="store_true", help="as short as possible: only correctness")
    add("--plant", action="store_true", help="loses a booking and doubles one: a control")
    args = parser.parse_args(argv)
    if args.schools < 3 or not 1 <= args.repeat <= MOST_REPEATED:
        parser.error(f"--schools is at least 3, --repeat 1 to {MOST_REPEATED}")
    options = SchoolOptions(
        parts=frozenset(args.only or PARTS),
        schools=args.schools,
        readers=12 if args.short else args.readers,
        rush_per_s=90 if args.short else args.rush,
        repeat=1 if args.short else args.repeat,
        seconds=1 if args.short else args.seconds,
        rest_s=6 if args.short else args.rest,  # longer than any job rests
        settle_s=0 if args.short else 10,
        plant=args.plant,
    )
    return options, args.json


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the measurement. Returns the exit status."""
    options, as_json = _options(argv)
    try:
        result = run_measurement(partial(measure, options), "schools-")
    except (BenchFailed, EmbeddedError, DomainError) as error:
        print(f"error: {error or error.__class__.__name__}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    return printed(result, table(result), complaints(result), as_json)


if __name__ == "__main__":
    raise SystemExit(main())
