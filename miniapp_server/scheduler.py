"""Runs the background jobs in loops, each with interval, lease, time limit and heartbeat."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from itertools import cycle, islice
from time import monotonic
from typing import Final

from handlers.http.metrics import Metrics
from handlers.http.request_ids import new_request_id
from miniapp_server.clock import Clock
from models.kernel.errors import Unavailable
from models.kernel.request_id import REQUEST_ID
from models.storage.leases import LeaseRepository
from models.storage.rounds import OF_PROCESS_S, SPREAD, pause_s

log = logging.getLogger(__name__)

LEASE: Final = timedelta(seconds=30)
TIME_LIMIT_S: Final = 25.0
"""Seconds that a run of a job group may take. A lease lasts longer, so that no two workers run a
group concurrently."""

_GATHER_S: Final = 0.05
_GATHER_MANY_S: Final = 0.5
_MANY: Final = 20
"""If the outbox dispatcher handled at least this many events in a run, it waits
``_GATHER_MANY_S`` before the next run to gather more events. One event of a large batch costs
half as much as alone, and in a rush bookings matter more than messages half a second sooner."""


class Messaging(Enum):
    """A job group's part in notifying readers: writing messages or sending them."""

    NOTHING = auto()
    WRITES = auto()
    SENDS = auto()


_GOING_ON_S: Final = 1.0
"""Seconds until a messaging group runs again after a run with effects: more work may have come."""

_RENEW_AFTER_S: Final = 3.0
"""A lease is renewed once it is this many seconds old. This plus ``TIME_LIMIT_S`` is less than
``LEASE``, so no lease ends during a run."""

_OFTEN_S: Final = 10.0
"""Job groups with at most this interval (seconds) renew their leases together."""

_ASK_AGAIN_S: Final = 0.9
"""Seconds until a group asks again for a lease held by another worker; below all intervals."""

_LOOKED_FOR_EVERY_S: Final = 30.0
"""Seconds between rounds of a group whose work this process looks for, if there is none."""

_INSTANTS_S: Final = (0.0, 0.5, 1.0, 1.5)
"""The rounds of a process's schools begin at instants that are this many seconds apart: at one
instant a reader would wait for all of them, at an instant each they cost a third more."""

_HANGS_AFTER_S: Final = 45.0
_RELEASE_S: Final = 2.0
_GIVE_UP: Final = 5


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancels the tasks repeatedly until all have ended, for at most five seconds.

    One cancellation is not enough: before Python 3.12 ``asyncio.wait_for``, which the drivers use,
    swallows a cancellation that coincides with a result. A task that hangs in a driver ends only
    with the process.
    """
    for _ in range(_GIVE_UP):
        waiting = [task for task in tasks if not task.done()]
        if not waiting:
            return
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting, timeout=1)


@dataclass(frozen=True, slots=True)
class Job:
    """A background job. ``run(now)`` does a bounded, repeatable part of what is due and returns
    its number of effects. With ``batch_size`` or more effects the job runs again immediately.
    ``needs``: the kind of work without which it has nothing to do."""

    name: str
    run: Callable[[datetime], Awaitable[int]]
    batch_size: int = 200
    needs: Hashable = None

    async def run_once(self, now: datetime) -> int:
        """Runs the job once. Its log lines get a new request id that begins with the job's name."""
        REQUEST_ID.set(f"{self.name}.{new_request_id()}")
        return await self.run(now)


@dataclass(slots=True)
class JobGroup:
    """Jobs that run in turn, every ``every_s`` seconds, or immediately when ``nudged`` is set."""

    name: str
    jobs: tuple[Job, ...]
    every_s: float
    leased: bool = True
    messaging: Messaging = Messaging.NOTHING
    judges: bool = True
    """Whether the jobs depend on the machine's clock, and so pause while it is wrong."""
    put_off: Callable[[], bool] = lambda: False
    """Whether to skip a round for the sake of more urgent work; not asked by ``run_until_idle``."""
    look_for_work: Callable[[datetime], Awaitable[Collection[Hashable]]] | None = None
    """Returns the kinds of work that there are. Asked once a round: jobs that need a missing kind
    do not run, and other groups with a job that needs one of these kinds are woken."""
    nudged: asyncio.Event = field(default_factory=asyncio.Event)
    last_success: float = field(default_factory=monotonic)
    leased_at: float = float("-inf")
    refused_at: float = float("-inf")
    pause_s: float = 0.0
    """The pause before the present round, unless the group was woken earlier."""
    began_at: float | None = None
    """Monotonic time when the last round began; None while another worker holds the lease."""
    changes: int = 0
    """Number of effects of the last round."""


_ALONE: Final = frozenset({"prune", "migrate"})
"""Jobs that ``run_until_idle`` does not run again once they had no effect, because the effects
of other jobs give them no new work."""


class Scheduler:
    def __init__(
        self,
        groups: Iterable[JobGroup],
        leases: LeaseRepository,
        clock: Clock,
        metrics: Metrics,
        owner: str = "",
    ) -> None:
        """``owner``: this process's unique name in the leases; random if empty. A process that
        takes over the name of a dead process continues the leases of that process."""
        self.groups = tuple(groups)
        self._writing = [group for group in self.groups if group.messaging is Messaging.WRITES]
        self._leases = leases
        self._clock = clock
        self._metrics = metrics.jobs
        self._owner = owner or secrets.token_hex(8)
        self._shift_s = OF_PROCESS_S + random.choice(_INSTANTS_S)
        self._tasks: list[asyncio.Task[None]] = []
        self._renewing = asyncio.Lock()
        self._renewal_failed_at = float("-inf")
        self._looked_at = float("-inf")

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._run(group), name=f"jobs-{group.name}")
            for group in self.groups
        ]

    async def stop(self) -> None:
        """Stops the loops and releases the leases, so that other workers need not wait for them."""
        await end(self._tasks)
        self._tasks = []
        with suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(_RELEASE_S):
                for group in self.groups:
                    await self._leases.release(group.name, self._owner)

    def wake(self) -> None:
        """Wakes the groups that write messages. If they write any, the sending groups follow."""
        for group in self._writing:
            group.nudged.set()

    def _wake_after(self, changed: JobGroup) -> None:
        """Wakes the groups that write or send messages, after ``changed`` has had effects. If
        ``changed`` itself sends messages, it wakes none."""
        for group in self.groups:
            is_messaging = group.messaging is not Messaging.NOTHING
            if is_messaging and group is not changed and changed.messaging is not Messaging.SENDS:
                group.nudged.set()

    def _wake_for(self, present: Collection[Hashable], looking: JobGroup) -> None:
        """Wakes the groups that need one of these kinds of work, except the one that looked."""
        self._looked_at = monotonic()
        for group in self.groups:
            if group is not looking and any(job.needs in present for job in group.jobs):
                group.nudged.set()

    def job(self, name: str) -> Job | None:
        return next((job for group in self.groups for job in group.jobs if job.name == name), None)

    @property
    def job_names(self) -> list[str]:
        return [job.name for group in self.groups for job in group.jobs]

    def stalled(self) -> list[str]:
        """Names of job groups that hang: their last successful round is more than three
        intervals and more than 45 seconds ago."""
        now = monotonic()
        return [
            group.name
            for group in self.groups
            if now - group.last_success > max(_HANGS_AFTER_S, 3 * group.every_s)
        ]

    async def run_until_idle(
        self, now: datetime, names: Collection[str] | None = None
    ) -> frozenset[str]:
        """Runs the jobs in order, with the time ``now``, again and again until none has work
        left. ``names``: only these jobs. Returns the names of the jobs that had effects. The
        sandbox calls this when it moves its clock."""
        jobs = [
            job
            for group in self.groups
            if group.leased
            for job in group.jobs
            if names is None or job.name in names
        ]
        done: set[str] = set()
        at_an_end: set[str] = set()
        idle = 0
        for job in islice(cycle(jobs), 1000 * len(jobs)):
            if job.name not in at_an_end and await job.run(now):
                done.add(job.name)
                idle = 0
            else:
                idle += 1
                if job.name in _ALONE:
                    at_an_end.add(job.name)
            if idle == len(jobs):
                return frozenset(done)
        raise RuntimeError("the jobs never finish: each run has further work")

    async def _run(self, group: JobGroup) -> None:
        self._metrics.interval.labels(group.name).set(group.every_s)
        while True:
            group.nudged.clear()
            try:
                async with asyncio.timeout(TIME_LIMIT_S):
                    busy = await self.run_round(group)
                group.last_success = monotonic()
                if group.changes:
                    self._wake_after(group)
            except (Unavailable, TimeoutError) as error:
                busy = False
                self._metrics.failures.labels(group.name).inc()
                log.warning("job_interrupted", extra={"loop": group.name, "reason": repr(error)})
            except Exception:
                busy = False
                self._metrics.failures.labels(group.name).inc()
                log.exception("job_failed", extra={"loop": group.name})
            if not busy:
                await self._pause(group)

    async def run_round(self, group: JobGroup) -> bool:
        """Runs the group's jobs if no other worker has the lease. True if more work may be due."""
        group.changes = 0
        self._clock.now()  # notices if the machine's clock was set
        if group.judges and not self._clock.trusted:
            return False
        if group.leased and not await self._acquire_lease(group):
            group.began_at = None
            return False
        self._measure_delay(group)
        busy, present = False, None
        for job in () if group.put_off() else group.jobs:
            if job.needs is not None and group.look_for_work is not None:
                if present is None:
                    present = await group.look_for_work(self._clock.now())
                    self._wake_for(present, group)
                if job.needs not in present:
                    continue
            effects = await job.run_once(self._clock.now())
            if effects:
                self._metrics.effects.labels(job.name).inc(effects)
            group.changes += effects
            busy = busy or effects >= job.batch_size
        now = self._clock.real_now().timestamp()
        self._metrics.last_success.labels(group.name).set(now)
        return busy

    def _measure_delay(self, group: JobGroup) -> None:
        """Measures by how much the time since the last round exceeds the longest regular pause."""
        now = monotonic()
        if group.began_at is not None:
            late_s = now - group.began_at - (1 + SPREAD) * max(group.every_s, group.pause_s)
            self._metrics.delay.labels(group.name).observe(max(0.0, late_s))
        group.began_at = now

    async def _acquire_lease(self, group: JobGroup) -> bool:
        """Takes or keeps the group's lease. True if this process holds the lease. Asks the
        database every few seconds only."""
        now = monotonic()
        if now - group.refused_at < _ASK_AGAIN_S:
            return False
        if now - group.leased_at > _RENEW_AFTER_S and not await self._renew_with_others(group):
            now, real_now = monotonic(), self._clock.real_now()
            if not await self._leases.acquire(group.name, self._owner, real_now, LEASE):
                group.refused_at, group.leased_at = now, float("-inf")
                return False
            group.leased_at = now
        return True

    async def _renew_with_others(self, group: JobGroup) -> bool:
        """Renews frequent groups' leases in one write. True if ``group``'s lease is renewed."""
        async with self._renewing:
            now, real_now = monotonic(), self._clock.real_now()
            if now - group.leased_at <= _RENEW_AFTER_S:
                return True  # another group has just done it
            held = [
                g
                for g in self.groups
                if g.leased and g.every_s <= _OFTEN_S and now - g.leased_at < TIME_LIMIT_S
            ]
            if group not in held or now - self._renewal_failed_at < _RENEW_AFTER_S:
                return False  # it failed a moment ago: each group asks for its own lease
            self._renewal_failed_at = now
            if not await self._leases.renew([g.name for g in held], self._owner, real_now, LEASE):
                return False
            self._renewal_failed_at = float("-inf")
            for one in held:
                one.leased_at = now
            return True

    def _every_s(self, group: JobGroup) -> float:
        """The seconds until the group's next round, unless it is woken."""
        if group.changes and group.messaging is not Messaging.NOTHING:
            return min(group.every_s, _GOING_ON_S)
        looked_for = group.look_for_work is None and all(job.needs for job in group.jobs)
        if looked_for and monotonic() - self._looked_at < group.every_s:
            return _LOOKED_FOR_EVERY_S
        return group.every_s

    async def _pause(self, group: JobGroup) -> None:
        group.pause_s = self._every_s(group)
        try:
            async with asyncio.timeout(pause_s(group.pause_s, self._shift_s)):
                await group.nudged.wait()
                # Events of the same moment are handled in the same round.
                many = group.messaging is Messaging.WRITES and group.changes >= _MANY
                await asyncio.sleep(_GATHER_MANY_S if many else _GATHER_S)
        except TimeoutError:
            pass
