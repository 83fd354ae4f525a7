"""Serves several schools in one process: each is an application with its own settings, keys and
database, found by the name of the host that a request asks for."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from prometheus_client import CONTENT_TYPE_LATEST

from handlers.http.anonymous_response import AnonymousResponse
from handlers.http.closed_hosts import away, nothing_here, suspended
from handlers.http.health import standing
from handlers.http.keys import HEALTH, LOAD_SHEDDER, MEASURE
from handlers.http.load_shedding import Places, WriteQueue
from handlers.http.metrics import exposition_of_all
from handlers.http.security_log import SecurityLog
from miniapp_server.app import Plug, WorkerIdentity, create_app, restart_on_failure
from miniapp_server.connections import connections
from miniapp_server.fault_lines import fault_line
from miniapp_server.garbage import collected_at_rest
from miniapp_server.listener import Listener, requested_host
from miniapp_server.resources import MongoAccess
from miniapp_server.scheduler import end
from miniapp_server.schools import School
from miniapp_server.server import (
    DRAIN_S,
    REPLACED,
    drain,
    raise_file_limit,
    shutdown_signal,
)
from miniapp_server.settings import Settings
from miniapp_server.settings.addresses import is_loopback
from models.kernel.errors import DomainError, Unavailable
from models.kernel.request_id import DATABASE
from models.reservation_store.change_stream_repository import ReservationChangeStream
from models.reservation_store.cluster_changes_repository import ClusterChanges
from models.storage.encryption import FieldCipher
from models.storage.installation import DatabaseRefused
from models.storage.mongo import Database, SharedClients

log = logging.getLogger(__name__)

_OPENED_AT_ONCE: Final = 8
"""Thirty schools were open after 10.8 s instead of 17.9 s one by one, with the same memory."""
_TRY_AGAIN_S: Final = 30
_SUSPENDED_S: Final = 3600


@dataclass(frozen=True, slots=True)
class _Open:
    app: web.Application
    database: str
    server: web.Server


class SchoolHosts:
    """The schools of this process by host. ``request`` and ``answer`` are for ``web.Server``."""

    def __init__(
        self,
        schools: Sequence[School],
        worker: WorkerIdentity,
        plug_of: Callable[[Settings], Plug | None],
        again_s: float = _TRY_AGAIN_S,
    ) -> None:
        """``again_s``: seconds until a school whose databases did not answer is started again."""
        self._again_s = again_s
        self._schools = schools
        self._by_host = {school.host: school for school in schools if school.host}
        self._worker, self._plug_of = worker, plug_of
        self._clients = SharedClients()
        self._places = Places()
        self._changes: dict[int, ClusterChanges] = {}
        self._reading: list[asyncio.Task[None]] = []
        self._open: dict[str, _Open] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._closing = asyncio.Event()
        self._again: asyncio.Task[None] | None = None

    @property
    def applications(self) -> list[web.Application]:
        """The open schools' applications."""
        return [school.app for school in self._open.values()]

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[web.Server]:
        """Opens the schools, and yields the server that answers for them. A school that cannot be
        opened leaves a line in the log, and its host answers 503; one whose databases do not
        answer is tried again."""
        server = web.Server(self.answer, request_factory=self.request)
        async with self._clients:
            try:
                await self._start_all(school for school in self._schools if not school.suspended)
                self._again = asyncio.create_task(self._start_again())
                yield server
            finally:
                await self._close(server)

    async def _close(self, server: web.Server) -> None:
        """Lets the requests in progress end, and closes all schools."""
        if self._again is not None:
            await end([self._again])
        await asyncio.sleep(0)  # requests that have arrived begin before idle clients leave
        server.pre_shutdown()
        await asyncio.gather(*(app.shutdown() for app in self.applications))
        await server.shutdown(DRAIN_S)
        self._closing.set()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await end(self._reading)

    async def _start_all(self, schools: Iterable[School]) -> None:
        """Opens the schools, some at once: one whose databases do not answer is given up after
        seconds, in which the others go on."""
        places = asyncio.Semaphore(_OPENED_AT_ONCE)

        async def start(school: School) -> None:
            async with places:
                await self._start(school)

        await asyncio.gather(*map(start, schools))

    async def _start(self, school: School) -> None:
        """Opens the school in a task of its own, whose log lines name its database."""
        for doubt in school.doubts:
            log.warning("setting_unknown", extra={"file": str(school.file), "reason": doubt})
        if school.fault or school.settings is None:
            _not_started(school, school.fault)
            return
        opened = asyncio.Event()
        task = self._tasks[school.host] = asyncio.create_task(
            self._keep(school.host, school.name, school.settings, opened)
        )
        waiting = asyncio.create_task(opened.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if task.done():
            _not_started(school, error=task.exception())

    async def _keep(self, host: str, name: str, settings: Settings, opened: asyncio.Event) -> None:
        """Holds the school open until the process closes."""
        async with create_app(
            settings,
            worker=replace(self._worker, school=name),
            plug=self._plug_of(settings),
            mongo=MongoAccess(self._clients.open_database, self._change_stream),
        ) as app:
            app[LOAD_SHEDDER].door = WriteQueue(self._places)
            runner = web.AppRunner(app)
            await runner.setup()
            try:
                assert runner.server is not None
                self._open[host] = _Open(app, settings.database, runner.server)
                opened.set()
                await self._closing.wait()
            finally:
                self._open.pop(host, None)
                await runner.cleanup()

    def _change_stream(self, db: Database, writer: str) -> ReservationChangeStream:
        """The database's share of the changes that its client reads for all schools."""
        client = id(db.client)
        if client not in self._changes:
            self._changes[client] = ClusterChanges(db.client)
            run = restart_on_failure("change stream", self._changes[client].run)
            self._reading.append(Context().run(asyncio.create_task, run))
        return self._changes[client].stream_of(db, writer)

    async def _start_again(self) -> None:
        """Starts schools whose databases answer at last, until cancelled."""
        while True:
            await asyncio.sleep(self._again_s)
            await self._start_all(filter(self._was_unavailable, self._schools))

    def _was_unavailable(self, school: School) -> bool:
        """True if the school's databases did not answer when it was to be opened."""
        task = self._tasks.get(school.host)
        return task is not None and task.done() and isinstance(task.exception(), Unavailable)

    def request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        """The request for the application of its host."""
        school = self._open.get(host_name(message.headers.get("Host", "")))
        if school is None:
            loop = asyncio.get_running_loop()
            return web.BaseRequest(message, payload, protocol, writer, task, loop)
        return school.server.request_factory(message, payload, protocol, writer, task)

    def line_of(self, connection: socket.socket) -> str:
        """The line in which a connection waits: its school's, or that of all other hosts; empty
        until its request has arrived."""
        host = requested_host(connection)
        return host and (name if (name := host_name(host)) in self._open else "other")

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer of the school, or that of a host without an open school."""
        host = host_name(request.headers.get("Host", ""))
        school = self._open.get(host)
        if school is not None and isinstance(request, web.Request):
            DATABASE.set(school.database)
            return await school.server.request_handler(request)
        DATABASE.set("")
        closed = self._by_host.get(host)
        if closed is None:
            return await self._answer_of_process(request)
        if closed.suspended:
            return suspended(request, _SUSPENDED_S)
        return away(request, _TRY_AGAIN_S)

    async def _answer_of_process(self, request: web.BaseRequest) -> web.Response:
        """The process's own health and metrics, for programs on this machine that ask for no
        school's host; to all others 404."""
        if request.path == "/healthz":
            return _json({"status": "ok"})
        here = is_loopback(request.remote) and "X-Forwarded-For" not in request.headers
        if here and request.path == "/readyz":
            leaving = any(app[LOAD_SHEDDER].leaving for app in self.applications)
            return _json({"schools": await self._states()}, 503 if leaving else 200)
        if here and request.path == "/metrics":
            await self._of_each(lambda school: school.app[MEASURE]())
            body = await asyncio.to_thread(exposition_of_all, self._worker.metrics_folder)
            return AnonymousResponse(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
        return nothing_here(request)

    async def _states(self) -> dict[str, object]:
        """Each school's state, and its troubles if it is open."""
        healths = await self._of_each(lambda school: school.app[HEALTH]())
        states: dict[str, object] = {}
        for school in self._schools:
            if school.host in healths:
                states[school.name] = standing(*healths[school.host])
            else:
                states[school.name] = {"status": "suspended" if school.suspended else "closed"}
        return states

    async def _of_each(self, ask: Callable[[_Open], Awaitable[Any]]) -> dict[str, Any]:
        """The answers of all open schools at once, by host."""

        async def within(school: _Open) -> Any:
            DATABASE.set(school.database)
            return await ask(school)

        schools = dict(self._open)
        answers = await asyncio.gather(*(within(school) for school in schools.values()))
        return dict(zip(schools, answers, strict=True))


def host_name(header: str) -> str:
    """The host's name in a Host header, without its port."""
    name = header.partition("]")[0][1:] if header.startswith("[") else header.partition(":")[0]
    return name.rstrip(".").lower()


def _not_started(school: School, fault: str = "", error: BaseException | None = None) -> None:
    unforeseen = None
    if isinstance(error, DomainError):
        fault = fault_line(error)
    elif isinstance(error, DatabaseRefused):
        fault = str(error)
    elif error is not None:
        fault, unforeseen = f"{type(error).__name__}: {error}", error
    extra = {"school": school.name, "file": str(school.file), "reason": fault}
    log.error("school_not_started", extra=extra, exc_info=unforeseen)


def _json(body: object, status: int = 200) -> web.Response:
    return AnonymousResponse(
        body=msgspec.json.encode(body), status=status, content_type="application/json"
    )


async def serve_schools(
    schools: Sequence[School],
    host: str,
    port: int,
    worker: WorkerIdentity,
    plug_of: Callable[[Settings], Plug | None],
    ready: Callable[[], None],
) -> None:
    """Serves the schools on the port until SIGTERM or SIGINT, then answers the requests in
    progress. All are started before this process listens. Raises: ServingError."""
    raise_file_limit()
    # Bytes that are not HTTP name no school, so their addresses are hashed with a key of this time.
    hash_of = SecurityLog(FieldCipher({1: secrets.token_bytes(32)})).hash_of
    hosts = SchoolHosts(schools, worker, plug_of)
    with shutdown_signal() as ended:
        async with hosts.opened() as server:
            made = connections(server, hash_of)
            listener = Listener(made, host, port, shared=True, line_of=hosts.line_of)
            with collected_at_rest():
                ready()
                await ended.wait()
                admissions = [app[LOAD_SHEDDER] for app in hosts.applications]
                await drain(admissions, listener, leaving=ended.by is not REPLACED)
