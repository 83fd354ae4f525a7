"""Serving HTTP in this process: one event loop, until a signal; then what is owed is answered."""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from aiohttp import web

from handlers.services import SERVICES
from miniapp_server.app import Worker, create_app
from miniapp_server.logs import configure_logs
from miniapp_server.settings import Settings

DRAIN_S: Final = 10.0
"""Requests under way when the service is told to end have this long to be answered."""

_LINGER_S: Final = 0.2
_BACKLOG: Final = 1024
"""Connections that wait to be accepted. Beyond it a client's SYN is dropped and comes again after a
second, which an opening rush of some thousand readers would meet with aiohttp's 128."""


class ServingError(Exception):
    """One clear line: it cannot be served here."""


def hold_port(host: str, port: int) -> socket.socket:
    """Take the address, without listening, until the socket is closed.

    Taken alone: it fails while anybody else listens there, who shares the port as well. Afterwards
    workers of this user may share it (SO_REUSEPORT), and a second service that tries the same way
    as this one is refused, also while no worker listens.

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


@contextmanager
def told_to_end() -> Iterator[asyncio.Event]:
    """Set by SIGTERM or SIGINT. From the end of the block on this process ignores both: it is
    ending already, and a second one shall not change its exit status."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, ended.set)
    try:
        yield ended
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)


async def serve(
    settings: Settings, ready: Callable[[], None], worker: Worker | None = None
) -> None:
    """Serve until SIGTERM or SIGINT, then answer what is under way, within ``DRAIN_S``.

    ``ready`` is called once requests are accepted. A ``worker`` shares the port, which its
    supervisor holds; otherwise it is this process's alone.

    Raises: ServingError when the port is taken; Upstream when MongoDB does not answer.
    """
    configure_logs(settings.log_level)
    _raise_file_limit()
    if worker is None:
        hold_port(settings.host, settings.port).close()
    with told_to_end() as ended:
        async with create_app(settings, worker=worker) as app:
            # Without an access log: it costs 30 µs a request, and /metrics counts them.
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=DRAIN_S)
            await runner.setup()
            try:
                site = web.TCPSite(
                    *(runner, settings.host, settings.port),
                    backlog=_BACKLOG,
                    reuse_port=worker is not None,
                )
                await site.start()
                _spare_the_collector()
                ready()
                await ended.wait()
                app[SERVICES].admission.closing = True
                await _stop_accepting(site)
            finally:
                await runner.cleanup()


def _spare_the_collector() -> None:
    """What was made until now stays for good, so the collector need not look at it again, and it
    comes less often, since requests leave few cycles behind. Its full passes stop everything:
    measured, the slowest hundredth of bookings under load took 120 ms with its defaults and 65 so.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


async def _stop_accepting(site: web.TCPSite) -> None:
    """Close the listener with as little lost as can be.

    Whatever waits in the queue of a closed listener is reset by the kernel, with SO_REUSEPORT too
    (unless ``net.ipv4.tcp_migrate_req`` hands it to another worker, Linux 5.14 and later). So the
    loop first accepts all that had come until now: each of its turns empties the queue. What
    completes its handshake between the last turn and the close, some microseconds, is reset. Its
    request was never read: nothing was done, and a client may safely send it again.

    Then the connections just accepted get a moment to bring their requests. All answers say
    ``Connection: close`` by now, so a busy client leaves by itself, and who is still connected
    after that moment without a request idles.
    """
    for _ in range(3):
        await asyncio.sleep(0)
    await site.stop()
    await asyncio.sleep(_LINGER_S)


def _raise_file_limit() -> None:
    """Every open connection is a file; the soft limit is often 1024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
