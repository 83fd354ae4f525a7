"""One run of simulated workers: its possible next steps, and the record of what readers asked
and were answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from lab.history.records import (
    History,
    Message,
    Operation,
    Promise,
    Violation,
    message_about,
    stored,
    stored_party,
    stored_room_booking,
    stored_season,
)
from lab.proof.memory_mongo import MemoryStore
from lab.proof.memory_query import Document
from lab.proof.simulated_library import SimulatedLibrary, Worker, library_zone
from lab.proof.simulated_loop import PLAYER, SimulatedLoop
from lab.proof.simulated_mongo import Cluster, Network, Request
from models.kernel.errors import DomainError, Unavailable
from models.reservations.entities import Reservation
from models.reservations.errors import InProgress
from models.reservations.room_block import RoomBlock
from models.reservations.room_booking import RoomBooking


class Move(Enum):
    """Outcomes of a request that is under way."""

    HAPPENS = "happens"
    UNANSWERED = "happens, and its answer is lost"
    DOUBLED = "happens twice, and the second answer comes"
    LOST = "is lost"
    LATE = "seems lost, and is still under way"
    CRASH = "is under way when its worker crashes"
    CUT_OFF = "its worker's primary loses its majority"


def _clock_of(at: datetime, step: int) -> datetime:
    """The instant of a step: steps at the same simulated time differ by a microsecond each."""
    return at + timedelta(microseconds=step)


class Recorder:
    """Records each tap of a reader: when it was sent and answered, and the answer.

    Steps are the clock: each step of the world is a microsecond later. ``now`` is the business
    time, which may stand still.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.history = History(library_zone())
        self.step = 0
        self._now = now
        self.happened: Callable[[str], bool] | None = None
        """Returns whether the effect of an idempotency key is stored. Used if an answer that
        says "failed" must be true for ever; None if faults can leave that undecided."""

    @property
    def instant(self) -> datetime:
        return _clock_of(self._now(), self.step)

    def note_before(self, row: Document) -> None:
        """Records a booking that was made before the run, as if its reader had just been
        answered. Nobody asked for a day of a season."""
        if row["state"] in ("reserved", "in_use") and row["idempotency_results"]:
            span = row["seat"], row["start"], row["end"]
            promise = Promise(row["_id"], "reserved", *span, row["check_in_until"])
            key, before = row["idempotency_results"][0]["key"], _clock_of(self._now(), -1)
            made = Operation(row["reader"], "reserve", key, "", before, before, promise)
            self.history.operations.append(made)

    def unserved(
        self,
        reader: str,
        verb: str,
        key: str,
        target: str,
        requested: tuple[str, datetime, datetime] | None,
    ) -> Operation:
        """Records a tap that has not reached the service yet."""
        operation = Operation(reader, verb, key, target, self.instant, requested=requested)
        self.history.operations.append(operation)
        return operation

    async def tap(
        self,
        reader: str,
        verb: str,
        key: str,
        act: Callable[[], Awaitable[Reservation]],
        target: str = "",
        requested: tuple[str, datetime, datetime] | None = None,
        again: Operation | None = None,
    ) -> Operation:
        """Performs and records one tap. ``again``: the earlier operation that it repeats under
        the same key."""
        operation = again or Operation(reader, verb, key, target, self.instant, requested=requested)
        if again is None:
            self.history.operations.append(operation)
        operation.attempts += 1
        operation.undone = False
        try:
            r = await act()
        except InProgress:
            return operation  # still without an outcome
        except Unavailable:
            others = any(o.key == key and o is not operation for o in self.history.operations)
            if self.happened is not None and not others:
                operation.undone = not self.happened(key)
            return operation
        except DomainError as error:
            operation.refusal = error.code
        else:
            operation.promise = Promise(
                r.id, r.state.value, r.seat_id, r.start, r.end, r.check_in_until
            )
        operation.answered_at = self.instant
        return operation

    async def room_tap(
        self,
        reader: str,
        verb: str,
        name: str,
        act: Callable[[], Awaitable[RoomBooking | RoomBlock]],
        target: str = "",
        requested: tuple[str, datetime, datetime] | None = None,
        again: Operation | None = None,
    ) -> Operation:
        """Performs and records one request about a room. ``again``: the earlier operation that it
        repeats."""
        operation = again or Operation(reader, verb, name, target, self.instant, None)
        if again is None:
            operation.requested = requested
            self.history.room_operations.append(operation)
        operation.attempts += 1
        try:
            with suppress(Unavailable):
                b = await act()
                span = b.room_id, b.span.start, b.span.end
                state, until = "block", b.span.end
                if isinstance(b, RoomBooking):
                    state, until = b.state.value, b.check_in_until
                operation.promise = Promise(b.id, state, *span, until)
        except DomainError as error:
            operation.refusal = error.code
        if not operation.unknown:
            operation.answered_at = self.instant
        return operation


@dataclass
class Run:
    """The workers on a copy of a prepared store, and the requests that are under way."""

    library: SimulatedLibrary
    store: MemoryStore
    names: Sequence[str]
    now: Callable[[], datetime]
    loop: SimulatedLoop = field(default_factory=SimulatedLoop)
    traced: bool = True
    """True if ``traces`` and ``steps`` are kept, by which the explorer recognizes a state."""

    def __post_init__(self) -> None:
        self.cluster = Cluster(self.store)
        self.network = Network(self.cluster)
        self.recorder = Recorder(self.now)
        self.workers = {name: Worker(name, self.network, self.loop) for name in self.names}
        for worker in self.workers.values():
            worker.share(self.library.loaded)
        self.alive = set(self.names)
        self.tasks: dict[str, list[asyncio.Task[Any]]] = {name: [] for name in self.names}
        self.traces: dict[str, int] = dict.fromkeys(self.names, 0)
        self.steps: list[str] = []
        for row in self.store.table("reservations").documents.values():
            self.recorder.note_before(row)

    def start(self, player: str, worker: str, work: Awaitable[Any]) -> asyncio.Task[Any]:
        """Starts the player's work at the worker."""

        async def begin() -> Any:
            PLAYER.set(player)
            return await work

        task = self.loop.create_task(begin())
        self.tasks[worker].append(task)
        return task

    def moves(self, request: Request, faults: bool) -> Sequence[Move]:
        """The moves that are possible for the request now; with ``faults`` also faulty ones."""
        if self.is_orphan(request):
            return (Move.HAPPENS, Move.LOST)
        if not faults:
            return (Move.HAPPENS,)
        if not request.writes:
            return (Move.HAPPENS, Move.LOST, Move.CRASH)
        doubled = (Move.DOUBLED,) if request.text.endswith(".insert") else ()
        return (Move.HAPPENS, Move.UNANSWERED, Move.LATE, *doubled, Move.CRASH)

    def calm_step(self) -> bool:
        """Steps without faults: performs the first request that a caller waits for. Returns
        False if there is none. Requests without a caller stay under way."""
        for request in self.network.waiting:
            if not self.is_orphan(request):
                self.make(request, Move.HAPPENS)
                return True
        return False

    def has_happened(self, key: str) -> bool:
        """True if a stored reservation has a result of this idempotency key."""
        return any(
            any(result["key"] == key for result in row.get("idempotency_results", ()))
            for row in self.cluster.primary.table("reservations").documents.values()
        )

    def heal(self) -> None:
        """Brings the cut-off primary back, and undoes what it has taken meanwhile."""
        self.recorder.step += 1
        self.steps.append("the cut-off primary is back")
        self.cluster.heal()

    def is_orphan(self, request: Request) -> bool:
        """True if no caller waits for the answer any more."""
        return request.answer.done() or request.worker not in self.alive

    def make(self, request: Request, move: Move) -> None:
        """Makes the move with the request, and records it."""
        self.recorder.step += 1
        orphan = self.is_orphan(request)
        match move:
            case Move.HAPPENS:
                self.network.let(request)
            case Move.UNANSWERED:
                self.network.let(request, answered=False)
            case Move.DOUBLED:
                self.cluster.perform(request)
                self.network.let(request)
            case Move.LOST | Move.LATE:
                self.network.lose(request, later=move is Move.LATE)
            case Move.CRASH:
                self.crash(request.worker)
            case Move.CUT_OFF:
                self.cluster.cut_off({request.worker})
        if not self.traced:
            return
        if not orphan:
            trace = self.traces[request.worker], request.text, move.value, _said(request)
            self.traces[request.worker] = hash(trace)
        self.steps.append(f"{request.worker} {request.text} {move.value}")

    def crash(self, worker: str) -> None:
        """Ends the worker. Its writes are still under way; its reads are dropped."""
        self.alive.discard(worker)
        for task in (*self.tasks[worker], *self.workers[worker].sending()):
            task.cancel()
        self.network.waiting = [r for r in self.network.waiting if r.worker != worker or r.writes]

    def outcome(self) -> History:
        """The recorded history, completed by what is stored now."""
        history, tables = self.recorder.history, self.cluster.primary.tables
        rows = tables["reservations"].documents.values() if "reservations" in tables else ()
        history.stored = [stored(row) for row in rows if "area" in row]
        history.parties = [stored_party(row) for row in rows if "asker" in row]
        history.rooms = [stored_room_booking(row) for row in rows if "room" in row]
        seasons, applications = (
            self.cluster.primary.table(name).documents.values()
            for name in ("seasons", "season_applications")
        )
        history.seasons = [stored_season(row, applications) for row in seasons]
        history.daily_limit = self.library.loaded.reference.policy.daily_booking_limit
        lines = tables["waitlist"].documents if "waitlist" in tables else {}
        history.offers = {id: row["offer"] for id, row in lines.items()}
        messages = tables["messages"].documents.values() if "messages" in tables else ()
        history.messages = [
            Message(about[0], row["template"], row["at"], "unasked", "", row["reader"], about[1])
            for row in messages
            if (about := message_about(row["_id"], row.get("reservation"))) is not None
        ]
        noted = tables["violations"].documents.values() if "violations" in tables else ()
        history.violations = [
            Violation(row["reservation"], row["reader"], row["kind"]) for row in noted
        ]
        return history


def _said(request: Request) -> str:
    """The answer as text; empty if there is none. The worker's further steps depend only on such
    answers."""
    if not request.answer.done() or request.answer.cancelled():
        return ""
    error = request.answer.exception()
    return f": {error!r}" if error is not None else f": {request.answer.result()!r}"
