"""Whole days of a small library, one for each seed, with many readers, two workers and many faults.

The service's own code runs on the model of MongoDB. Requests overtake each other; answers are lost,
come twice, or arrive after their reader has given up. Workers crash and start again; their clocks
differ and jump; now and then the service is down for minutes. The same seed gives the same day. A
day begins when the library opens, and crosses midnight in the library of ``NIGHT``. From some hour
on nothing fails any more; then every reader has an answer within a minute.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from unittest import mock

from lab.history.judge import judge
from lab.history.recorded import disorders
from lab.proof.room_guests import RoomGuest
from lab.proof.room_scenarios import two_room_holders
from lab.proof.season_guests import SeasonGuest, put_season
from lab.proof.season_watch import HolderWatch
from lab.proof.seat_probe import SeatProbe
from lab.proof.simulated_channel import SimulatedChannel
from lab.proof.simulated_library import KIOSK, SimulatedLibrary, Worker, at
from lab.proof.simulated_loop import PLAYER, counted_ids
from lab.proof.simulation import Move, Run
from lab.proof.visitors import CLOCK_S, LASTS, Visitor
from models.check_in.arrival import KioskCodeScan
from models.kernel.errors import Unavailable
from models.messages.mapping import DEFAULT_EXPIRY
from models.parties.rules import HELD_FOR
from models.waitlist.entities import OFFER_DURATION
from notify.delivery import worker as delivery
from notify.delivery.worker import EXPIRE_EVERY

# Keeps warnings about paused channels from the terminal: they are expected here.
logging.getLogger("notify.delivery").addHandler(logging.NullHandler())
READERS: Final = 11
_GUESTS: Final = 3
"""The number of readers who also book rooms."""
_APPLICANTS: Final = 4
"""The number of other readers who have also applied for a season: two hold seats, two wait."""
_WINDOW: Final = timedelta(days=2)
"""So many days ahead the holders' days are written."""
_ENDS: Final = timedelta(hours=16)
"""Time from the opening to the last run of the jobs, after the closing."""
_JOBS_EVERY_S: Final = 1200.0
_BEAT_S: Final = timedelta(seconds=2)
"""Age of the other workers' last heartbeat: they are assumed to be up whenever this day's
workers run their jobs."""
_AWAY: Final = 0.04
"""Share of the rounds of jobs that follow a downtime of the service."""
_AWAY_S: Final = (20.0, 900.0)
_CHANNEL_FAILS: Final = 0.15
"""Share of the calls to the delivery channel that fail while faults happen."""
_LEASES_END_S: Final = 120.0
"""Seconds after which all leases of crashed workers have expired."""
_SETTLED_S: Final = 60.0
"""At most this many seconds a request takes."""
_LOOKS: Final = 6
_MOMENT_S: Final = 0.002
_PROBES: Final = 0.1
"""Share of the rounds of jobs after which free seats are requested."""
_LATEST_S: Final = 5.0
"""At most this many seconds a request is under way while a caller waits for it: less than the
driver's time-out."""


@dataclass(slots=True)
class DayResult:
    """The result of a seed's day. ``harm``: all violations, as text."""

    seed: int
    operations: int = 0
    acknowledged: int = 0
    unknown: int = 0
    faults: int = 0
    harm: list[str] = field(default_factory=list)


def play(
    seed: int, library: SimulatedLibrary, plant: Callable[[Run], None] = lambda run: None
) -> DayResult:
    """Plays the seed's day to its end and judges it. ``plant`` plants a mistake into its
    workers."""
    with counted_ids():
        return Day(seed, library, plant).play()


class Day:
    def __init__(self, seed: int, library: SimulatedLibrary, plant: Callable[[Run], None]) -> None:
        self.chance = random.Random(seed)
        self._library, self._plant = library, plant
        self._trouble = self.chance.choice((0.0, 0.01, 0.03, 0.1))
        self._offsets = {"w1": 0.0, "w2": 0.0}
        self._over = False
        self._calm_from = self.chance.uniform(0.3, 1.0) * LASTS.total_seconds()
        self.away = False
        self.unanswered: list[str] = []
        self._channel_fails_in_the_end = self.chance.choice((0.0, 1.0))
        self._probe = SeatProbe(library)
        store, applicants = library.store.copy(), library.readers[_GUESTS:][:_APPLICANTS]
        put_season(store, applicants, library.opens)
        self._watch = HolderWatch()
        self._watch(store)
        self.run = Run(library, store, ("w1", "w2"), self._instant, traced=False)
        plant(self.run)
        self.recorder = self.run.recorder
        self.result = DayResult(seed)
        self._codes = 0
        # The last reader is the probe's.
        people = library.readers[:-1]
        self.visitors: Sequence[Visitor] = [Visitor(self, reader) for reader in people]
        self._applicants = [SeasonGuest(self, reader, library.opens) for reader in applicants]
        self._guests: list[RoomGuest] = []
        for reader in library.readers[:_GUESTS]:
            self._guests.append(RoomGuest(self, reader, self._guests))
        for worker in self.run.workers.values():
            self._send_by(worker)

    def _send_by(self, worker: Worker) -> None:
        channel = SimulatedChannel(worker.db, self.chance, self._instant, self._channel_fails)
        worker.sends_by(channel, self._instant)

    def _channel_fails(self) -> bool:
        share = self._channel_fails_in_the_end if self.calm else _CHANNEL_FAILS
        return self.chance.random() < share

    def play(self) -> DayResult:
        run, result = self.run, self.result
        run.loop.step = self._step
        try:
            with mock.patch.object(delivery, "monotonic", run.loop.time):
                run.loop.run(self._whole_day())
            self._trouble = 0.0
            while run.network.waiting:  # requests under way arrive last
                run.make(run.network.waiting[0], Move.HAPPENS)
            run.loop.step = lambda: False
            run.loop.run(self._night())
        finally:
            run.loop.close()
        history = run.outcome()
        history.parties_end = night = at(self._library.opens) + _ENDS
        history.written_until = (night.date() + _WINDOW).isoformat()
        operations = [*history.operations, *history.room_operations]
        result.operations = len(operations)
        result.acknowledged = sum(o.promise is not None for o in operations)
        result.unknown = sum(o.unknown for o in operations)
        result.harm += [f"{h.kind}: {h.text}" for h in judge(history)]
        result.harm += [f"unanswered: {who}" for who in self.unanswered]
        result.harm += [str(disorder) for disorder in disorders(history, one_clock=False)]
        live = [
            r
            for r in history.stored
            if r.state in ("reserved", "in_use", "away", "offered")
            if r.season is None or r.start <= night
        ]
        result.harm += [f"never ended: {r.id} is {r.state}" for r in live]
        result.harm += [f"never ended: {b.id} is {b.state}" for b in history.rooms if b.live]
        return result

    # --- the world --------------------------------------------------------------------------------

    def _instant(self) -> datetime:
        return at(self._library.opens) + timedelta(seconds=self.run.loop.time())

    def now(self, worker: Worker) -> datetime:
        """The time on the worker's clock."""
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
        elif not self.calm and self.chance.random() < self._trouble:
            move = self.chance.choice(self.run.moves(request, faults=True))
            self.result.faults += move is not Move.HAPPENS
        self.run.loop.now += self.chance.random() * 0.02
        self.run.make(request, move)
        if request.text == "commit" and (harm := self._watch(self.run.cluster.primary)):
            self.result.harm.append(harm)
        if move is Move.CRASH:
            self._start_again(request.worker)
        if self.chance.random() < 0.001:
            self._offsets[request.worker] = self.chance.uniform(-CLOCK_S, CLOCK_S)
        return True

    @property
    def calm(self) -> bool:
        """True once nothing fails any more."""
        return self.run.loop.time() >= self._calm_from

    def _start_again(self, name: str) -> None:
        worker = Worker(name, self.run.network, self.run.loop)
        worker.share(self._library.loaded)
        self.run.workers[name] = worker
        self.run.tasks[name] = []
        self.run.alive.add(name)
        self._send_by(worker)
        self._plant(self.run)

    def worker(self) -> Worker:
        """A random worker, as a load balancer would choose."""
        return self.run.workers[self.chance.choice(("w1", "w2"))]

    # --- the day ----------------------------------------------------------------------------------

    async def _whole_day(self) -> None:
        lives = [asyncio.create_task(visitor.live()) for visitor in self.visitors]
        lives += [asyncio.create_task(guest.live()) for guest in self._guests]
        lives += [asyncio.create_task(applicant.live()) for applicant in self._applicants]
        jobs = asyncio.create_task(self._jobs())
        await asyncio.gather(*lives)
        self._over = True
        await jobs
        await self._messages_end()

    async def _messages_end(self) -> None:
        """Waits for some of the expiries of open deliveries. Two rounds of delivery after each,
        all expired deliveries must have ended, whether the channel works again or not; else it
        notes harm."""
        PLAYER.set("messages")
        await asyncio.sleep(_LEASES_END_S)
        expiries = sorted(self._on_the_way().values())
        for until in expiries[:: len(expiries) // _LOOKS + 1] + expiries[-1:]:
            wait_s = (until - self._instant()).total_seconds()
            await asyncio.sleep(max(0.0, wait_s) + _MOMENT_S)
            for _ in range(2):
                for worker in self.run.workers.values():
                    assert worker.delivery is not None
                    await self.safely(worker, worker.delivery.run(self._instant()))
                await asyncio.sleep(EXPIRE_EVERY.total_seconds())
            left = {id for id, expiry in self._on_the_way().items() if expiry <= until}
            if left:
                self.result.harm.append(f"unended: {min(left)} at {until:%H:%M} and two rounds")
                return

    def _on_the_way(self) -> dict[str, datetime]:
        """The expiries of the deliveries that have not ended, by their ids."""
        rows = self.run.cluster.primary.table("deliveries").documents.values()
        return {
            row["_id"]: row["expires_at"] or row["at"] + DEFAULT_EXPIRY
            for row in rows
            if row["open"]
        }

    async def _jobs(self) -> None:
        PLAYER.set("jobs")
        while not self._over:
            await asyncio.sleep(_JOBS_EVERY_S * self.chance.random())
            direct = self._library.worker_on(self.run.cluster.primary)
            await direct.stored.heartbeat.set(self._instant() - _BEAT_S)
            if not self.calm and self.chance.random() < _AWAY:
                self.away = True
                await asyncio.sleep(self.chance.uniform(*_AWAY_S))
                self.away = False
            worker, began = self.worker(), self._instant()
            await self.safely(worker, self._all_jobs(worker, self.now(worker)))
            self._look_at_offers()
            if twice := two_room_holders(self.run.cluster.primary):
                self.result.harm.append(twice)
            self._look_at_parties(began - timedelta(seconds=_SETTLED_S))
            if self.chance.random() < _PROBES:
                hours = [self.hour + 1] if self.hour < self.last_hour - 1 else []
                store, now = self.run.cluster.primary, self._instant()
                self.recorder.history.probes += self._probe.look(store, now, hours)

    def _look_at_offers(self) -> None:
        """Notes harm if a seat has been held for over a minute and its waitlist entry does not
        name the offer. Judges only once the offers that a crash may have left have expired."""
        if not self._calm_for(OFFER_DURATION):
            return
        store = self.run.cluster.primary
        entries = store.table("waitlist").documents
        for row in store.table("reservations").documents.values():
            held = row.get("state") == "offered"
            since_s = (self._instant() - row["placed_at"]).total_seconds() if held else 0.0
            if since_s > _SETTLED_S and entries[row["wait"]]["offer"] != row["_id"]:
                self.result.harm.append(f"held: {row['_id']}, for nobody")

    def _look_at_parties(self, due: datetime) -> None:
        """Notes harm if a party whose time was over at ``due`` holds seats after a round of the
        jobs."""
        if not self._calm_for(HELD_FOR):
            return
        for row in self.run.cluster.primary.table("reservations").documents.values():
            if "asker" in row and row["ended_at"] is None and row["until"] <= due:
                self.result.harm.append(f"held: {row['_id']} did not end")

    def _calm_for(self, lasts: timedelta) -> bool:
        """True if nothing has failed for more than that time."""
        calm_s = self.run.loop.time() - self._calm_from
        return calm_s >= lasts.total_seconds() + _SETTLED_S

    async def _all_jobs(self, worker: Worker, now: datetime) -> None:
        await worker.reference.refresh()
        await worker.extension.record_heartbeat(now)
        await worker.season_days.run(now)
        await worker.deadlines.complete(now)
        await worker.deadlines.no_show(now)
        await worker.season_use.run(now)
        await worker.room_jobs.run(now)
        await worker.deadlines.expire_leaves(now)
        await worker.deadlines.send_reminders(now)
        await worker.deadlines.carry_over(now)
        await worker.waitlist_jobs.expire_offers(now)
        await worker.parties.end_due(await worker.extension.alive_until(now))
        await worker.waitlist_jobs.offer_free_seats(now)
        await worker.outbox.dispatch(now)
        if worker.delivery is not None:
            await worker.delivery.run(now)

    async def safely(self, worker: Worker, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of ``work``; None if the worker crashed meanwhile or had no database."""
        task = asyncio.create_task(work)
        self.run.tasks[worker.name].append(task)
        try:
            return await task
        except Unavailable:
            return None
        except asyncio.CancelledError:
            if task.cancelled():
                return None
            raise

    async def _night(self) -> None:
        """Runs all jobs after the closing, without faults."""
        PLAYER.set("night")
        worker = self._library.worker_on(self.run.cluster.primary)
        await worker.stored.heartbeat.set(at(self._library.opens) + _ENDS - _BEAT_S)
        for _ in range(3):
            await self._all_jobs(worker, at(self._library.opens) + _ENDS)
        while await worker.outbox.dispatch(at(self._library.opens) + _ENDS):
            pass

    @property
    def hour(self) -> int:
        """The current hour; after midnight it goes on from 24."""
        return int(self.run.loop.time() // 3600) + self._library.opens

    @property
    def last_hour(self) -> int:
        """The last full hour before the closing, counted like ``hour``."""
        return self._library.opens + LASTS // timedelta(hours=1)

    def code(self) -> KioskCodeScan:
        self._codes += 1
        return KioskCodeScan(KIOSK, self._codes, is_current=True)
