"""Starts, restarts and ends several worker processes that serve one port, or each of a few ports.

Each worker is a whole service, with its event loop, clients, caches and jobs. Those of a port
listen there with SO_REUSEPORT; the kernel spreads new connections. Workers share only MongoDB and
Redis, as services on several hosts do. A worker runs ``python -m miniapp_server worker`` in the
supervisor's environment, and prints one word once it accepts requests.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Final

from prometheus_client.multiprocess import mark_process_dead

from miniapp_server.child_process import die_with_parent
from miniapp_server.listener import ServingError
from miniapp_server.scheduler import end
from miniapp_server.server import DRAIN_S, REPLACED, reserve_port, shutdown_signal
from miniapp_server.service_manager import SOCKET, ServiceManager
from miniapp_server.settings import SettingsError

log = logging.getLogger(__name__)

METRICS_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable that tells prometheus_client in which folder processes count together."""

READY: Final = "ready"
_KILL_AFTER_S: Final = DRAIN_S + 10.0
"""Seconds after which a worker that should end is killed. Until then it drains, ends the sending
of messages, and closes the databases' clients."""

_STEADY_S: Final = 10.0
_FIRST_DELAY_S: Final = 0.2
_LONGEST_DELAY_S: Final = 30.0
"""Longest pause in seconds before an ended worker is restarted. The pause begins with
``_FIRST_DELAY_S`` and doubles each time. A worker that lived ``_STEADY_S`` restarts immediately."""

_NOT_REPLACED: Final = "a new worker cannot start; the old workers continue to serve"


class WorkerFailed(Exception):
    """A worker could not start; it has written the reason to stderr."""


@dataclass(slots=True, eq=False)
class _Worker:
    number: int
    process: Process
    began: float = field(default_factory=monotonic)

    async def ready(self) -> bool:
        """Waits until the worker accepts requests. False if its process ends first."""
        assert self.process.stdout is not None
        return await self.process.stdout.readline() == f"{READY}\n".encode()

    def send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(number)


@dataclass(frozen=True, slots=True)
class Place:
    """A port that has workers of its own, and the options of their command."""

    host: str
    port: int
    options: tuple[str, ...]


@dataclass(slots=True)
class _WorkerSlot:
    """One of the ``count`` positions of a place, filled by one worker after another.
    ``owner``: the worker's name in the leases of jobs. The successor of a dead worker gets the
    same name, so it continues the leases without a wait."""

    place: Place
    number: int
    owner: str
    worker: _Worker | None = None
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)


async def supervise(
    places: Callable[[], Sequence[Place]],
    env: Mapping[str, str],
    count: int,
    ready: Callable[[], None],
    reloads: bool,
) -> None:
    """Serves with ``count`` workers in each place until SIGTERM or SIGINT; returns after the last
    of them has ended.

    ``places`` is asked at the start and at each reload; the first place stays the same. ``env``:
    the workers' environment. ``ready`` is called when the first worker accepts requests
    and every other worker either does so or has failed; failed ones are restarted. ``reloads``:
    SIGHUP replaces the workers one after the other, and systemd is notified at the beginning and
    the end. If this process is killed, the workers drain and end.

    Raises: ServingError if the port is taken; WorkerFailed if the first worker cannot start.
    """
    with (
        TemporaryDirectory(prefix="seats-") as folder,
        closing(_Ports()) as ports,
        shutdown_signal() as ended,
    ):
        own = {**env, METRICS_FOLDER: folder}
        own.pop(SOCKET, None)  # systemd accepts notifications from this process only
        supervisor = _Supervisor(places, ports, own, count, folder, ServiceManager(env))
        if reloads:
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGHUP, supervisor.reload_wanted.set)
        work = asyncio.create_task(supervisor.run(ready))
        waiting = asyncio.create_task(ended.wait())
        try:
            await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            waiting.cancel()
            await end([work])
            await supervisor.stop()


class _Ports:
    """The ports that this process reserves for its workers."""

    def __init__(self) -> None:
        self._reserved: dict[Place, socket.socket] = {}

    def reserve(self, place: Place) -> None:
        """Raises: ServingError if another process has the port."""
        self._reserved[place] = reserve_port(place.host, place.port)

    def release(self, place: Place) -> None:
        self._reserved.pop(place).close()

    def close(self) -> None:
        for place in [*self._reserved]:
            self.release(place)


class _Supervisor:
    def __init__(
        self,
        places: Callable[[], Sequence[Place]],
        ports: _Ports,
        env: Mapping[str, str],
        count: int,
        folder: str,
        manager: ServiceManager,
    ) -> None:
        self._places, self._ports, self._count = places, ports, count
        self._env = env
        self._manager = manager
        self._folder = folder
        self._slots: list[_WorkerSlot] = []
        self._respawning = asyncio.TaskGroup()
        self._living: set[_Worker] = set()
        self.reload_wanted = asyncio.Event()

    async def run(self, ready: Callable[[], None]) -> None:
        """Starts all workers, and restarts those that end, until cancelled."""
        first, *further = self._places()
        slots = self._slots_of(first)
        for place in further:
            slots += self._slots_if_free(place)
        # One first: it creates the indexes, and reports just once if MongoDB is away.
        await self._start(slots[0])
        others = [self._start(slot) for slot in slots[1:]]
        for result in await asyncio.gather(*others, return_exceptions=True):
            # The first worker serves, so MongoDB failed later: the others are restarted below.
            if result is not None and not isinstance(result, (WorkerFailed, ServingError)):
                raise result
        ready()
        async with self._respawning:
            self._keep(slots)
            while True:
                await self.reload_wanted.wait()
                self.reload_wanted.clear()
                self._manager.reloading()
                replaced = await self._reload()
                self._manager.ready("" if replaced else _NOT_REPLACED)

    def _slots_of(self, place: Place) -> list[_WorkerSlot]:
        """Reserves the port; returns slots for its workers. Raises: ServingError if another
        process has the port."""
        self._ports.reserve(place)
        numbers = range(1, self._count + 1)
        return [_WorkerSlot(place, number, _new_owner(number)) for number in numbers]

    def _slots_if_free(self, place: Place) -> list[_WorkerSlot]:
        """The place's slots; none, and a line in the log, if another process has the port."""
        try:
            return self._slots_of(place)
        except ServingError as error:
            log.error("port_taken", extra={"port": place.port, "reason": str(error)})
            return []

    def _keep(self, slots: Sequence[_WorkerSlot]) -> None:
        """Restarts the workers of these slots from now on."""
        self._slots += slots
        for slot in slots:
            self._respawning.create_task(self._respawn(slot))

    async def stop(self) -> None:
        """Lets all workers drain, and kills those that do not end in time."""
        waiting = [asyncio.create_task(self._terminate(worker)) for worker in self._living]
        if waiting:
            await asyncio.wait(waiting)

    async def _start(self, slot: _WorkerSlot) -> None:
        """Starts the slot's worker; returns once it accepts requests. Raises: WorkerFailed or
        ServingError if the worker ends first."""
        slot.worker = await self._launch(slot, slot.owner)
        if not await slot.worker.ready():
            status = await self._end_of(slot.worker)
            if status == 1:
                raise WorkerFailed
            raise ServingError(f"a worker ended with status {status} while it was starting")

    async def _launch(self, slot: _WorkerSlot, owner: str) -> _Worker:
        process = await asyncio.create_subprocess_exec(
            *die_with_parent([sys.executable, "-m", "miniapp_server", "worker", "--owner", owner]),
            *slot.place.options,
            stdin=DEVNULL,
            stdout=PIPE,
            env=self._env,
            # A new session: the terminal's Ctrl-C is for the supervisor, which drains.
            start_new_session=True,
        )
        worker = _Worker(slot.number, process)
        self._living.add(worker)
        log.info("worker_started", extra={"worker": slot.number, "pid": process.pid})
        return worker

    async def _end_of(self, worker: _Worker) -> int:
        status = await worker.process.wait()
        self._living.discard(worker)
        # Its counters stay in the totals; its gauges are removed.
        mark_process_dead(worker.process.pid, self._folder)  # type: ignore[no-untyped-call]
        return status

    async def _respawn(self, slot: _WorkerSlot) -> None:
        """Starts a new worker whenever the slot's worker has ended, until the slot is given up."""
        delay = 0.0
        while (worker := slot.worker) is not None:
            status = await self._end_of(worker)
            async with slot.changing:
                if slot.worker is not worker:
                    continue  # it was replaced
                steady = monotonic() - worker.began >= _STEADY_S
                delay = 0.0 if steady else min(max(2 * delay, _FIRST_DELAY_S), _LONGEST_DELAY_S)
                log.error(
                    "worker_ended",
                    extra={"worker": slot.number, "pid": worker.process.pid}
                    | {"status": status, "starts_again_in_s": delay},
                )
                await asyncio.sleep(delay)
                try:
                    slot.worker = await self._launch(slot, slot.owner)
                except OSError:  # no more processes or memory
                    log.exception("worker_not_started", extra={"worker": slot.number})
                    worker.began = monotonic()

    async def _reload(self) -> bool:
        """Replaces the workers one after the other, each when its successor is ready, and opens and
        closes ports. Returns False if a successor cannot start; the remaining workers then stay."""
        log.info("workers_reloading")
        try:
            places = self._places()
        except SettingsError as error:
            log.error("reload_failed", extra={"reason": str(error)})
            return False
        for place in set(places) - {slot.place for slot in self._slots}:
            slots = self._slots_if_free(place)
            await asyncio.gather(*map(self._start, slots), return_exceptions=True)
            self._keep(slots)
        for slot in self._slots:
            async with slot.changing:
                # Both live for a while, so the successor gets a new name in the leases.
                owner = _new_owner(slot.number)
                worker = await self._launch(slot, owner)
                if not await worker.ready():
                    status = await self._end_of(worker)
                    log.error("reload_failed", extra={"worker": slot.number, "status": status})
                    return False
                old, slot.worker, slot.owner = slot.worker, worker, owner
            assert old is not None
            await self._terminate(old, REPLACED)
        for slot in [slot for slot in self._slots if slot.place not in places]:
            await self._give_up(slot)
        log.info("workers_reloaded")
        return True

    async def _give_up(self, slot: _WorkerSlot) -> None:
        """Ends the slot's worker, and releases the port after the last of them."""
        async with slot.changing:
            self._slots.remove(slot)
            old, slot.worker = slot.worker, None
        assert old is not None
        await self._terminate(old)
        if slot.place not in {other.place for other in self._slots}:
            self._ports.release(slot.place)

    async def _terminate(self, worker: _Worker, how: signal.Signals = signal.SIGTERM) -> None:
        worker.send(how)
        try:
            async with asyncio.timeout(_KILL_AFTER_S):
                await self._end_of(worker)
        except TimeoutError:
            log.error("worker_killed", extra={"worker": worker.number, "pid": worker.process.pid})
            worker.send(signal.SIGKILL)
            await self._end_of(worker)


def _new_owner(number: int) -> str:
    return f"{secrets.token_hex(8)}-{number}"
