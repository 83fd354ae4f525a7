"""Measures who gets the seats: at an opening with bots among the readers, and over a whole day.

``scripts/fairness --help`` lists the options; docs/performance.md explains the measurements.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from lab.bench.load import BenchFailed
from lab.bench.processes import printed, run_measurement
from lab.bench.service import house
from lab.fairness import model
from lab.fairness.day import whole_day
from lab.fairness.hours import day_summary
from lab.fairness.opening import OPENS_AT, library_of, opening, opening_house
from miniapp_server.embedded_databases import EmbeddedDatabases, EmbeddedError, embedded_databases
from models.kernel.errors import DomainError
from models.policy.entities import Policy

FULL_SEATS: Final = 2500
BOT_SHARE: Final = 0.05
READERS_PER_SEAT: Final = 3.2
"""Readers for each seat of an opening: 8,000 for 2,500 seats."""
DAY_READERS_PER_SEAT: Final = 10
POLICIES: Final[Mapping[str, Policy]] = {
    "as they come": Policy(version=2, booking_opens_at=OPENS_AT),
    "drawn": Policy(version=2, booking_opens_at=OPENS_AT, opening_draw=True),
}


@dataclass(frozen=True, slots=True)
class Scale:
    """The size of the measurement: ``seats`` of an opening, its repetitions, and seats of the
    day."""

    seats: int
    repeat: int
    day_seats: int
    workers: int
    seed: int
    parts: frozenset[str]


def _bots(readers: int) -> int:
    return max(1, round(BOT_SHARE * readers))


async def measure(scale: Scale, folder: Path) -> dict[str, Any]:
    """The results of all runs. Raises: BenchFailed, EmbeddedError, DomainError."""
    async with AsyncExitStack() as stack:
        databases = await stack.enter_async_context(embedded_databases(folder))
        results: dict[str, Any] = {"seed": scale.seed, "workers": scale.workers}
        if "opening" in scale.parts:
            results["openings"] = {
                name: await _openings(scale, folder, databases, policy)
                for name, policy in POLICIES.items()
            }
        if "day" in scale.parts:
            results["day"] = await _day(scale, folder, databases)
    return results


async def _openings(
    scale: Scale, folder: Path, databases: EmbeddedDatabases, policy: Policy
) -> dict[str, Any]:
    """The summary of several openings under one policy."""
    readers = round(READERS_PER_SEAT * scale.seats)
    openings = []
    for number in range(scale.repeat):
        async with opening_house(folder, databases, scale.seats, policy) as home:
            seed = scale.seed + number
            openings.append(await opening(home, readers, _bots(readers), scale.workers, seed))
    return model.summary(openings)


async def _day(scale: Scale, folder: Path, databases: EmbeddedDatabases) -> dict[str, Any]:
    library, readers = library_of(scale.day_seats), DAY_READERS_PER_SEAT * scale.day_seats
    async with house(folder, databases, library=library) as home:
        return day_summary(await whole_day(home, library, readers, _bots(readers), scale.seed))


def table(results: Mapping[str, Any]) -> str:
    """The results as a Markdown table."""
    lines: list[str] = []
    for name, run in results.get("openings", {}).items():
        if not lines:
            lines = [
                f"Scale: {run['openings']} openings of {run['seats']} seats for "
                f"{run['readers']} readers, {run['bots']} of them bots (the whole library "
                f"has {FULL_SEATS}); {results['workers']} workers, seed {results['seed']}.",
                "",
                "| opening | bots of readers | bots of wins | excess | answer p50 | p99 | slowest "
                "| all gone after | generator late | failures |",
                "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
            ]
        lines.append(
            f"| {name} | {run['bots_of_readers_percent']} % | {run['bots_of_wins_percent']} % "
            f"| {run['excess_points']:+} points | {run['answer_p50_ms']:,} ms "
            f"| {run['answer_p99_ms']:,} ms | {run['request_max_ms']:,} ms "
            f"| {run['gone_s']} s | {run['generator_late_ms']} ms | {run['failures']} |"
        )
    if (day := results.get("day")) is not None:
        lines += [
            "",
            f"A day of {day['seats']} seats, {day['readers']} readers, {day['bots']} bots: "
            f"{day['bookings']} bookings, {day['waitlist_entries']} waitlist entries.",
            "",
            "| bots of readers | bots of bookings | idle while someone waits | ghosts | "
            "held by offers that nobody took | answer p50 | p99 |",
            "|---:|---:|---:|---:|---:|---:|---:|",
            f"| {day['bots_of_readers_percent']} % | {day['bots_of_wins_percent']} % "
            f"| {day['idle_hours']} of {day['wanted_hours']} h ({day['idle_percent']} %) "
            f"| {day['ghosts']}, {day['ghost_hours']} h | {day['offer_hours']} h "
            f"| {day['answer_p50_ms']} ms | {day['answer_p99_ms']} ms |",
        ]
    return "\n".join(lines)


def complaints(results: Mapping[str, Any]) -> list[str]:
    """The reasons why the measurement has failed, if it has. Unfairness is a result, not a
    failure."""
    runs = {**results.get("openings", {}), **({"day": results["day"]} if "day" in results else {})}
    return [
        f"{name}: {run[what]} {what}"
        for name, run in runs.items()
        for what in ("doubles", "failures")
        if run.get(what)
    ]


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _scale(argv: Sequence[str] | None) -> tuple[Scale, bool]:
    parser = argparse.ArgumentParser(prog="scripts/fairness", description=__doc__)
    add = parser.add_argument
    add("--json", action="store_true", help="print JSON instead of Markdown")
    add("--seed", type=int, default=1, metavar="N", help="other readers, other choices (1)")
    add("--only", choices=("opening", "day"), help="one of the two")
    add("--seats", type=_positive, default=500, metavar="N", help="of an opening (500)")
    add("--repeat", type=_positive, default=5, metavar="N", help="openings a policy (5)")
    add("--day-seats", type=_positive, default=20, metavar="N", help="of the day (20)")
    add("--workers", type=_positive, default=2, metavar="N", help="of the service (2)")
    args = parser.parse_args(argv)
    parts = frozenset({args.only} if args.only else {"opening", "day"})
    scale = Scale(args.seats, args.repeat, args.day_seats, args.workers, args.seed, parts)
    return scale, args.json


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the measurement. Returns the exit status."""
    scale, as_json = _scale(argv)
    try:
        results = run_measurement(partial(measure, scale), "fairness-")
    except (BenchFailed, EmbeddedError, DomainError) as error:
        print(f"error: {error or error.__class__.__name__}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    return printed(results, table(results), complaints(results), as_json)


if __name__ == "__main__":
    raise SystemExit(main())
