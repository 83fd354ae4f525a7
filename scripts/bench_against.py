"""Compares two versions of the service in bursts that alternate.

A ratio to the bare handler does not level a shared machine out, as the two need different parts of
it. Two services that take turns every second see the same machine: medians of eight pairs agree
within about 3 %, where single rounds differ by 25 %.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from miniapp_server.embedded_databases import EmbeddedDatabases, embedded_databases
from models.library.entities import SeatId
from scripts.bench_load import ROOT, BenchFailed, Load, Run
from scripts.bench_options import Options
from scripts.bench_service import (
    AREAS,
    LOOKERS,
    PLAN,
    Member,
    Stage,
    booking,
    free_hours,
    house,
    looks,
    members,
    serving,
)

COMPARED: Final = ("reserve", "areas", "plan", "plan_304")
"""The runs that can be compared."""
_BOOKINGS: Final = 2500
_LOOK_S: Final = 1
_BOOK_S: Final = 5
"""More than the bookings of a burst take."""


@dataclass(slots=True)
class Side:
    """One version: its service on a database of its own, and who looks and books there."""

    stage: Stage
    looking: Sequence[Member]
    etag: str
    hours: Iterator[tuple[SeatId, int]]
    runs: dict[str, list[Run]] = field(default_factory=dict)
    doubles: int = 0

    async def burst(self, name: str) -> None:
        """One run of that name. Raises: BenchFailed."""
        run = await self._book() if name == "reserve" else await self._look(name)
        if run.errors:
            raise BenchFailed(f"{name}: {run.errors} errors, statuses {dict(run.statuses)}")
        self.runs.setdefault(name, []).append(run)

    async def _book(self) -> Run:
        hours = list(islice(self.hours, _BOOKINGS))
        if len(hours) < _BOOKINGS:
            raise BenchFailed("no hours are left to book: ask for fewer pairs (--repeat)")
        readers = await members(self.stage.house, len(hours))
        requests = [booking(m, seat, hour) for m, (seat, hour) in zip(readers, hours, strict=True)]
        return await self.stage.booked(_BOOK_S, Load(requests, frozenset({201}), once=True))

    async def _look(self, name: str) -> Run:
        if name == "plan_304":
            load = Load(looks(PLAN, self.looking, self.etag), frozenset({304}))
        else:
            load = Load(looks(AREAS if name == "areas" else PLAN, self.looking))
        return await self.stage.play(_LOOK_S, load)


@asynccontextmanager
async def _side(folder: Path, databases: EmbeddedDatabases, root: Path) -> AsyncIterator[Side]:
    async with house(folder, databases) as home:
        async with serving(home, root=root) as stage:
            looking = await members(home, LOOKERS)
            await stage.half_fill()
            etag = await stage.etag(PLAN, looking[0])
            side = Side(stage, looking, etag, free_hours(home))
            yield side
        side.doubles = await home.doubles()


async def against(options: Options, other: Path, folder: Path) -> dict[str, Any]:
    """The comparison with the version in ``other``, as a report. Raises: BenchFailed,
    EmbeddedError, DomainError."""
    if not (other / ".venv" / "bin" / "python").exists():
        raise BenchFailed(f"{other} is not set up: run scripts/setup-env embedded there")
    names = [name for name in COMPARED if name in options.wanted]
    if not names:
        raise BenchFailed(f"only {', '.join(COMPARED)} can be compared")
    async with (
        embedded_databases(folder) as databases,
        _side(folder, databases, other) as before,
        _side(folder, databases, ROOT) as now,
    ):
        for pair in range(options.repeat + 1):
            for name in names:
                for side in (before, now) if pair % 2 else (now, before):
                    await side.burst(name)
    return {
        "runs": {name: compared(before.runs[name][1:], now.runs[name][1:]) for name in names},
        "doubles": before.doubles + now.doubles,
        "pairs": options.repeat,
    }


def compared(before: Sequence[Run], now: Sequence[Run]) -> dict[str, Any]:
    """Medians of both, and of the quotients of each pair with their quartiles."""
    rates = [new.rps / old.rps for old, new in zip(before, now, strict=True)]
    costs = [_cost(new) / _cost(old) for old, new in zip(before, now, strict=True)]
    return {
        "rps": [round(median(run.rps for run in runs), 1) for runs in (before, now)],
        "rate": _spread(rates),
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
    low, _, high = quantiles(quotients, n=4) if len(quotients) > 1 else [*quotients] * 3
    shown = {"median": median(quotients), "from": low, "to": high}
    return {name: round(value, 3) for name, value in shown.items()}


def compared_table(shown: Mapping[str, Any]) -> str:
    """The Markdown form."""
    lines = [
        "| run | a second, before → now | quotient (quartiles) "
        "| application µs, before → now | quotient (quartiles) | mongod µs, before → now |",
        "|---|---|---|---|---|---|",
    ]
    for name, run in shown["runs"].items():
        (rps_before, rps), (us_before, us), (mongod_before, mongod) = (
            *(run["rps"], run["application_us"], run["mongod_us"]),
        )
        lines.append(
            f"| {name} | {rps_before:,.0f} → {rps:,.0f} | {_in_words(run['rate'])} "
            f"| {us_before:.1f} → {us:.1f} | {_in_words(run['cost'])} "
            f"| {mongod_before:.1f} → {mongod:.1f} |"
        )
    lines += ["", f"- pairs: {shown['pairs']}; doubles found afterwards: {shown['doubles']}"]
    return "\n".join(lines)


def _in_words(spread: Mapping[str, float]) -> str:
    return f"**{spread['median']:.3f}** ({spread['from']:.3f}–{spread['to']:.3f})"
