"""Whole days of a small library, one for each seed: many readers, two workers, bad luck.

The service's own code runs on the model of MongoDB. Requests overtake each other; answers are lost,
come twice, or arrive when nobody waits for them any more; workers crash and start again; their
clocks differ from each other's and jump. The same seed gives the same day. The day begins when the
library opens: that of a library of the night goes over midnight.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from models.check_in.service import KioskCodeScan
from models.kernel.errors import DomainError, ServiceUnavailable
from models.kernel.time_range import floor_minute, local_instant, next_clock_instant
from models.readers.context import RequestContext
from models.readers.entities import Reader
from models.reservations.entities import Reservation
from models.reservations.rules import TimeSelection
from models.reservations.state_machine import ReservationState
from scripts.chaos_history import Operation
from scripts.chaos_judge import judge
from scripts.proof.recorded_history import disorders
from scripts.proof.simulated_library import (
    AREA,
    KIOSK,
    SimulatedLibrary,
    Worker,
    at,
    context,
    seat,
    wish,
)
from scripts.proof.simulated_loop import PARTY, counted_ids
from scripts.proof.simulation import Move, Run

SEATS: Final = 5
READERS: Final = 10
_LASTS: Final = timedelta(hours=15)
_ENDS: Final = timedelta(hours=16)
"""After the opening."""
_JOBS_EVERY_S: Final = 1200.0
_ASKS_AGAIN_S: Final = 3.0
_TRIES: Final = 6
_CLOCK_S: Final = 8.0
"""A host whose clock is further from MongoDB's than ten seconds decides nothing."""
_LATEST_S: Final = 5.0
"""No request stays under way for longer than the driver waits, as long as somebody waits for it."""
_COUNTED: Final = frozenset({"lost", "doubles", "orphaned", "untold", "early"})
"""Harm of these kinds. Who is punished by an outage is another matter: none is told of here."""


@dataclass(slots=True)
class DayResult:
    """What came of a seed's day."""

    seed: int
    operations: int = 0
    acknowledged: int = 0
    unknown: int = 0
    faults: int = 0
    harm: list[str] = field(default_factory=list)


def play(
    seed: int, library: SimulatedLibrary, plant: Callable[[Run], None] = lambda run: None
) -> DayResult:
    """Play the seed's day to its end, and judge it."""
    with counted_ids():
        return _Day(seed, library, plant).play()


class _Day:
    def __init__(self, seed: int, library: SimulatedLibrary, plant: Callable[[Run], None]) -> None:
        self.chance = random.Random(seed)
        self._library, self._plant = library, plant
        self._trouble = self.chance.choice((0.0, 0.01, 0.03, 0.1))
        self._offsets = {"w1": 0.0, "w2": 0.0}
        self._over = False
        self.run = Run(library, library.store.copy(), ("w1", "w2"), self._instant, traced=False)
        plant(self.run)
        self.recorder = self.run.recorder
        self.result = DayResult(seed)
        self._codes = 0

    def play(self) -> DayResult:
        run, result = self.run, self.result
        run.loop.step = self._step
        try:
            run.loop.run(self._whole_day())
            self._trouble = 0.0
            while run.network.waiting:  # what is still under way arrives at last
                run.make(run.network.waiting[0], Move.HAPPENS)
            run.loop.step = lambda: False
            run.loop.run(self._night())
        finally:
            run.loop.close()
        history = run.outcome()
        result.operations = len(history.operations)
        result.acknowledged = sum(o.told is not None for o in history.operations)
        result.unknown = sum(o.unknown for o in history.operations)
        result.harm += [f"{h.kind}: {h.text}" for h in judge(history) if h.kind in _COUNTED]
        result.harm += [str(disorder) for disorder in disorders(history, one_clock=False)]
        live = [r for r in history.stored if r.state in ("reserved", "in_use", "away", "offered")]
        result.harm += [f"never ended: {r.id} is {r.state}" for r in live]
        return result

    # --- the world --------------------------------------------------------------------------------

    def _instant(self) -> datetime:
        return at(self._library.opens) + timedelta(seconds=self.run.loop.time())

    def now(self, worker: Worker) -> datetime:
        """What the worker's clock shows."""
        return self._instant() + timedelta(seconds=self._offsets[worker.name])

    def _step(self) -> bool:
        waiting = self.run.network.waiting
        if not waiting or (self.chance.random() < 0.1 and self.run.loop.next_timer_s < _LATEST_S):
            return False
        request = self.chance.choice(waiting)
        move = Move.HAPPENS
        orphan = self.run.is_orphan(request)
        if orphan:
            move = self.chance.choice((Move.HAPPENS, Move.HAPPENS, Move.LOST))
        elif self.chance.random() < self._trouble:
            move = self.chance.choice(self.run.moves(request, faults=True))
            self.result.faults += move is not Move.HAPPENS
        self.run.loop.now += self.chance.random() * 0.02
        self.run.make(request, move)
        if move is Move.CRASH:
            self._start_again(request.worker)
        if self.chance.random() < 0.001:
            self._offsets[request.worker] = self.chance.uniform(-_CLOCK_S, _CLOCK_S)
        return True

    def _start_again(self, name: str) -> None:
        worker = Worker(name, self.run.network, self.run.loop)
        worker.share(self._library.loaded)
        self.run.workers[name] = worker
        self.run.tasks[name] = []
        self.run.alive.add(name)
        self._plant(self.run)

    def worker(self) -> Worker:
        """One of the workers, as a proxy would choose."""
        return self.run.workers[self.chance.choice(("w1", "w2"))]

    # --- the day ----------------------------------------------------------------------------------

    async def _whole_day(self) -> None:
        lives = [asyncio.create_task(_Visitor(self, r).live()) for r in self._library.readers]
        jobs = asyncio.create_task(self._jobs())
        await asyncio.gather(*lives)
        self._over = True
        await jobs

    async def _jobs(self) -> None:
        PARTY.set("jobs")
        while not self._over:
            await asyncio.sleep(_JOBS_EVERY_S * self.chance.random())
            worker = self.worker()
            await self._safely(worker, self._all_jobs(worker, self.now(worker)))

    async def _all_jobs(self, worker: Worker, now: datetime) -> None:
        direct = self._library.worker_on(self.run.cluster.primary)
        await direct.stored.heartbeat.set(now)  # nobody was away: outages are not the matter here
        await worker.deadlines.complete(now)
        await worker.deadlines.no_show(now)
        await worker.deadlines.expire_leaves(now)
        await worker.deadlines.send_reminders(now)
        await worker.deadlines.carry_over(now)
        await worker.waitlist_jobs.expire_offers(now)
        await worker.waitlist_jobs.offer_free_seats(now)
        await worker.outbox.dispatch(now)

    async def _safely(self, worker: Worker, work: Coroutine[Any, Any, Any]) -> Any:
        """The result, or None where the worker crashed meanwhile or had no database."""
        task = asyncio.create_task(work)
        self.run.tasks[worker.name].append(task)
        try:
            return await task
        except ServiceUnavailable:
            return None
        except asyncio.CancelledError:
            if task.cancelled():
                return None
            raise

    async def _night(self) -> None:
        """All that time does after the closing, without any more trouble."""
        PARTY.set("night")
        worker = self._library.worker_on(self.run.cluster.primary)
        for _ in range(3):
            await self._all_jobs(worker, at(self._library.opens) + _ENDS)
        while await worker.outbox.dispatch(at(self._library.opens) + _ENDS):
            pass

    @property
    def hour(self) -> int:
        """The hour that it is, counted on after 24."""
        return int(self.run.loop.time() // 3600) + self._library.opens

    @property
    def last_hour(self) -> int:
        """The last full hour before the closing."""
        return self._library.opens + _LASTS // timedelta(hours=1)

    def code(self) -> KioskCodeScan:
        self._codes += 1
        return KioskCodeScan(KIOSK, self._codes, is_current=True)


Ask = Callable[[Worker, RequestContext], Coroutine[Any, Any, Reservation]]
"""What a visitor asks of a worker."""


class _Visitor:
    """A reader's day: one thing after the other, each with a key, asked again where no answer
    came."""

    def __init__(self, day: _Day, reader: Reader) -> None:
        self._day, self._reader = day, reader
        self._chance, self._recorder = day.chance, day.recorder
        self._taps = 0

    async def live(self) -> None:
        PARTY.set(self._reader.id)
        loop = asyncio.get_running_loop()
        while loop.time() < _LASTS.total_seconds():
            await asyncio.sleep(self._chance.expovariate(1 / 2400))
            act = self._chance.choice((self._book, self._book, self._book_now, self._wait))
            r = await act()
            if r is not None:
                await self._use(r.id)

    async def _tap(
        self,
        verb: str,
        act: Ask,
        target: str = "",
        wanted: tuple[str, datetime, datetime] | None = None,
    ) -> Operation:
        """Ask, and again under the same key; sometimes twice at once, as an impatient client."""
        self._taps += 1
        key = f"{self._reader.id}-{self._taps}" if verb != "accept" else ""
        operation: Operation | None = None
        for _ in range(_TRIES):
            workers = [self._day.worker()]
            if operation is None and key and self._chance.random() < 0.05:
                workers = list(self._day.run.workers.values())
            tries = [self._once(w, verb, key, act, target, wanted, operation) for w in workers]
            for made in await asyncio.gather(*tries):
                operation = made if operation is None or operation.unknown else operation
            if operation is None or not operation.unknown or not key:
                break
            await asyncio.sleep(_ASKS_AGAIN_S)
        return operation or Operation(self._reader.id, verb, key, target, self._recorder.instant)

    async def _once(
        self,
        worker: Worker,
        verb: str,
        key: str,
        act: Ask,
        target: str,
        wanted: tuple[str, datetime, datetime] | None,
        again: Operation | None,
    ) -> Operation | None:
        ctx = context(self._reader, self._day.now(worker), key or None, repeated=again is not None)
        tap = self._recorder.tap(
            self._reader.id, verb, key, lambda: act(worker, ctx), target, wanted, again
        )
        made: Operation | None = await self._day._safely(worker, tap)
        if made is None and again is None:  # the worker crashed: what was asked was noted
            own = (o for o in self._recorder.history.operations if o.key == key)
            return next(own, None) if key else None
        return made or again

    async def _look(self, id: str) -> Reservation | None:
        worker = self._day.worker()
        found = await self._day._safely(worker, worker.stored.reservations.get(id))
        return found if isinstance(found, Reservation) else None

    async def _book(self) -> Reservation | None:
        """A seat for some later hours of the day."""
        start = self._day.hour + self._chance.randint(1, 3)
        end = start + self._chance.randint(1, 3)
        return await self._reserve(wish(start, end)) if end <= self._day.last_hour else None

    async def _book_now(self) -> Reservation | None:
        hour = self._day.hour
        end = hour + self._chance.randint(1, 3)
        return await self._reserve(wish(None, end, hour)) if end <= self._day.last_hour else None

    async def _reserve(self, when: TimeSelection) -> Reservation | None:
        place = seat(self._chance.randint(1, SEATS))
        # "Now" is that of the worker's clock, which may be behind.
        start = floor_minute(self._recorder.instant - timedelta(seconds=_CLOCK_S))
        if when.start is not None:
            start = local_instant(when.day, when.start)
        end = next_clock_instant(start, when.end)
        made = await self._tap(
            "reserve",
            lambda worker, ctx: worker.reservations.create(ctx, place, when),
            wanted=(place, start, end),
        )
        return await self._look(made.told.id) if made.told is not None else None

    async def _wait(self) -> Reservation | None:
        """Join the line for the next hours, and take what is offered."""
        hour = self._day.hour
        if hour + 3 > self._day.last_hour:
            return None
        worker = self._day.worker()
        ctx = context(self._reader, self._day.now(worker))
        joining = worker.waitlist.join(ctx, AREA, [], frozenset(), wish(hour + 1, hour + 3))
        with suppress(DomainError):
            await self._day._safely(worker, joining)
        for _ in range(8):
            await asyncio.sleep(300)
            worker = self._day.worker()
            entries = await self._day._safely(worker, worker.waitlist.open_of(self._reader.id))
            for entry in entries or ():
                if entry.offer is not None:
                    return await self._answer(entry.offer)
        return None

    async def _answer(self, id: str) -> Reservation | None:
        if self._chance.random() < 0.3:
            worker = self._day.worker()
            ctx = context(self._reader, self._day.now(worker))
            with suppress(DomainError):
                await self._day._safely(worker, worker.waitlist.decline(ctx, id))
            return None
        seen = await self._look(id)
        if seen is None:
            return None
        shown = seen.seat_id, seen.start, seen.end
        await self._tap("accept", lambda w, ctx: w.waitlist.accept(ctx, id), id, shown)
        return await self._look(id)

    async def _use(self, id: str) -> None:
        """What becomes of a booking: given up, changed, missed, or used to its end."""
        fate = self._chance.random()
        if fate < 0.2:
            await self._tap("cancel", lambda w, ctx: w.reservations.cancel(ctx, id), id)
            return
        if fate < 0.35:
            await self._change(id)
        r = await self._look(id)
        if r is None or self._chance.random() < 0.15:
            return
        await self._until(r.start + timedelta(minutes=self._chance.randint(-20, 20)))
        scan = self._day.code()
        there = await self._tap("check_in", lambda w, ctx: w.check_in.check_in(ctx, id, scan), id)
        if there.told is None:
            return
        if self._chance.random() < 0.4:
            await self._tap("leave", lambda w, ctx: w.check_in.leave(ctx, id), id)
            await asyncio.sleep(self._chance.uniform(60, 2400))
            back = self._day.code()
            await self._tap(
                "return", lambda w, ctx: w.check_in.return_from_leave(ctx, id, back), id
            )
        if self._chance.random() < 0.3 and r.end - r.start > timedelta(hours=1):
            r = await self._shorten(r) or r
        await self._until(r.end - timedelta(minutes=self._chance.randint(1, 50)))
        if self._chance.random() < 0.3:
            later = (r.end + timedelta(hours=9)).time()
            await self._tap("extend", lambda w, ctx: w.renewal.renew(ctx, id, later), id)
        elif self._chance.random() < 0.6:
            await self._tap("finish", lambda w, ctx: w.check_in.finish(ctx, id), id)

    async def _change(self, id: str) -> None:
        r = await self._look(id)
        if r is None or r.state is not ReservationState.RESERVED:
            return
        others = [seat(n) for n in range(1, SEATS + 1) if seat(n) != r.seat_id]
        place = self._chance.choice(others)
        there = (place, r.start, r.end)
        await self._tap(
            "change", lambda w, c: w.reservations.change(c, id, place, None, None), id, there
        )

    async def _shorten(self, r: Reservation) -> Reservation | None:
        end = r.end - timedelta(hours=1)
        clock, kept = (end + timedelta(hours=8)).time(), (r.seat_id, r.start, end)
        await self._tap("shorten", lambda w, c: w.early_end.shorten(c, r.id, clock), r.id, kept)
        return await self._look(r.id)

    async def _until(self, instant: datetime) -> None:
        wait = (instant - self._recorder.instant).total_seconds()
        await asyncio.sleep(max(0.0, wait))
