"""The speed of this machine: requests a second that bare aiohttp handlers answer.

``python -m tests.machine_speed`` prints what ``scripts/test`` measures at its start.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import Final

import uvloop
from aiohttp import web

SECONDS: Final = 1.0
QUIET: Final = 65_000.0
"""Requests a second of two handlers at once on two quiet cores, to which all minutes and waits
refer: those on which scripts/bench sees 40,000 a second of one handler, and this client 35,000."""
_CONNECTIONS: Final = 64
_REQUEST: Final = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
_END: Final = b'{"hello": "world"}'


@dataclass(frozen=True, slots=True)
class Speed:
    """Requests a second: ``hello`` of one handler, ``both`` of two at once."""

    hello: float
    both: float

    @property
    def factor(self) -> float:
        """How many times slower than two quiet cores the machine is; at least 1."""
        return max(1.0, QUIET / self.both)

    def __str__(self) -> str:
        return (
            f"hello has {self.hello:,.0f} a second, two of them {self.both:,.0f}: "
            f"waits are {self.factor:.1f} times as long as on two quiet cores"
        )


def measured() -> Speed:
    """The current speed of this machine; takes up to three seconds on a quiet one."""
    return Speed(hello=_rate(1), both=_rate(2))


def _rate(handlers: int) -> float:
    clients = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.machine_speed", "client"], stdout=subprocess.PIPE
        )
        for _ in range(handlers)
    ]
    with ThreadPoolExecutor(handlers) as readers:
        return sum(float(said) for said, _ in readers.map(lambda c: c.communicate(), clients))


def _client() -> float:
    """The requests a second answered by a handler in a process of its own."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=_CONNECTIONS)
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.machine_speed", "serve", str(listening.fileno())],
        pass_fds=[listening.fileno()],
    )
    try:
        connections = [
            socket.create_connection(listening.getsockname()) for _ in range(_CONNECTIONS)
        ]
        # While one half is read the handler works for the other one.
        halves = connections[::2], connections[1::2]
        for half in halves:
            _ask(half)
        _read(halves[0])  # the handler is up
        _ask(halves[0])
        answered, began = 0, monotonic()
        while (took := monotonic() - began) < SECONDS:
            for half in reversed(halves):
                _read(half)
                _ask(half)
            answered += len(connections)
        for connection in connections:
            connection.close()
        return answered / took
    finally:
        server.terminate()
        server.wait()


def _ask(connections: list[socket.socket]) -> None:
    for connection in connections:
        connection.sendall(_REQUEST)


def _read(connections: list[socket.socket]) -> None:
    for connection in connections:
        answer = b""
        while not answer.endswith(_END):
            answer += connection.recv(4096)


async def _serve(listening: socket.socket) -> None:
    """Serves the smallest possible aiohttp application."""

    async def hello(_: web.Request) -> web.Response:
        return web.json_response({"hello": "world"})

    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    app = web.Application()
    app.add_routes([web.get("/", hello)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    await ended.wait()
    await runner.cleanup()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", descriptor]:
            uvloop.run(_serve(socket.socket(fileno=int(descriptor))))
        case ["client"]:
            sys.stdout.write(f"{_client()}\n")
        case _:
            sys.stdout.write(f"{measured()}\n")
