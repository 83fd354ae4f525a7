"""Connections begin in turn, one of each line. Real sockets, and clients that have all come before
the event loop looks at them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import pytest

from miniapp_server.listener import BEGIN_AT_ONCE, Listener, one_line, requested_host
from tests.living import free_port
from tests.waiting import patience

CROWD = 30


class Arrivals(asyncio.Protocol):
    """Reports each connection that begins, by its client's port."""

    def __init__(self, report: Callable[[int], None]) -> None:
        self._report = report

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._report(transport.get_extra_info("peername")[1])
        transport.close()


class Clients:
    """Clients of a listener, each with a connection that is open but not accepted yet."""

    def __init__(self, line_of: Callable[[socket.socket], str], held: ExitStack) -> None:
        self._port, self._held = free_port(), held
        self._names: dict[int, str] = {}
        self._begun: list[int] = []
        self._arrived = asyncio.Event()
        made = partial(Arrivals, self._note)
        self.listener = Listener(made, "127.0.0.1", self._port, shared=False, line_of=line_of)

    def _note(self, port: int) -> None:
        self._begun.append(port)
        self._arrived.set()

    def come(self, name: str, host: str) -> socket.socket:
        """Connects, and asks for the host unless it is empty."""
        client = self._held.enter_context(socket.create_connection(("127.0.0.1", self._port)))
        self._names[client.getsockname()[1]] = name
        if host:
            ask(client, host)
        return client

    @property
    def begun(self) -> list[str]:
        return [self._names[port] for port in self._begun]

    async def until_begun(self, number: int) -> list[str]:
        async with asyncio.timeout(patience(10)):
            while len(self._begun) < number:
                self._arrived.clear()
                await self._arrived.wait()
        return self.begun


def ask(client: socket.socket, host: str) -> None:
    client.sendall(f"GET / HTTP/1.1\r\nX-Host: b\r\nHOST: {host}\r\n\r\n".encode())


@contextmanager
def clients(
    line_of: Callable[[socket.socket], str] = requested_host,
) -> Iterator[Clients]:
    with ExitStack() as held:
        yield Clients(line_of, held)


@pytest.mark.parametrize("by_host", [True, False], ids=["by host", "one line: the control"])
async def test_a_crowd_at_one_host_does_not_hold_up_another(by_host: bool) -> None:
    with clients(requested_host if by_host else one_line) as here:
        for _ in range(CROWD):
            here.come("crowd", "a:80")
        here.come("other", "b")
        begun = await here.until_begun(CROWD + 1)
        assert (begun.index("other") <= 1) == by_host
        here.listener.close()


async def test_few_connections_begin_in_one_iteration() -> None:
    with clients() as here:
        for _ in range(CROWD):
            here.come("crowd", "a")
        most = before = 0
        async with asyncio.timeout(patience(10)):
            while before < CROWD:
                await asyncio.sleep(0)
                most, before = max(most, len(here.begun) - before), len(here.begun)
        assert 0 < most <= BEGIN_AT_ONCE
        here.listener.close()


async def test_silent_connections_begin_too_and_one_that_speaks_overtakes_them() -> None:
    with clients() as here:
        for _ in range(CROWD):
            here.come("silent", "")
        speaks = here.come("other", "")
        for _ in range(CROWD):
            here.come("crowd", "a")
        await here.until_begun(4)
        ask(speaks, "b")
        begun = await here.until_begun(2 * CROWD + 1)
        assert begun.index("other") < 12, begun
        assert begun.count("silent") == CROWD
        here.listener.close()


async def test_a_listener_that_closes_leaves_nobody_waiting() -> None:
    with clients() as here:
        for _ in range(CROWD):
            here.come("crowd", "a")
        here.come("silent", "")
        here.listener.close()
        assert len(await here.until_begun(CROWD + 1)) == CROWD + 1
