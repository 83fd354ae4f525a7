"""Serves HTTP in this process until a signal; requests under way are answered then."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import resource
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

from aiohttp import web

from handlers.http.keys import LOAD_SHEDDER, SECURITY_LOG
from handlers.http.load_shedding import LoadShedder
from miniapp_server.app import Plug, WorkerIdentity, create_app
from miniapp_server.connections import LIMITS, connections
from miniapp_server.logging_config import configure_logs
from miniapp_server.settings import Settings

log = logging.getLogger(__name__)

DRAIN_S: Final = 10.0
"""Requests under way at a shutdown signal have this long to be answered."""

END_WITHIN_S: Final = DRAIN_S + 8.0
"""The whole shutdown takes no longer, whatever hangs. The supervisor kills later than that."""

ACCEPT_S: Final = 2.0
"""A host that shuts down goes on accepting for this long while requests keep coming: a proxy that
has just seen another host end (nginx for ``fail_timeout``) must still find one."""
LINGER_S: Final = 2.0
"""After that the open connections may bring requests for this long at most."""
_QUIET_S: Final = 0.2
"""No request for this long means that no client is left: all answers say ``Connection: close``."""
_BACKLOG: Final = 4096
"""Number of connections that may wait to be accepted (Linux's default limit). Beyond it the kernel
drops a client's SYN, and the client repeats it after a second."""
_NO_FILES_S: Final = 1.0


class ServingError(Exception):
    """The service cannot serve at this address; the text is one clear line."""


def reserve_port(host: str, port: int) -> socket.socket:
    """Reserve the address, without listening, until the returned socket is closed.

    It fails while any other process listens there, also one that shares the port. Afterwards
    workers of this user may share the port (SO_REUSEPORT), and a second service that tries to
    reserve it is refused, also while no worker listens.

    Raises: ServingError.
    """
    holder = socket.socket()
    try:
        # Old connections in TIME_WAIT do not count; that done, nobody may bind beside this one.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((host, port))
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError as error:
        holder.close()
        raise ServingError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return holder


REPLACED: Final = signal.SIGINT
"""A supervisor ends a replaced worker by this signal, and every worker of the host by SIGTERM."""


class ShutdownSignal(asyncio.Event):
    """Set by a signal; ``by`` is the first one."""

    by: signal.Signals | None = None

    def receive(self, number: signal.Signals) -> None:
        self.by = self.by or number
        self.set()


@contextmanager
def shutdown_signal() -> Iterator[ShutdownSignal]:
    """An event that SIGTERM or SIGINT sets. After the block this process ignores both: it is
    ending already, and a second signal must not change its exit status."""
    ended, loop = ShutdownSignal(), asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, ended.receive, number)
    try:
        yield ended
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)


async def serve(
    settings: Settings,
    ready: Callable[[], None],
    worker: WorkerIdentity | None = None,
    plug: Plug | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then answer the requests under way within ``DRAIN_S``.

    ``ready`` is called once requests are accepted. A ``worker`` shares the port, which its
    supervisor holds; otherwise it is this process's alone. ``plug``: as in ``create_app``.

    Raises: ServingError when the port is taken; Unavailable when MongoDB does not answer.
    """
    configure_logs(settings.log_level)
    _raise_file_limit()
    if worker is None:
        reserve_port(settings.host, settings.port).close()
    with shutdown_signal() as ended:
        async with create_app(settings, worker=worker, plug=plug) as app:
            runner = web.AppRunner(app, shutdown_timeout=DRAIN_S)
            await runner.setup()
            try:
                assert runner.server is not None
                made = connections(runner.server, app[SECURITY_LOG].hash_of)
                listener = BatchListener(made, settings.host, settings.port, worker is not None)
                _tune_gc()
                ready()
                await ended.wait()
                end_anyway(END_WITHIN_S)
                admission = app[LOAD_SHEDDER]
                admission.closing = True
                if worker is None or ended.by is not REPLACED:
                    admission.leaving = True
                    await _quiet(admission, ACCEPT_S)
                listener.close()
                await _quiet(admission, LINGER_S)
            finally:
                await runner.cleanup()


async def _quiet(admission: LoadShedder, at_most_s: float) -> None:
    """Wait until no request has come for a moment."""
    began = monotonic()
    while True:
        since = max(began, admission.last_response_at)
        left = min(since + _QUIET_S, began + at_most_s) - monotonic()
        if left <= 0:
            return
        await asyncio.sleep(left)


def end_anyway(within_s: float) -> None:
    """End this process after ``within_s``, from outside of its event loop, if it still runs.

    A driver whose server is away may wait for ever for a lock that a cancellation has left behind.
    Another process does then what is left to do, as after a crash."""

    def cut() -> None:
        log.error("drain_cut_off", extra={"after_s": within_s})
        os._exit(1)

    timer = threading.Timer(within_s, cut)
    timer.daemon = True
    timer.start()


def _tune_gc() -> None:
    """Exempt the objects made until now from garbage collection, and collect less often.

    The objects of the start stay for good, and requests leave few cycles behind: 9,252 bookings
    left none. A full collection stops everything: measured, the slowest hundredth of bookings under
    load took 120 ms with the defaults and 65 ms with a threshold of 10,000. From there to 50,000
    the collector's share of a booking's CPU time fell from 3 to 1 %. The second generation is
    looked at after five times the first, which bounds its pause as before.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 5, 20)


class BatchListener:
    """Accepts all waiting connections in each turn of the event loop.

    The loop's own servers accept one in each turn (libuv since 1.45). In a rush of new connections
    that is the bottleneck: requests wait in the kernel for seconds, where load shedding cannot see
    them. Measured with 3,000 connections in a second: p99 was 3.3 s so, 1.2 s with all accepted.
    """

    def __init__(
        self,
        protocols: Callable[[], asyncio.Protocol],
        host: str,
        port: int,
        shared: bool,
        unread_s: float = LIMITS.unread_s,
    ) -> None:
        """``shared``: with other workers; ``unread_s``: as in ``ConnectionLimits``.

        Raises: ServingError when the port is taken.
        """
        self._protocols = protocols
        self._loop = asyncio.get_running_loop()
        self._arriving: set[asyncio.Task[None]] = set()
        self._socket = socket.socket()
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shared:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            # The sockets of its connections inherit it.
            unread_ms = int(unread_s * 1000)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, unread_ms)
            self._socket.bind((host, port))
            self._socket.listen(_BACKLOG)
        except OSError as error:
            self._socket.close()
            raise ServingError(f"cannot listen on {host}:{port}: {error.strerror}") from error
        self._socket.setblocking(False)
        self._loop.add_reader(self._socket, self._accept_all)

    def close(self) -> None:
        """Accept the waiting connections, then stop listening.

        The kernel resets a connection whose handshake ends between the last accept and the close,
        some microseconds, with SO_REUSEPORT too (unless ``net.ipv4.tcp_migrate_req`` hands it to
        another worker, Linux 5.14 and later). Its request was never read, so a client may safely
        send it again.
        """
        self._loop.remove_reader(self._socket)
        self._accept_all()
        self._socket.close()

    def _accept_all(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # no more files: those that are open must end first
                log.error("accept_failed", extra={"reason": error.strerror})
                self._loop.remove_reader(self._socket)
                self._loop.call_later(_NO_FILES_S, self._go_on)
                return
            connection.setblocking(False)
            arriving = self._loop.create_task(self._arrive(connection))
            self._arriving.add(arriving)
            arriving.add_done_callback(self._arriving.discard)

    async def _arrive(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocols, connection)
        except OSError:  # it has gone again
            connection.close()

    def _go_on(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.add_reader(self._socket, self._accept_all)


def _raise_file_limit() -> None:
    """Every open connection is a file; the soft limit is often 1024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
