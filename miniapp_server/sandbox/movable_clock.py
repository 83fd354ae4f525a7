"""The sandbox's clock, which all workers share. A move runs the jobs that become due on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

from aiohttp import web

from handlers.http.keys import REFERENCE
from miniapp_server.keys import RESOURCES, SCHEDULER
from miniapp_server.sandbox.state_repository import SandboxState
from miniapp_server.schedule import delivery_job
from miniapp_server.scheduler import end
from models.kernel.errors import Conflict, DomainError, Malformed
from models.messages.entities import Channel
from models.reservations.presence import PresenceMethod
from models.storage.broadcast import AcknowledgedBroadcast
from models.storage.rounds import pause_s

_CLOCK_POLL_S: Final = 5.0
"""Seconds between looks for a move that another worker has made, in case Redis did not tell it."""
_LONGEST_MOVE: Final = timedelta(days=366)
_A_DAY: Final = timedelta(days=1)

_SENDING: Final = frozenset(delivery_job(channel) for channel in Channel)
_AT_EACH_STEP: Final = frozenset({"carry_over", "offer_free_seats", "dispatch_outbox"}) | _SENDING
"""Jobs that run at each step of a move: they have no stored deadlines or depend on other jobs."""
_BRINGS_DEADLINES: Final = frozenset({"gates", "carry_over"})
"""If one of these jobs has effects, all jobs run again: past events may bring past deadlines."""


class ClockHeld(Conflict):
    """The clock can be moved back only while there are no reservations."""

    code = "clock_held"


class MovableClock:
    """Moves the service's clock, which all workers follow through MongoDB. ``clear_caches``:
    empties this worker's caches after a reset by another worker."""

    def __init__(
        self, app: web.Application, state: SandboxState, clear_caches: Callable[[], None]
    ) -> None:
        resources = app[RESOURCES]
        self._clock, self._stored = resources.clock, resources.repositories
        self._scheduler, self._reference = app[SCHEDULER], app[REFERENCE]
        self._state = state
        self._clear_caches = clear_caches
        self._moving = asyncio.Lock()
        self._moves = 0
        self._reset_seen = ""
        self._others = AcknowledgedBroadcast(resources.redis, resources.redis_names.signal("clock"))

    async def begin(self) -> None:
        self._clock.offset, self._reset_seen = await self._state.clock()

    @asynccontextmanager
    async def resetting(self) -> AsyncIterator[None]:
        """A block for a reset, during which the clock cannot be moved. At the end the block
        waits until every worker has noticed the reset."""
        async with self._exclusive_move():
            yield
            self._reset_seen = await self._state.note_reset()
        await self._broadcast_clock()

    async def move(self, target_of: Callable[[datetime], datetime]) -> None:
        """Moves the clock of all workers to the time that ``target_of`` returns for the present
        time. A forward move runs each job when it is due. Removes the invented readers first.

        Raises: ClockHeld if the clock cannot be moved back; Malformed if the target is too far
        ahead.
        """
        async with self._exclusive_move():
            if target_of(now := self._clock.now()) - now > _LONGEST_MOVE:
                raise Malformed("now", "must be at most 366 days ahead")
            if await self._state.end_life():
                self._clear_caches()
                self._reset_seen = await self._state.note_reset()
            now = self._clock.now()
            target = target_of(now)
            if target < now:
                await self._back(target)
            else:
                await self._forward(now, target)
        await self._broadcast_clock()

    @asynccontextmanager
    async def _exclusive_move(self) -> AsyncIterator[None]:
        """Allows one move at a time. Counts moves, so that an offset read before a move is
        discarded."""
        async with self._moving:
            self._moves += 1
            yield

    async def _forward(self, now: datetime, target: datetime) -> None:
        """Moves the clock forward, stopping at each instant at which something is due. All jobs
        run at the first and the last stop, only the due jobs at the others."""
        step, jobs = now, None
        while (due := await self._next_due(step)) is not None and due[0] <= target:
            step = due[0]
            await self._advance_to(step, jobs and due[1] | await self._waiting(step) | jobs)
            jobs = None if await self._stored.outages.all() else _AT_EACH_STEP
        await self._advance_to(target)

    async def _next_due(self, after: datetime) -> tuple[datetime, frozenset[str]] | None:
        """The first instant after ``after`` at which something is due, and the jobs due then."""
        due = await self._stored.reservations.next_due(after)
        delivery = await self._stored.deliveries.next_due(after)
        if delivery is None or (due is not None and due[0] < delivery):
            return due
        at_once = due[1] if due is not None and due[0] == delivery else frozenset[str]()
        return delivery, at_once | _SENDING

    async def _waiting(self, now: datetime) -> frozenset[str]:
        """The job ``gates``, and jobs with past deadlines that may have waited for gates'
        reports."""
        gates = await self._stored.gates.all()
        if all(gate.last_seen_at is None for gate in gates):
            return frozenset()
        return frozenset({"gates"}) | await self._stored.reservations.overdue(now)

    async def _advance_to(self, instant: datetime, jobs: frozenset[str] | None = None) -> None:
        """Sets the clock to ``instant`` and runs all jobs. ``jobs``: runs these jobs instead,
        and afterwards all jobs if one of these has recorded past events."""
        # Before the jobs, which would take the skipped time for an outage of the service.
        await self._stored.heartbeat.set(instant)
        # Kiosks, too, count as seen during the skipped time.
        for kiosk in await self._stored.kiosks.kiosk_last_seen():
            await self._stored.kiosks.record_kiosk_seen(kiosk, instant)
        for venue, proofs in (await self._stored.presence_methods.last_proofs()).items():
            proved_at = proofs.get(PresenceMethod.KIOSK_CODE)
            if proved_at is not None and instant - proved_at > _A_DAY:
                await self._stored.presence_methods.put(venue, PresenceMethod.KIOSK_CODE, instant)
        await self._state.set_offset(self._clock.set(instant))
        done = await self._scheduler.run_until_idle(instant, jobs)
        if jobs is not None and done & _BRINGS_DEADLINES:
            await self._scheduler.run_until_idle(instant)

    async def _back(self, target: datetime) -> None:
        if await self._stored.reservations.count():
            raise ClockHeld()
        await self._stored.heartbeat.set(target)
        await self._state.set_offset(self._clock.set(target))

    async def follow(self, _: web.Application) -> AsyncIterator[None]:
        """Runs background tasks in which this worker follows the clock that other workers move,
        by broadcasts and by polling MongoDB."""

        async def look_often() -> None:
            while True:
                await asyncio.sleep(pause_s(_CLOCK_POLL_S))
                await self._follow_once()

        tasks = [
            asyncio.create_task(look_often()),
            asyncio.create_task(self._others.subscribe(self._follow_once)),
        ]
        yield
        await end(tasks)

    async def _follow_once(self) -> None:
        if self._moving.locked():
            return
        before = self._moves
        try:
            offset, reset = await self._state.clock()
            if before != self._moves:
                return  # this worker moved it meanwhile
            self._clock.offset = offset
            if reset != self._reset_seen:
                self._reset_seen = reset
                self._clear_caches()
                await self._reference.refresh()
        except DomainError:
            return  # MongoDB is unreachable; the next poll follows soon

    async def _broadcast_clock(self) -> None:
        """Makes every worker read the clock from MongoDB; returns once all workers follow it."""
        if not await self._others.send():
            await asyncio.sleep(2 * _CLOCK_POLL_S)  # by then every worker has polled the clock
