"""Tries every order in which the requests of a few readers can reach the database, with one fault
at every step.

A scenario is run again and again, each time with other choices, until there are no others
(depth-first, as stateless model checkers do; Godefroid, "Model Checking for Programming Languages
using VeriSoft", 1997). A state that was met before is not followed twice: it is what the store
holds, what each worker has been answered, and what is under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from models.kernel.errors import ServiceUnavailable
from models.readers.entities import Reader
from scripts.chaos_history import History, Operation
from scripts.chaos_judge import judge
from scripts.proof.memory_mongo import MemoryStore
from scripts.proof.recorded_history import disorders
from scripts.proof.simulated_library import MONDAY, SimulatedLibrary, Worker
from scripts.proof.simulated_loop import PARTY, counted_ids, run_alone
from scripts.proof.simulated_mongo import Request
from scripts.proof.simulation import Move, Recorder, Run

Act = Callable[[Worker, Recorder, Operation | None], Awaitable[Operation | None]]
"""What a party does at a worker; with an operation it asks again for what it was not told."""
Ids = Mapping[str, str]
Watch = Callable[[MemoryStore], str | None]
"""Looks at the store after each step; says what must not be, if it is."""


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who acts at one worker. A reader who is not told asks again at another one."""

    name: str
    worker: str
    act: Act
    asks_again: bool = True


@dataclass(frozen=True, slots=True)
class Scenario:
    """``prepare`` writes what stands before, and names it for the ``parties``; ``now`` is when it
    all happens."""

    name: str
    now: datetime
    prepare: Callable[[Worker, Sequence[Reader]], Coroutine[Any, Any, Ids]]
    parties: Callable[[Sequence[Reader], Ids], Sequence[Party]]
    partition: bool = False
    """The fault is that the primary of one worker loses its majority, instead of a lost message."""
    watch: Watch | None = None
    after: datetime | None = None
    """When the jobs run that repair what a crash has left; None: they are not needed."""


@dataclass(slots=True)
class Explored:
    """What came of a scenario. ``harm`` has at most a few lines."""

    scenario: str
    runs: int = 0
    states: int = 0
    steps: int = 0
    harm: list[str] = field(default_factory=list)


_CONTENDED: Final = frozenset({"reservations", "waitlist", "begin", "commit"})
"""What the parties write to."""


_NOTED: Final = 5


class _Known(Exception):
    """This state was met before."""


class Explorer:
    """All runs of one scenario. ``faults``: how many things go wrong in one run; ``stop_at``: end
    with the first harm that begins with one of these, and note no other."""

    def __init__(
        self,
        scenario: Scenario,
        library: SimulatedLibrary,
        *,
        faults: int = 1,
        plant: Callable[[Run], None] = lambda run: None,
        stop_at: Sequence[str] | None = None,
    ) -> None:
        self._scenario, self._library, self._faults = scenario, library, faults
        self._plant, self._stop_at = plant, stop_at
        self._prepared, ids = _prepared(library, scenario)
        self._parties = scenario.parties(library.readers, ids)
        self._known: set[int] = set()
        self._digests: dict[int, tuple[object, int]] = {}
        self.result = Explored(scenario.name)

    def explore(self) -> Explored:
        """Every run, or those until the first harm."""
        left: list[tuple[int, ...]] = [()]
        while left:
            prefix = left.pop()
            self.result.runs += 1
            with counted_ids():
                left.extend(self._run(prefix))
            if self.result.harm and self._stop_at is not None:
                break
        self.result.states = len(self._known)
        return self.result

    def _run(self, prefix: Sequence[int]) -> list[tuple[int, ...]]:
        """Follow the choices of ``prefix``, then always the first. Returns the other choices that
        there were behind it."""
        names = sorted({party.worker for party in self._parties})
        run = Run(self._library, self._prepared.copy(), names, self._now)
        self._plant(run)
        taken: list[int] = []
        others: list[tuple[int, ...]] = []
        faults = self._faults
        known = False

        def step() -> bool:
            nonlocal faults, known
            choices = list(_choices(run, faults > 0, self._scenario.partition))
            if not choices:
                return False
            if len(taken) < len(prefix):
                chosen = prefix[len(taken)]
            else:
                state = self._state(run, faults)
                if state in self._known:
                    known = True
                    raise _Known()
                self._known.add(state)
                others.extend((*taken, n) for n in range(1, len(choices)))
                chosen = 0
            taken.append(chosen)
            request, move = choices[chosen]
            if request is None:
                run.heal()
            else:
                faults -= move is not Move.HAPPENS and not run.is_orphan(request)
                run.make(request, move)
            self.result.steps += 1
            if self._scenario.watch is not None:
                self._note(self._scenario.watch(run.cluster.primary), run)
            return True

        run.loop.step = step
        try:
            run.loop.run(self._all_parties(run))
            for request in list(run.network.waiting):  # what was late comes last
                run.network.let(request)
            run.loop.run(self._tell(run))
            for text in _harm(run.outcome()):
                self._note(text, run)
        except _Known:
            pass
        finally:
            run.loop.close()
        return others

    def _now(self) -> datetime:
        return self._scenario.now

    async def _all_parties(self, run: Run) -> None:
        """All act at once; then who was told nothing asks again, where the service is still up."""
        told: dict[str, Operation | None] = {}

        async def act(party: Party) -> None:
            worker = run.workers[party.worker]
            with suppress(ServiceUnavailable):  # a job, which comes again
                told[party.name] = await party.act(worker, run.recorder, None)

        tasks = [run.start(p.name, p.worker, act(p)) for p in self._parties]
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            if not task.cancelled() and task.exception() is not None:
                raise task.exception() or AssertionError
        if run.cluster.isolated is not None:
            run.heal()
        await self._afterwards(run, self._library.worker_on(run.cluster.primary), told)

    async def _afterwards(
        self, run: Run, direct: Worker, told: dict[str, Operation | None]
    ) -> None:
        for party in self._parties:
            operation = told.get(party.name) or _of(run.recorder.history, party)
            if party.asks_again and operation is not None and operation.unknown:
                PARTY.set(f"{party.name}+")
                run.recorder.step += 1
                await party.act(direct, run.recorder, operation)
        if self._scenario.after is not None:
            await direct.waitlist_jobs.offer_free_seats(self._scenario.after)

    async def _tell(self, run: Run) -> None:
        outbox = self._library.worker_on(run.cluster.primary).outbox
        while await outbox.dispatch(MONDAY):
            pass

    def _note(self, text: str | None, run: Run) -> None:
        wanted = self._stop_at is None or (text or "").startswith(tuple(self._stop_at))
        if text and wanted and len(self.result.harm) < _NOTED:
            self.result.harm.append("\n    ".join((text, *run.steps)))

    def _state(self, run: Run, faults: int) -> int:
        stores = [run.cluster.primary, run.cluster.isolated]
        store = frozenset(
            (number, name, id, self._digest(document))
            for number, one in enumerate(stores)
            if one is not None
            for name, table in one.tables.items()
            for id, document in table.documents.items()
        )
        waiting = tuple((r.worker, r.text, run.is_orphan(r)) for r in run.network.waiting)
        behind = frozenset(run.cluster.behind)
        traces = tuple(run.traces.items())
        alive = frozenset(run.alive)
        answers = tuple((o.key, o.verb, o.refusal, o.told) for o in run.recorder.history.operations)
        return hash((store, waiting, traces, alive, behind, faults, answers))

    def _digest(self, document: Any) -> int:
        known = self._digests.get(id(document))
        if known is None or known[0] is not document:
            if len(self._digests) > 50_000:
                self._digests.clear()
            known = self._digests[id(document)] = (document, hash(repr(document)))
        return known[1]


def _choices(run: Run, faults: bool, partition: bool) -> Iterator[tuple[Request | None, Move]]:
    """Without a fault first, so that the usual ways are the first ones. No request: the primary
    that was cut off comes back."""
    waiting = list(run.network.waiting)
    for request in waiting:
        if not request.writes and request.text.partition(".")[0] not in _CONTENDED:
            # What nobody writes meanwhile reads the same at any time.
            waiting = [request]
            break
    for request in waiting:
        yield request, Move.HAPPENS
    if run.cluster.isolated is not None:
        yield None, Move.HAPPENS
    for request in waiting:
        if not partition:
            for move in run.moves(request, faults)[1:]:
                yield request, move
        elif faults:
            yield request, Move.CUT_OFF


def _of(history: History, party: Party) -> Operation | None:
    """What the party was doing when its worker crashed."""
    return next((o for o in history.operations if o.key == party.name), None)


def _prepared(library: SimulatedLibrary, scenario: Scenario) -> tuple[MemoryStore, Ids]:
    """The store with what stands before the scenario, and its names."""
    prepared = library.store.copy()
    PARTY.set("before")
    with counted_ids():
        ids = run_alone(scenario.prepare(library.worker_on(prepared), library.readers))
    return prepared, ids


def _harm(history: History) -> Iterator[str]:
    for harm in judge(history):
        yield f"{harm.kind}: {harm.text}"
    for disorder in disorders(history, one_clock=False):
        yield str(disorder)
