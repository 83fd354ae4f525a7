"""Measures the real service under load, each run as a ratio to a bare aiohttp handler.

Databases, library, readers and sessions are made for it in a temporary folder, which is deleted
afterwards. The status is 1 if a request failed, a seat was booked twice, or the confirmed bookings
are not those in the database. Slowness is no failure. docs/performance.md explains the method.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import mean
from typing import Any, Final

from lab.bench.against import against, compared_table
from lab.bench.cost import Machine, warning
from lab.bench.delivery import DeliveryFailed, delivery
from lab.bench.event_streams import sse
from lab.bench.load import BenchFailed, Load, Run, request
from lab.bench.lone import idle, lone
from lab.bench.options import Options, options_of
from lab.bench.processes import bare_handler, played, printed, processes, run_measurement
from lab.bench.report import complaints, report, table
from lab.bench.rush import rush
from lab.bench.service import (
    AREAS,
    LOOKERS,
    PAGES_S,
    PLAN,
    House,
    Stage,
    booking,
    contended,
    free_hours,
    house,
    looks,
    members,
    pages,
    serving,
)
from lab.bench.webhooks import webhooks
from miniapp_server.embedded_databases import EmbeddedDatabases, EmbeddedError, embedded_databases
from models.kernel.errors import DomainError
from models.storage.mongo import new_id

CONTENDED_SEATS, CONTENDED_READERS = 20, 500
BOOKINGS_PER_SECOND: Final = 4000
"""Bookings prepared per second, more than a run can use. If they ran out, the run would end early
with a correct rate."""
DELIVERY_LATENCY_S: Final = 0.05
IDLE_S: Final = 20.0
LONE: Final = 1000, 40
"""Numbers of bookings without and with a pause before each."""
LONE_SHORT: Final = 100, 4


@dataclass(slots=True)
class Bench:
    """The state of the command: its options, its databases, and the results so far."""

    options: Options
    folder: Path
    databases: EmbeddedDatabases
    hello_port: int
    hello_pid: int
    stack: AsyncExitStack
    doubles: int = 0
    machine: Machine = field(default_factory=Machine)
    rounds: list[dict[str, Run]] = field(default_factory=list)
    grown: House | None = None

    async def round(self, number: int) -> None:
        """Runs everything requested once, into ``rounds``.

        The bare handler is measured between any two groups, since a shared machine changes
        meanwhile; a run's ratio is to the mean of the measurements before and after its group. (The
        short form measures it at the beginning and at the end.)
        """
        hellos = [await self._hello()]
        groups: list[tuple[int, dict[str, Run]]] = []
        for group in (self._one_worker, self._grown, self._workers, *self._alone):
            _go_on()
            if group_runs := await group(number):
                groups.append((len(hellos) - 1, group_runs))
                if not self.options.short:
                    hellos.append(await self._hello())
        if self.options.short:
            hellos.append(await self._hello())
        runs: dict[str, Run] = {}
        for before, group_runs in groups:
            base = mean(hello.rps for hello in hellos[before : before + 2])
            for name, run in group_runs.items():
                ratio = run.rps / base if base else 0.0
                runs[name] = run if run.ratio is not None else replace(run, ratio=ratio)
        hello = Run(
            rps=mean(hello.rps for hello in hellos),
            p50_ms=mean(hello.p50_ms for hello in hellos),
            p99_ms=max(hello.p99_ms for hello in hellos),
            errors=sum(hello.errors for hello in hellos),
            ratio=1.0,
            cpu={kind: mean(hello.cpu[kind] for hello in hellos) for kind in hellos[0].cpu},
        )
        self.rounds.append({"hello": hello, **runs})

    async def _hello(self) -> Run:
        load = Load([request("GET", "/")])
        involved = processes(self.hello_pid, self.databases)
        return await played(self.folder, self.hello_port, involved, self.options.seconds, load)

    def _wants(self, *names: str) -> bool:
        return not self.options.runs.isdisjoint(names)

    # --- groups: each on a database of its own --------------------------------------------------

    async def _one_worker(self, _: int) -> dict[str, Run]:
        if not self._wants("areas", "plan", "plan_304", "pages", "contended", "reserve"):
            return {}
        async with house(self.folder, self.databases) as home:
            async with serving(home) as stage:
                runs = await self._runs(stage)
            if self.options.plant:
                await _plant_double(home)
            self.doubles += await home.doubles()
        return runs

    async def _runs(self, stage: Stage) -> dict[str, Run]:
        seconds, runs = self.options.seconds, {}
        looking = await members(stage.house, LOOKERS)
        await stage.half_fill()
        if self._wants("areas"):
            load = Load(looks(AREAS, looking))
            if self.options.plant:
                load = replace(load, requests=[*load.requests, request("GET", "/nowhere")])
            runs["areas"] = await stage.play(seconds, load)
        if self._wants("plan"):
            runs["plan"] = await stage.play(seconds, Load(looks(PLAN, looking)))
        if self._wants("plan_304"):
            etag = await stage.etag(PLAN, looking[0])
            load = Load(looks(PLAN, looking, etag), frozenset({304}))
            runs["plan_304"] = await stage.play(seconds, load)
        if self._wants("pages"):
            runs["pages"] = await stage.play(max(seconds, PAGES_S), Load(pages(looking)))
        if self._wants("contended"):
            wanting = await members(stage.house, CONTENDED_READERS)
            load = contended(stage.house, wanting, CONTENDED_SEATS)
            runs["contended"] = await stage.booked(seconds, load, exactly=CONTENDED_SEATS)
        if self._wants("reserve"):
            runs["reserve"] = await self._reserve(stage)
        return runs

    async def _reserve(self, stage: Stage) -> Run:
        """Bookings of free seats, each by a new reader."""
        seconds = self.options.seconds
        hours = list(islice(free_hours(stage.house), BOOKINGS_PER_SECOND * seconds))
        booking_ones = await members(stage.house, len(hours))
        bookings = [booking(m, *hour) for m, hour in zip(booking_ones, hours, strict=True)]
        return await stage.booked(seconds, Load(bookings, frozenset({201}), once=True))

    async def _grown(self, _: int) -> dict[str, Run]:
        if not self._wants("reserve_grown", "areas_grown"):
            return {}
        if self.grown is None:  # it serves all rounds
            home = house(self.folder, self.databases, self.options.scale)
            self.grown = await self.stack.enter_async_context(home)
        past = await self.grown.stored.reservations.count()
        runs = {}
        async with serving(self.grown) as stage:
            looking = await members(stage.house, LOOKERS)
            await stage.half_fill()
            if self._wants("areas_grown"):
                load = Load(looks(AREAS, looking))
                runs["areas_grown"] = await stage.play(self.options.seconds, load)
            if self._wants("reserve_grown"):
                runs["reserve_grown"] = await self._reserve(stage)
        self.doubles += await self.grown.doubles()
        facts = {"past": past}
        return {name: replace(run, facts=facts) for name, run in runs.items()}

    async def _workers(self, number: int) -> dict[str, Run]:
        """Reads and bookings with one and with two workers, next to each other, in alternating
        order."""
        runs = {}
        for workers in (1, 2) if number % 2 == 0 else (2, 1):
            reads, reserve = f"reads_{workers}w", f"reserve_{workers}w"
            if not self._wants(reads, reserve):
                continue
            async with house(self.folder, self.databases) as home:
                async with serving(home, workers) as stage:
                    looking = await members(stage.house, LOOKERS)
                    await stage.half_fill()
                    if self._wants(reads):
                        pairs = zip(looks(AREAS, looking), looks(PLAN, looking), strict=True)
                        load = Load([look for pair in pairs for look in pair])
                        runs[reads] = await stage.play(self.options.seconds, load)
                    if self._wants(reserve):
                        runs[reserve] = await self._reserve(stage)
                self.doubles += await home.doubles()
        return runs

    @property
    def _alone(self) -> Sequence[Callable[[int], Awaitable[dict[str, Run]]]]:
        return self._quiet, self._rush, self._sse, self._delivery, self._webhooks

    async def _quiet(self, _: int) -> dict[str, Run]:
        """The runs of an idle service and of one with a single client."""
        if not self._wants("idle", "lone"):
            return {}
        runs = {}
        async with house(self.folder, self.databases) as home:
            async with serving(home) as stage:
                await stage.half_fill()
                if self._wants("idle"):
                    runs["idle"] = await idle(stage, IDLE_S / (10 if self.options.short else 1))
                if self._wants("lone"):
                    runs["lone"] = await lone(stage, *LONE_SHORT if self.options.short else LONE)
            self.doubles += await home.doubles()
        return runs

    async def _rush(self, _: int) -> dict[str, Run]:
        if not self._wants("rush"):
            return {}
        async with house(self.folder, self.databases) as home:
            run = await rush(home, self.hello_port, self.options.seats, self.options.connected)
            self.doubles += await home.doubles()
        return {"rush": run}

    async def _sse(self, _: int) -> dict[str, Run]:
        if not self._wants("sse"):
            return {}
        o = self.options
        async with house(self.folder, self.databases) as home:
            run = await sse(home, o.streams, o.seconds, o.events)
            self.doubles += await home.doubles()
        return {"sse": run}

    async def _delivery(self, _: int) -> dict[str, Run]:
        """The delivery run. Its ratio is to the rate that the other side's latency allows."""
        if not self._wants("delivery"):
            return {}
        urls = self.databases.mongo_url, self.databases.redis_url
        result = await delivery(*urls, self.options.messages, DELIVERY_LATENCY_S)
        errors = result.pop("errors")
        run = Run(
            rps=result.pop("per_second"),
            p50_ms=0.0,
            p99_ms=0.0,
            errors=sum(errors.values()),
            ratio=result.pop("ratio"),
            facts={"ratio_to": "latency bound", **result, "wrong": errors},
        )
        return {"delivery": run}

    async def _webhooks(self, _: int) -> dict[str, Run]:
        if not self._wants("webhooks"):
            return {}
        async with house(self.folder, self.databases) as home:
            run = await webhooks(home, max(200, self.options.messages // 5))
            self.doubles += await home.doubles()
        return {"webhooks": run}


async def _plant_double(home: House) -> None:
    """Plants a second holder of a seat that no index prevents."""
    one = await home.db["reservations"].find_one({"live": True})
    assert one is not None
    await home.db["reservations"].insert_one({**one, "_id": new_id(), "claims": []})


async def bench(options: Options, folder: Path) -> dict[str, Any]:
    """The report of all rounds. Raises: BenchFailed, DeliveryFailed, EmbeddedError, DomainError."""
    async with AsyncExitStack() as stack:
        hello = await stack.enter_async_context(bare_handler())
        databases = await stack.enter_async_context(embedded_databases(folder))
        work = Bench(options, folder, databases, *hello, stack)
        for number in range(options.repeat):
            if not options.short:
                await work.machine.wait_until_quiet()
            await work.machine.watched(work.round(number))
        quiet = [work.rounds[number] for number in work.machine.quiet_rounds]
        return report(quiet, work.doubles) | {"machine": work.machine.report()}


# --- the command --------------------------------------------------------------------------------


def _go_on() -> None:
    """Raises: CancelledError if this task was cancelled and a library has swallowed that."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def main(argv: Sequence[str] | None = None) -> int:
    options, as_json = options_of(argv, __doc__)
    if shutil.which("wrk") is None:
        print("error: wrk is missing (Debian: apt-get install wrk)", file=sys.stderr)
        return 1
    try:
        if options.against is not None:
            compared = run_measurement(partial(against, options, options.against), "bench-")
            print(json.dumps(compared) if as_json else compared_table(compared))
            return 1 if compared["doubles"] else 0
        result = run_measurement(partial(bench, options), "bench-")
    except (BenchFailed, DeliveryFailed, EmbeddedError, DomainError) as error:
        print(f"error: {error or error.__class__.__name__}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    said = warning(result["machine"])
    text = f"{said}\n\n{table(result)}" if said else table(result)
    return printed(result, text, complaints(result), as_json)


if __name__ == "__main__":
    raise SystemExit(main())
