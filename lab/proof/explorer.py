"""Tries every order in which the requests of a few readers can reach the database, with one fault
at every step.

A scenario is run again and again, each time with other choices, until none are left (depth-first,
as in stateless model checkers; Godefroid, "Model Checking for Programming Languages using
VeriSoft", 1997). A state that was reached before is not followed again. The state is what the store
holds, what each worker was answered, and which requests are under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from lab.history.judge import judge
from lab.history.recorded import disorders
from lab.history.records import History, Operation
from lab.proof.memory_mongo import MemoryStore
from lab.proof.seat_probe import SeatProbe
from lab.proof.simulated_library import MONDAY, SimulatedLibrary, Worker
from lab.proof.simulated_loop import PLAYER, SimulatedLoop, Stuck, counted_ids, run_alone
from lab.proof.simulated_mongo import Request
from lab.proof.simulation import Move, Recorder, Run
from models.kernel.errors import Unavailable
from models.readers.entities import Reader

Act = Callable[[Worker, Recorder, Operation | None], Awaitable[Operation | None]]
"""The act of a player at a worker. Given an operation, which had no answer, the player repeats
it."""
Ids = Mapping[str, str]
Watch = Callable[[MemoryStore], str | None]
"""Inspects the store after each step. Returns the harm that it sees, or None."""


@dataclass(frozen=True, slots=True)
class Player:
    """A reader or a job that acts at one worker.

    ``asks_again``: once the faults are over, the reader repeats a request that had no answer, until
    there is one.
    """

    name: str
    worker: str
    act: Act
    asks_again: bool = True


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that the runs of a scenario have in common.

    ``now``: the business time of the run. ``prepare``: writes the initial bookings and returns
    their ids by name. ``players``: the players that act, made from the readers and these ids.
    """

    name: str
    now: datetime
    prepare: Callable[[Worker, Sequence[Reader]], Coroutine[Any, Any, Ids]]
    players: Callable[[Sequence[Reader], Ids], Sequence[Player]]
    partition: bool = False
    """True if the only fault is that a worker's primary loses its majority; no message is lost
    then."""
    watch: Watch | None = None
    after: datetime | None = None
    """When the jobs run that repair what a crash left, end parties, tell the news of rooms and
    write the days of seasons; None if none are needed."""
    alive_until: datetime | None = None
    """The last heartbeat of the service before the run; None for a second before ``now``."""
    shared: frozenset[str] = frozenset()
    """Collections that one player writes and another reads here, in addition to ``_CONTENDED``."""
    seats: int = 2
    """The number of the library's seats."""


@dataclass(slots=True)
class Explored:
    """The result of exploring a scenario. ``harm``: the first few violations, each with the
    steps that led to it."""

    scenario: str
    runs: int = 0
    states: int = 0
    steps: int = 0
    harm: list[str] = field(default_factory=list)


_CONTENDED: Final = frozenset({"reservations", "waitlist", "begin", "commit"})
"""Collections and requests on which the players compete: their order matters in every scenario."""


_ONE_ORDER: Final = frozenset({"heartbeat", "installation", "messages"})
"""Collections that players write and no other player reads, except in scenarios that name them as
``shared``."""
_ANSWERED_WITHIN_S: Final = 60.0
"""Seconds within which a reader must have an answer once nothing fails any more."""
_ASKS_AGAIN_S: Final = 3.0
_ROUNDS: Final = 2
"""Runs of the waitlist jobs that repair all that a fault can interrupt."""
_HOURS: Final = (10, 11, 12)
"""The hours in which the scenarios' bookings lie."""
_NOTED: Final = 5


class _Visited(Exception):
    """The run has reached a state that was explored before."""


class Explorer:
    """All runs of one scenario.

    ``faults``: at most this many faults happen in one run. ``stop_at``: only harm that begins with
    one of these texts is recorded, and the first one ends the search.
    """

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
        self._players = scenario.players(library.readers, ids)
        self._visited: set[int] = set()
        self._probe = SeatProbe(library)
        self._digests: dict[int, tuple[object, int]] = {}
        self.result = Explored(scenario.name)

    def explore(self) -> Explored:
        """Makes every run; with ``stop_at`` only those until the first harm."""
        left: list[tuple[int, ...]] = [()]
        while left:
            prefix = left.pop()
            self.result.runs += 1
            with counted_ids():
                left.extend(self._run(prefix))
            if self.result.harm and self._stop_at is not None:
                break
        self.result.states = len(self._visited)
        return self.result

    def _run(self, prefix: Sequence[int]) -> list[tuple[int, ...]]:
        """Follows the choices in ``prefix``, then always takes the first. Returns the prefixes
        of the alternatives that it passed after ``prefix``."""
        names = sorted({player.worker for player in self._players})
        loop = SimulatedLoop()

        def now() -> datetime:
            return self._scenario.now + timedelta(seconds=loop.time())

        run = Run(self._library, self._prepared.copy(), names, now, loop)
        if self._faults <= 1 and not self._scenario.partition:
            run.recorder.happened = run.has_happened
        self._plant(run)
        taken: list[int] = []
        others: list[tuple[int, ...]] = []
        faults = self._faults
        visited = False

        def step() -> bool:
            nonlocal faults, visited
            choices = list(_choices(run, faults > 0, self._scenario))
            if not choices:
                return False
            if len(taken) < len(prefix):
                chosen = prefix[len(taken)]
            else:
                state = self._state(run, faults)
                if state in self._visited:
                    visited = True
                    raise _Visited()
                self._visited.add(state)
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
            run.loop.run(self._all_players(run))
            for request in list(run.network.waiting):  # requests under way arrive last
                run.network.let(request)
            run.loop.run(self._dispatch_outbox(run))
            history = run.outcome()
            history.parties_end = self._scenario.after
            if self._scenario.after is not None:
                history.written_until = self._scenario.after.date().isoformat()
            history.probes += self._probe.look(run.cluster.primary, self._scenario.now, _HOURS)
            for text in _harm(history):
                self._note(text, run)
        except _Visited:
            pass
        except Stuck:
            self._note("unanswered: all wait, and nothing happens any more", run)
        finally:
            run.loop.close()
        return others

    async def _all_players(self, run: Run) -> None:
        """Lets all players act at once. Afterwards, without faults, every reader without an
        answer asks again, and the jobs repair what a crash left."""
        operations: dict[str, Operation | None] = {}

        async def act(player: Player) -> None:
            worker = run.workers[player.worker]
            with suppress(Unavailable):  # only jobs raise it; they run again later
                operations[player.name] = await player.act(worker, run.recorder, None)

        tasks = [run.start(p.name, p.worker, act(p)) for p in self._players]
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            if not task.cancelled() and task.exception() is not None:
                raise task.exception() or AssertionError
        if run.cluster.isolated is not None:
            run.heal()
        run.loop.step = run.calm_step  # from here on nothing fails
        for player in self._players:
            operation = operations.get(player.name) or _of(run.recorder.history, player)
            if player.asks_again and operation is not None and operation.unknown:
                PLAYER.set(f"{player.name}+")
                await self._asks_again(run, player, operation)
        if self._scenario.after is not None:
            direct = self._library.worker_on(run.cluster.primary)
            for _ in range(_ROUNDS):
                await direct.waitlist_jobs.expire_offers(self._scenario.after)
                await direct.waitlist_jobs.offer_free_seats(self._scenario.after)
                await direct.parties.end_due(self._scenario.after)
                await direct.room_jobs.run(self._scenario.after)
                await direct.season_days.run(self._scenario.after)

    async def _asks_again(self, run: Run, player: Player, operation: Operation) -> None:
        """Repeats the operation until it is answered: at the player's own worker, or at a fresh
        one if that has crashed. Notes harm if it takes more than a minute."""
        alive = run.workers[player.worker] if player.worker in run.alive else None
        worker = alive or self._library.worker_on(run.cluster.primary)
        begun = run.loop.time()
        while operation.unknown:
            run.recorder.step += 1
            await player.act(worker, run.recorder, operation)
            if operation.unknown and run.loop.time() - begun > _ANSWERED_WITHIN_S:
                self._note(f"unanswered: {player.name}, a minute after the last fault", run)
                return
            if operation.unknown:
                await asyncio.sleep(_ASKS_AGAIN_S)

    async def _dispatch_outbox(self, run: Run) -> None:
        outbox = self._library.worker_on(run.cluster.primary).outbox
        while await outbox.dispatch(MONDAY):
            pass

    def _note(self, text: str | None, run: Run) -> None:
        relevant = self._stop_at is None or (text or "").startswith(tuple(self._stop_at))
        if text and relevant and len(self.result.harm) < _NOTED:
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
        answers = tuple(
            (o.key, o.verb, o.refusal, o.promise) for o in _operations(run.recorder.history)
        )
        passed = round(run.loop.time(), 3)
        return hash((store, waiting, traces, alive, behind, faults, answers, passed))

    def _digest(self, document: Any) -> int:
        cached = self._digests.get(id(document))
        if cached is None or cached[0] is not document:
            if len(self._digests) > 50_000:
                self._digests.clear()
            cached = self._digests[id(document)] = (document, hash(repr(document)))
        return cached[1]


def _choices(run: Run, faults: bool, scenario: Scenario) -> Iterator[tuple[Request | None, Move]]:
    """The possible next steps, those without a fault first, so that ordinary runs come first. A
    step without a request brings the cut-off primary back."""
    waiting = list(run.network.waiting)
    shared = _CONTENDED | scenario.shared
    for request in waiting:
        about = request.text.partition(".")[0]
        alone = about not in shared and (not request.writes or about in _ONE_ORDER)
        if alone or request.inside:
            # No other player writes what it sees: the order of this request does not matter.
            waiting = [request]
            break
    for request in waiting:
        yield request, Move.HAPPENS
    if run.cluster.isolated is not None:
        yield None, Move.HAPPENS
    for request in waiting:
        if not scenario.partition:
            for move in run.moves(request, faults)[1:]:
                yield request, move
        elif faults:
            yield request, Move.CUT_OFF


def _of(history: History, player: Player) -> Operation | None:
    """The operation that the player had begun when its worker crashed, if any."""
    return next((o for o in _operations(history) if o.key == player.name), None)


def _operations(history: History) -> Sequence[Operation]:
    return [*history.operations, *history.room_operations]


def _prepared(library: SimulatedLibrary, scenario: Scenario) -> tuple[MemoryStore, Ids]:
    """A store with the scenario's initial bookings, and their ids by name."""
    prepared = library.store.copy()
    PLAYER.set("before")
    with counted_ids():
        worker = library.worker_on(prepared)
        ids = run_alone(scenario.prepare(worker, library.readers))
        last = scenario.alive_until or scenario.now - timedelta(seconds=1)
        run_alone(worker.stored.heartbeat.set(last))
    return prepared, ids


def _harm(history: History) -> Iterator[str]:
    for harm in judge(history):
        yield f"{harm.kind}: {harm.text}"
    for disorder in disorders(history, one_clock=False):
        yield str(disorder)
