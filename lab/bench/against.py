"""Compares two versions of the service in bursts that alternate.

A ratio to the bare handler does not cancel out a shared machine, since the two need different parts
of it. Two services that take turns every second see the same machine: medians of eight pairs agree
within about 3 %, where single rounds differ by 25 %.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import cycle, islice
from math import ceil
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from lab.bench.client import percentile
from lab.bench.load import ROOT, BenchFailed, Load, Run
from lab.bench.lone import play_singly
from lab.bench.options import Options
from lab.bench.service import (
    AREAS,
    HOURS,
    LOOKERS,
    MORNING,
    PAGES_S,
    PLAN,
    Member,
    Stage,
    booking,
    free_hours,
    house,
    looks,
    members,
    pages,
    seats_of,
    serving,
)
from miniapp_server.embedded_databases import EmbeddedDatabases, embedded_databases
from models.library.entities import SeatId

COMPARED: Final = ("reserve", "areas", "plan", "plan_304", "pages", "lone")
"""Runs that can be compared. ``lone`` gives two rows: reads and bookings."""
_LOOK_S: Final = 1
_BOOKINGS_PER_SECOND: Final = 200
"""A rate that even a busy machine exceeds. It bounds the length of a burst, which ends with its
last booking."""


@dataclass(slots=True)
class Side:
    """One version: its service on a database of its own, and the readers who use it."""

    stage: Stage
    looking: Sequence[Member]
    etag: str
    hours: Iterator[tuple[SeatId, int, date]]
    bookings: int
    """Bookings in a burst."""
    runs: dict[str, list[Run]] = field(default_factory=dict)
    doubles: int = 0

    async def burst(self, name: str) -> None:
        """Adds one run of that name. Raises: BenchFailed."""
        if name == "lone":
            runs = await self._lone()
        else:
            runs = {name: await (self._book() if name == "reserve" else self._look(name))}
        for row, run in runs.items():
            if run.errors:
                raise BenchFailed(f"{row}: {run.errors} errors, statuses {dict(run.statuses)}")
            self.runs.setdefault(row, []).append(run)

    async def _requests(self, count: int) -> list[bytes]:
        """Bookings of free seats, each by a new reader."""
        hours = list(islice(self.hours, count))
        readers = await members(self.stage.house, len(hours))
        return [booking(m, *hour) for m, hour in zip(readers, hours, strict=True)]

    async def _book(self) -> Run:
        requests = await self._requests(self.bookings)
        seconds = ceil(self.bookings / _BOOKINGS_PER_SECOND)
        return await self.stage.booked(seconds, Load(requests, frozenset({201}), once=True))

    async def _look(self, name: str) -> Run:
        if name == "plan_304":
            load = Load(looks(PLAN, self.looking, self.etag), frozenset({304}))
        elif name == "pages":
            load = Load(pages(self.looking))
        else:
            load = Load(looks(AREAS if name == "areas" else PLAN, self.looking))
        return await self.stage.play(PAGES_S if name == "pages" else _LOOK_S, load)

    async def _lone(self) -> dict[str, Run]:
        """One reader at a time on an otherwise idle service: reads of a plan, then bookings."""
        count = lone_bookings(self.bookings)
        views = list(islice(cycle(looks(PLAN, self.looking)), count))
        before = await self.stage.house.stored.reservations.count()
        runs = {
            "lone_look": await _singly(self.stage, views, 200),
            "lone_booking": await _singly(self.stage, await self._requests(count), 201),
        }
        await self.stage.compare(runs["lone_booking"].statuses.get(201, 0), before)
        return runs


def lone_bookings(burst: int) -> int:
    """The number of lone bookings beside bursts of ``burst`` bookings."""
    return burst // 10


async def _singly(stage: Stage, requests: Sequence[bytes], good: int) -> Run:
    statuses, times, cost = await play_singly(stage, requests)
    times.sort()
    return Run(
        rps=len(times) / sum(times),
        p50_ms=percentile(times, 0.5) * 1000,
        p99_ms=percentile(times, 0.99) * 1000,
        errors=sum(statuses.values()) - statuses[good],
        statuses=statuses,
        cpu=cost,
    )


@asynccontextmanager
async def _side(
    folder: Path, databases: EmbeddedDatabases, root: Path, options: Options
) -> AsyncIterator[Side]:
    async with house(folder, databases) as home:
        a_burst = options.burst + lone_bookings(options.burst)
        days = ceil((options.repeat + 1) * a_burst / (len(seats_of(home)) * len(HOURS)))
        policy = home.reference.policy
        wide = replace(policy, version=policy.version + 1, booking_window_days=days)
        await home.reference.publish(wide, MORNING)
        async with serving(home, root=root) as stage:
            looking = await members(home, LOOKERS)
            await stage.half_fill()
            etag = await stage.etag(PLAN, looking[0])
            side = Side(stage, looking, etag, free_hours(home, days), options.burst)
            yield side
        side.doubles = await home.doubles()


async def against(options: Options, other: Path, folder: Path) -> dict[str, Any]:
    """The report of the comparison with the version in ``other``.

    Raises: BenchFailed, EmbeddedError, DomainError.
    """
    if not (other / ".venv" / "bin" / "python").exists():
        raise BenchFailed(f"{other} is not set up: run scripts/setup-env embedded there")
    names = [name for name in COMPARED if name in options.runs]
    if not names:
        raise BenchFailed(f"only {', '.join(COMPARED)} can be compared")
    async with (
        embedded_databases(folder) as databases,
        _side(folder, databases, other, options) as before,
        _side(folder, databases, ROOT, options) as now,
    ):
        for pair in range(options.repeat + 1):
            for name in names:
                for side in (before, now) if pair % 2 else (now, before):
                    await side.burst(name)
    return {
        "runs": {row: compared(before.runs[row][1:], now.runs[row][1:]) for row in now.runs},
        "doubles": before.doubles + now.doubles,
        "pairs": options.repeat,
        "burst": options.burst,
    }


def compared(before: Sequence[Run], now: Sequence[Run]) -> dict[str, Any]:
    """Medians of both versions, and medians and quartiles of the quotients of the pairs."""
    rates = [new.rps / old.rps for old, new in zip(before, now, strict=True)]
    times = [new.p50_ms / old.p50_ms for old, new in zip(before, now, strict=True)]
    costs = [_cost(new) / _cost(old) for old, new in zip(before, now, strict=True)]
    return {
        "rps": [round(median(run.rps for run in runs), 1) for runs in (before, now)],
        "rate": _spread(rates),
        "p50_ms": [round(median(run.p50_ms for run in runs), 2) for runs in (before, now)],
        "time": _spread(times),
        "application_us": [round(median(map(_cost, runs)), 1) for runs in (before, now)],
        "cost": _spread(costs),
        "mongod_us": [
            round(median(1000 * run.cpu["mongod"] for run in runs), 1) for runs in (before, now)
        ],
    }


def _cost(run: Run) -> float:
    """Microseconds of the application's CPU time for one request."""
    return max(1000 * run.cpu["application"], 0.001)


def _spread(quotients: Sequence[float]) -> dict[str, float]:
    several = len(quotients) > 1
    low, _, high = quantiles(quotients, n=4, method="inclusive") if several else [*quotients] * 3
    spread = {"median": median(quotients), "from": low, "to": high}
    return {name: round(value, 3) for name, value in spread.items()}


def compared_table(comparison: Mapping[str, Any]) -> str:
    """The comparison as a Markdown table."""
    lines = [
        "| run | a second, before → now | quotient (quartiles) "
        "| p50 ms, before → now | quotient (quartiles) "
        "| application µs, before → now | quotient (quartiles) | mongod µs, before → now |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, run in comparison["runs"].items():
        cells = [
            *(_pair(run["rps"], ",.0f"), _in_words(run["rate"])),
            *(_pair(run["p50_ms"], ".2f"), _in_words(run["time"])),
            *(_pair(run["application_us"], ".1f"), _in_words(run["cost"])),
            _pair(run["mongod_us"], ".1f"),
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines.append("")
    lines.append(
        f"- pairs: {comparison['pairs']} of {comparison['burst']} bookings; "
        f"doubles found afterwards: {comparison['doubles']}"
    )
    return "\n".join(lines)


def _pair(values: Sequence[float], form: str) -> str:
    before, now = values
    return f"{before:{form}} → {now:{form}}"


def _in_words(spread: Mapping[str, float]) -> str:
    return f"**{spread['median']:.3f}** ({spread['from']:.3f}–{spread['to']:.3f})"
