"""The loops that run the jobs: interval, lease, time limit and heartbeat, written once."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Collection, Iterable
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
from models.storage.rounds import SPREAD, pause_s

log = logging.getLogger(__name__)

LEASE: Final = timedelta(seconds=30)
TIME_LIMIT_S: Final = 25.0
"""A run ends before its lease does, so two workers never run one job at once."""

_GATHER_S: Final = 0.05
_GATHER_MANY_S: Final = 0.5
_MANY: Final = 20
"""When the dispatcher told so many at once, more gather for its next round: among hundreds each
costs half as much, and bookings matter more than telling of them half a second sooner."""


class Telling(Enum):
    """What a group of jobs has to do with telling readers: first messages are written, then each
    channel sends its own."""

    NOTHING = auto()
    WRITES = auto()
    SENDS = auto()


_GOING_ON_S: Final = 1.0
"""When they had something to do, they ask again after this long: what is under way goes on."""

_RENEW_AFTER_S: Final = 3.0
"""With the time limit of a run, well within the lease."""

_OFTEN_S: Final = 5.0
"""Groups that come round so often renew their leases together."""

_ASK_AGAIN_S: Final = 0.9
"""Where another worker holds the lease; a round by interval (1 s, or a little less) still asks."""

_HANGS_AFTER_S: Final = 45.0
_RELEASE_S: Final = 2.0
_GIVE_UP: Final = 5


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel the tasks until they have ended.

    More than once: before Python 3.12 asyncio.wait_for, which the drivers use, swallows a
    cancellation that meets a result, and a loop would run on for ever. At most for five seconds:
    one that hangs in a driver ends with the process.
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
    """A named job. ``run(now)`` does what is due and returns the number of things done; it is
    idempotent and bounded. With ``batch_size`` or more it runs again at once.
    """

    name: str
    run: Callable[[datetime], Awaitable[int]]
    batch_size: int = 200

    async def run_once(self, now: datetime) -> int:
        """One run, under an id of its own that names the job."""
        REQUEST_ID.set(f"{self.name}.{new_request_id()}")
        return await self.run(now)


@dataclass(slots=True)
class JobGroup:
    """Jobs that run one after the other, every ``every_s`` seconds or when nudged."""

    name: str
    jobs: tuple[Job, ...]
    every_s: float
    leased: bool = True
    telling: Telling = Telling.NOTHING
    judges: bool = True
    """By the time: not while this machine's clock is wrong."""
    put_off: Callable[[], bool] = lambda: False
    """May a round wait, as there is more urgent work? Not asked while a clock is being moved."""
    nudged: asyncio.Event = field(default_factory=asyncio.Event)
    last_success: float = field(default_factory=monotonic)
    leased_at: float = float("-inf")
    refused_at: float = float("-inf")
    began_at: float | None = None
    """When the last round began, if no other worker has had the lease since."""
    changes: int = 0
    """Of the last round."""


_ALONE: Final = frozenset({"prune", "migrate"})
"""These jobs find no more to do at an instant, whatever other jobs have done at it."""


class Scheduler:
    def __init__(
        self,
        groups: Iterable[JobGroup],
        leases: LeaseRepository,
        clock: Clock,
        metrics: Metrics,
        owner: str = "",
    ) -> None:
        """``owner`` is the name in the leases, of this process alone; made up where none is given.
        Who starts with a dead process's name goes on with its leases."""
        self.groups = tuple(groups)
        self._writing = [group for group in self.groups if group.telling is Telling.WRITES]
        self._leases = leases
        self._clock = clock
        self._metrics = metrics.jobs
        self._owner = owner or secrets.token_hex(8)
        self._tasks: list[asyncio.Task[None]] = []
        self._renewing = asyncio.Lock()
        self._renewal_failed_at = float("-inf")

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._run(group), name=f"jobs-{group.name}")
            for group in self.groups
        ]

    async def stop(self) -> None:
        """Let go of the leases, so that another worker goes on at once."""
        await end(self._tasks)
        self._tasks = []
        with suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(_RELEASE_S):
                for group in self.groups:
                    await self._leases.release(group.name, self._owner)

    def wake(self) -> None:
        """Something was written that has to be told: do not wait for the interval. Once messages
        are written, they wake their delivery."""
        for group in self._writing:
            group.nudged.set()

    def _wake_after(self, changed: JobGroup) -> None:
        """What a job has changed may have to be told; messages that were written, to be sent."""
        for group in self.groups:
            tells = group.telling is not Telling.NOTHING
            if tells and group is not changed and changed.telling is not Telling.SENDS:
                group.nudged.set()

    def job(self, name: str) -> Job | None:
        return next((job for group in self.groups for job in group.jobs if job.name == name), None)

    @property
    def job_names(self) -> list[str]:
        return [job.name for group in self.groups for job in group.jobs]

    def stalled(self) -> list[str]:
        """Loops that have not come round for too long."""
        now = monotonic()
        return [
            group.name
            for group in self.groups
            if now - group.last_success > max(_HANGS_AFTER_S, 3 * group.every_s)
        ]

    async def run_until_idle(
        self, now: datetime, names: Collection[str] | None = None
    ) -> frozenset[str]:
        """Run the jobs (those of these ``names`` alone, if given) at ``now`` in their order, and
        over again until each has found nothing to do since anything was done. Returns the names of
        those that did something. A clock that is moved steps by this."""
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
        raise RuntimeError("the jobs find no end")

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
        """One run of each job. True when there may be more to do at once."""
        group.changes = 0
        self._clock.now()  # looks whether the machine's clock was set
        if group.judges and not self._clock.trusted:
            return False
        if group.leased and not await self._acquire_lease(group):
            group.began_at = None
            return False
        self._measure_delay(group)
        busy = False
        for job in () if group.put_off() else group.jobs:
            effects = await job.run_once(self._clock.now())
            if effects:
                self._metrics.effects.labels(job.name).inc(effects)
            group.changes += effects
            busy = busy or effects >= job.batch_size
        now = self._clock.real_now().timestamp()
        self._metrics.last_success.labels(group.name).set(now)
        return busy

    def _measure_delay(self, group: JobGroup) -> None:
        """How late this round begins, by the longest pause that there may be between two."""
        now = monotonic()
        if group.began_at is not None:
            late_s = now - group.began_at - (1 + SPREAD) * group.every_s
            self._metrics.delay.labels(group.name).observe(max(0.0, late_s))
        group.began_at = now

    async def _acquire_lease(self, group: JobGroup) -> bool:
        """Is the lease ours? Asked of the database every few seconds, as rounds can be many."""
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
        """Renew the leases of this group and of others that come round often, in one write. False
        where this one was not renewed."""
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
                return False  # where it cannot be done, nobody waits for the next one to try
            self._renewal_failed_at = now
            if not await self._leases.renew([g.name for g in held], self._owner, real_now, LEASE):
                return False
            self._renewal_failed_at = float("-inf")
            for one in held:
                one.leased_at = now
            return True

    async def _pause(self, group: JobGroup) -> None:
        try:
            going_on = group.changes and group.telling is not Telling.NOTHING
            every_s = min(group.every_s, _GOING_ON_S) if going_on else group.every_s
            async with asyncio.timeout(pause_s(every_s)):
                await group.nudged.wait()
                # What is written in the same moment is told in the same round.
                many = group.telling is Telling.WRITES and group.changes >= _MANY
                await asyncio.sleep(_GATHER_MANY_S if many else _GATHER_S)
        except TimeoutError:
            pass
