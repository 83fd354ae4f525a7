"""Serves HTTP in this process until a shutdown signal, then answers the requests in progress."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Final

from aiohttp import web

from handlers.http.keys import LOAD_SHEDDER, SECURITY_LOG
from handlers.http.load_shedding import LoadShedder
from miniapp_server.app import Plug, WorkerIdentity, create_app
from miniapp_server.connections import connections
from miniapp_server.garbage import collected_at_rest
from miniapp_server.listener import Listener, ServingError
from miniapp_server.logging_config import configure_logs
from miniapp_server.settings import Settings

log = logging.getLogger(__name__)

DRAIN_S: Final = 10.0
"""Seconds in which requests in progress at a shutdown signal have to be answered."""

END_WITHIN_S: Final = DRAIN_S + 8.0
"""Seconds from the signal to the process's end, even if something hangs. Supervisors kill later."""

ACCEPT_S: Final = 2.0
"""Seconds for which a host that shuts down still accepts connections while requests come. If a
proxy avoids another host that has just ended (nginx for ``fail_timeout``), it needs this host."""
LINGER_S: Final = 2.0
"""Seconds in which open connections may still bring requests after the listener has closed."""
_QUIET_S: Final = 0.2
"""A shutdown goes on after this many seconds without a request: all clients have then left,
because each response carries ``Connection: close``."""


def reserve_port(host: str, port: int) -> socket.socket:
    """Reserves the port of ``host``, without listening, until the returned socket is closed.

    The call fails while any other process listens there, even one that shares the port. While the
    port is reserved, workers of this user may share it (SO_REUSEPORT), and a second service that
    tries to reserve it is refused, even if no worker listens. Raises: ServingError.
    """
    holder = socket.socket()
    try:
        # Connections in TIME_WAIT do not block this bind; afterwards no other process can bind.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((host, port))
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError as error:
        holder.close()
        raise ServingError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return holder


REPLACED: Final = signal.SIGINT
"""Signal that ends one worker, whose replacement is ready. SIGTERM means that all workers end."""


class ShutdownSignal(asyncio.Event):
    """An event that is set by a shutdown signal. ``by``: the first such signal."""

    by: signal.Signals | None = None

    def receive(self, number: signal.Signals) -> None:
        self.by = self.by or number
        self.set()


@contextmanager
def shutdown_signal() -> Iterator[ShutdownSignal]:
    """Yields an event that SIGTERM or SIGINT sets. After the block both signals are ignored, so
    that a second signal cannot change the exit status."""
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
    """Serves until SIGTERM or SIGINT, then answers the requests in progress within ``DRAIN_S``.

    ``ready`` is called once requests are accepted. ``worker``: set if this process shares the port,
    which its supervisor holds; None if it serves alone. ``plug`` extends the service. Raises:
    ServingError if the port is taken; Unavailable if MongoDB does not respond.
    """
    configure_logs(settings.log_level)
    raise_file_limit()
    if worker is None:
        reserve_port(settings.host, settings.port).close()
    with shutdown_signal() as ended:
        async with create_app(settings, worker=worker, plug=plug) as app:
            runner = web.AppRunner(app, shutdown_timeout=DRAIN_S)
            await runner.setup()
            try:
                assert runner.server is not None
                made = connections(runner.server, app[SECURITY_LOG].hash_of)
                shared = worker is not None
                listener = Listener(made, settings.host, settings.port, shared=shared)
                with collected_at_rest():
                    ready()
                    await ended.wait()
                    replaced = worker is not None and ended.by is REPLACED
                    await drain([app[LOAD_SHEDDER]], listener, leaving=not replaced)
            finally:
                await runner.cleanup()


async def drain(admissions: Sequence[LoadShedder], listener: Listener, leaving: bool) -> None:
    """Waits until the clients have gone quiet, and closes the listener. ``admissions``: those of
    all applications; ``leaving``: whether no other process takes over the port."""
    end_anyway(END_WITHIN_S)
    for admission in admissions:
        admission.closing, admission.leaving = True, leaving
    if leaving:
        await _quiet(admissions, ACCEPT_S)
    listener.close()
    await _quiet(admissions, LINGER_S)


async def _quiet(admissions: Sequence[LoadShedder], at_most_s: float) -> None:
    """Waits until no request has come for ``_QUIET_S``, but at most ``at_most_s`` seconds."""
    began = monotonic()
    while True:
        since = max([began, *(admission.last_response_at for admission in admissions)])
        left = min(since + _QUIET_S, began + at_most_s) - monotonic()
        if left <= 0:
            return
        await asyncio.sleep(left)


def end_anyway(within_s: float) -> None:
    """Ends this process after ``within_s`` seconds, from a thread, even if its event loop hangs.

    A driver whose server is away may wait for ever for a lock that a cancellation has left behind.
    Another process then finishes the work, as after a crash.
    """

    def cut() -> None:
        log.error("drain_cut_off", extra={"after_s": within_s})
        os._exit(1)

    timer = threading.Timer(within_s, cut)
    timer.daemon = True
    timer.start()


def raise_file_limit() -> None:
    """Raises the limit of open files (often 1024) as far as allowed: each connection takes one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
