"""Accepts connections and lets them begin in turn, so that a rush does not hold up what is in
progress."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Callable
from typing import Final

from miniapp_server.connections import LIMITS

log = logging.getLogger(__name__)

BEGIN_AT_ONCE: Final = 2
"""At most this many connections begin in an iteration of the event loop. What is in progress
advances once in each iteration, so iterations must stay short in a rush. Otherwise the process is
busy with refusals: when 3,000 readers came in a second and all began at once, half of them were
refused and the last one had an answer after 5.6 s. With 8 or 2 nobody was refused and it was 2.6 or
2.5 s; beside a rush at another school p99 of bookings was 4.8 s, 0.6 s and 0.15 s."""
_MOST_WAITING: Final = 10_000
"""Accepted connections that may wait to begin. A client whose connection waits notices nothing."""
_BACKLOG: Final = 4096
"""Connections that may wait to be accepted (Linux's default limit). Beyond this number the kernel
drops a client's SYN, and the client repeats it after a second."""
_SILENT: Final = ""
_LOOKED_AT: Final = 64
_HEAD_BYTES: Final = 2048
_NO_FILES_S: Final = 1.0


class ServingError(Exception):
    """The service cannot serve on this host and port; the text is one line."""


def requested_host(connection: socket.socket) -> str:
    """The Host header of the request that has arrived, which stays unread; empty if none has."""
    try:
        head = connection.recv(_HEAD_BYTES, socket.MSG_PEEK)
    except OSError:
        return ""
    _, _, rest = head.lower().partition(b"\r\nhost:")
    return rest.partition(b"\r\n")[0].decode("latin-1").strip()


def one_line(_: socket.socket) -> str:
    """Returns one line for all connections, which then begin in the order in which they came."""
    return "all"


class Listener:
    """Accepts all waiting connections in each iteration of the event loop, and lets some of them
    begin. Those that wait have no transport yet and cost little. Each line gets its turn, so a rush
    at one school does not hold up another.

    The loop's own servers accept one connection an iteration (libuv since 1.45): in a rush,
    requests then wait in the kernel for seconds even if nothing else is in progress.
    """

    def __init__(
        self,
        protocols: Callable[[], asyncio.Protocol],
        host: str,
        port: int,
        *,
        shared: bool,
        line_of: Callable[[socket.socket], str] = one_line,
        unread_s: float = LIMITS.unread_s,
    ) -> None:
        """``shared``: other workers use the port too. ``line_of``: the line in which a connection
        waits; empty until its request has arrived. Raises: ServingError if the port is taken."""
        self._protocols = protocols
        self._line_of = line_of
        self._loop = asyncio.get_running_loop()
        self._lines: dict[str, deque[socket.socket]] = {}
        self._waiting = 0
        self._may_begin = BEGIN_AT_ONCE
        self._turn: asyncio.Handle | None = None
        self._arriving: set[asyncio.Task[None]] = set()
        self._socket = socket.socket()
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shared:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            # The accepted sockets inherit this option.
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
        """Accepts the waiting connections and lets them begin, then stops listening.

        The kernel resets a connection whose handshake ends in the microseconds between the last
        accept and the close, also with SO_REUSEPORT (unless ``net.ipv4.tcp_migrate_req``, Linux
        5.14, hands it to another worker). The service has read no request from it, so a client may
        safely send the request again.
        """
        self._loop.remove_reader(self._socket)
        self._accept_all()
        while self._waiting:
            self._may_begin = self._waiting
            self._begin()
            self._accept_all()
        self._socket.close()

    def _accept_all(self) -> None:
        while self._waiting < _MOST_WAITING:
            try:
                connection, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                break
            except OSError as error:  # no more files: open ones must be closed first
                log.error("accept_failed", extra={"reason": error.strerror})
                self._loop.remove_reader(self._socket)
                self._loop.call_later(_NO_FILES_S, self._go_on)
                break
            connection.setblocking(False)
            self._line_up(connection)
            self._waiting += 1
        self._begin()

    def _line_up(self, connection: socket.socket) -> None:
        self._lines.setdefault(self._line_of(connection), deque()).append(connection)

    def _begin(self) -> None:
        """Lets as many connections begin as still may in this iteration."""
        self._look_again()
        while self._lines and self._may_begin > 0:
            arriving = self._loop.create_task(self._arrive(self._next()))
            self._arriving.add(arriving)
            arriving.add_done_callback(self._arriving.discard)
            self._waiting -= 1
            self._may_begin -= 1
        if self._turn is None and self._may_begin < BEGIN_AT_ONCE:
            self._turn = self._loop.call_soon(self._take_turn)

    def _look_again(self) -> None:
        """Moves connections to their lines whose requests have arrived meanwhile."""
        silent = self._lines.get(_SILENT)
        if silent is None:
            return
        for _ in range(min(len(silent), _LOOKED_AT)):
            self._line_up(silent.popleft())
        if not silent:
            del self._lines[_SILENT]

    def _next(self) -> socket.socket:
        """The first connection of the line whose turn it is."""
        name = next(iter(self._lines))
        line = self._lines.pop(name)
        connection = line.popleft()
        if line:
            self._lines[name] = line
        return connection

    def _take_turn(self) -> None:
        self._turn, self._may_begin = None, BEGIN_AT_ONCE
        self._begin()

    async def _arrive(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocols, connection)
        except OSError:  # the client has already disconnected
            connection.close()

    def _go_on(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.add_reader(self._socket, self._accept_all)
