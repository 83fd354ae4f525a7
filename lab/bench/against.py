"""Compares two versions of the service over several starts of both.

Two services that take turns every second see the same machine, but one start of a process differs
from the next by a tenth, however many bursts it plays. So the bursts of a start are reduced to one
quotient, and only the quotients of several starts say whether the versions differ.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import cycle, islice
from math import ceil, comb
from pathlib import Path
from statistics import median
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
    starts: dict[str, list[Start]] = {}
    doubles = 0
    async with embedded_databases(folder) as databases:
        for number in range(options.starts):
            before, now = await _started(folder, databases, other, options, names, number)
            doubles += before.doubles + now.doubles
            for row, runs in now.runs.items():
                starts.setdefault(row, []).append((before.runs[row][1:], runs[1:]))
    return {
        "runs": {row: compared(of_row) for row, of_row in starts.items()},
        "doubles": doubles,
        "starts": options.starts,
        "pairs": options.repeat,
        "burst": options.burst,
    }


async def _started(
    folder: Path,
    databases: EmbeddedDatabases,
    other: Path,
    options: Options,
    names: Sequence[str],
    number: int,
) -> tuple[Side, Side]:
    """Both versions after a start and all of its bursts; the first pair warms up."""
    roots = (other, ROOT) if number % 2 else (ROOT, other)
    async with AsyncExitStack() as stack:
        sides = [
            await stack.enter_async_context(_side(folder, databases, root, options))
            for root in roots
        ]
        for pair in range(options.repeat + 1):
            for name in names:
                for side in sides if pair % 2 else sides[::-1]:
                    await side.burst(name)
    first, second = sides
    return (first, second) if number % 2 else (second, first)


def _application_us(run: Run) -> float:
    """Microseconds of the application's CPU time for one request."""
    return max(1000 * run.cpu["application"], 0.001)


def _mongod_us(run: Run) -> float:
    return max(1000 * run.cpu["mongod"], 0.001)


Start = tuple[Sequence[Run], Sequence[Run]]
"""The runs of one start of both versions: before and now, pair by pair."""
QUANTITIES: Final[Mapping[str, Callable[[Run], float]]] = {
    "rps": lambda run: run.rps,
    "p50_ms": lambda run: run.p50_ms,
    "application_us": _application_us,
    "mongod_us": _mongod_us,
}
CONFIDENCE: Final = 0.93
"""The least confidence of an interval that shows a difference. Five starts allow 0.9375."""


def compared(starts: Sequence[Start]) -> dict[str, Any]:
    """By quantity, the medians of both versions and what the starts say about their quotient."""
    result = {}
    for name, value in QUANTITIES.items():
        quotients = [
            median(value(new) / value(old) for old, new in zip(before, now, strict=True))
            for before, now in starts
        ]
        both = [median(value(run) for start in starts for run in start[side]) for side in (0, 1)]
        result[name] = {"both": [round(one, 2) for one in both], **evidence(quotients)}
    return result


def evidence(quotients: Sequence[float]) -> dict[str, Any]:
    """The median of the starts' quotients, and an interval of the true median that assumes no
    distribution: from the k-th smallest to the k-th largest, with the largest k that has
    ``CONFIDENCE``, or 1. ``shown``: it has that confidence and leaves out 1."""
    ordered, count = sorted(quotients), len(quotients)

    def confidence(k: int) -> float:
        return 1 - 2 * sum(comb(count, i) for i in range(k)) / 2.0**count

    k = max((k for k in range(2, count // 2 + 1) if confidence(k) >= CONFIDENCE), default=1)
    low, high = ordered[k - 1], ordered[-k]
    return {
        "median": round(median(ordered), 3),
        "from": round(low, 3),
        "to": round(high, 3),
        "shown": confidence(k) >= CONFIDENCE and not low <= 1 <= high,
        "starts": [round(one, 3) for one in quotients],
    }


def compared_table(comparison: Mapping[str, Any]) -> str:
    """The comparison as a Markdown table."""
    lines = [
        "| run | a second, before → now | quotient | p50 ms, before → now | quotient "
        "| application µs, before → now | quotient | mongod µs, before → now | quotient |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, run in comparison["runs"].items():
        cells = [
            *_cells(run["rps"], ",.0f"),
            *_cells(run["p50_ms"], ".2f"),
            *_cells(run["application_us"], ".1f"),
            *_cells(run["mongod_us"], ".1f"),
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines.append("")
    lines.append(
        f"- starts: {comparison['starts']}, each with {comparison['pairs']} pairs of "
        f"{comparison['burst']} bookings; doubles found afterwards: {comparison['doubles']}"
    )
    return "\n".join(lines)


def _cells(quantity: Mapping[str, Any], form: str) -> tuple[str, str]:
    before, now = quantity["both"]
    interval = f"**{quantity['median']:.3f}** ({quantity['from']:.3f}–{quantity['to']:.3f})"
    verdict = "" if quantity["shown"] else " not shown"
    return f"{before:{form}} → {now:{form}}", interval + verdict
