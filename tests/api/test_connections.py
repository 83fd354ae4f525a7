"""Connections on a socket: stalled ones are closed, and an unreadable request is logged in one
line."""

from __future__ import annotations

import asyncio
import json
import logging
import select
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from aiohttp import web
from yarl import URL

from handlers.http.keys import LOAD_SHEDDER
from miniapp_server.connections import ConnectionLimits, connections
from miniapp_server.logging_config import JsonLines
from tests.api.sockets import connection
from tests.living import Living, living
from tests.waiting import patience

SHORT = ConnectionLimits(
    head_s=patience(0.2), idle_s=patience(0.8), linger_s=patience(0.1), unread_s=patience(0.3)
)
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
SMUGGLED = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
async def brief(mongo_url: str, redis_url: str) -> AsyncIterator[Living]:
    async with living(mongo_url, redis_url, limits=SHORT) as service:
        service.app[LOAD_SHEDDER].body_deadline_s = patience(0.1)
        yield service


async def until_closed(service: Living, sent: list[bytes], answers: int) -> None:
    """Sends the pieces, then reads until the service closes the connection."""
    async with connection(service) as (incoming, outgoing), asyncio.timeout(patience(10)):
        for piece in sent:
            outgoing.write(piece)
            await asyncio.sleep(patience(0.02))
        read = await incoming.read()
        assert read.count(b"HTTP/1.1 ") == answers, (sent, read)


async def test_stalled_connections_are_closed_and_active_streams_stay_open(brief: Living) -> None:
    reader = await brief.reader()
    post = b"POST /api/v1/wx/login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"
    lost = b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"
    events = (
        b"GET /api/v1/areas/2f-hall/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n"
    )
    async with connection(brief) as (incoming, outgoing):
        outgoing.write(events % reader.token.encode())
        assert b"200 OK" in await incoming.readuntil(b"\r\n\r\n")
        order = list[str]()

        async def ends(kind: str, sent: list[bytes], answers: int) -> None:
            await until_closed(brief, sent, answers)
            order.append(kind)

        await asyncio.gather(
            ends("idle", [HEALTH], 1),
            ends("idle", [HEALTH, HEALTH, HEALTH], 3),
            ends("half", [], 0),
            ends("half", [b"GET /healthz HTTP/1.1\r\nHost:"], 0),
            ends("half", [b"G", b"E", b"T", b" /", b"hea"], 0),
            ends("half", [HEALTH, b"GET /heal"], 1),
            ends("body", [post], 1),
            ends("body", [lost], 1),
        )
        assert order[-2:] == ["idle"] * 2, "who has begun nothing may wait longest"
        # A stream that is watched is no idle connection.
        assert not incoming.at_eof() and not outgoing.is_closing()
        await reader.reserve()
        async with asyncio.timeout(patience(10)):
            assert await incoming.readuntil(b"event: seat")


class Wire(asyncio.Transport):
    """A transport on which the test controls what arrives in which turn of the event loop."""

    def is_closing(self) -> bool:
        return False

    def close(self) -> None: ...

    def write(self, data: object) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0


async def test_a_body_read_together_with_its_head_starts_no_head_timer() -> None:
    """uvloop reads a socket several times before the request's task goes on."""
    read = asyncio.Event()

    async def whole(request: web.BaseRequest) -> web.Response:
        assert await request.read() == b"body"
        read.set()
        return web.Response()

    connection = connections(web.Server(whole), str)()
    connection.connection_made(Wire())
    await asyncio.sleep(0)  # it waits for a head
    connection.data_received(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbo")
    connection.data_received(b"dy")
    assert connection._head_timer is None
    async with asyncio.timeout(patience(10)):
        await read.wait()
    connection.connection_lost(None)


async def test_a_connection_that_does_not_read_its_response_is_closed(brief: Living) -> None:
    url = URL(brief.base)
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect((url.host, url.port))
        deaf.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 30)
        cut = select.poll()
        cut.register(deaf, 0)  # errors are always told
        async with asyncio.timeout(patience(10)):
            with suppress(ConnectionError):
                while not await asyncio.to_thread(cut.poll, 100):
                    deaf.send(b" ")  # who has gone says so when it hears something


class Lines(logging.Handler):
    """The log lines as they would be written."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(JsonLines())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


NO_REQUESTS = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64)) + b"\r\n\r\n",
    b"GET /me HTTP/1.1\r\nAuthorization: Bearer s3cret\r\n\r\n",
    b"GET /me HTTP/1.1\nHost: x\n\n",
    b"GET /me?ticket=ST-1-s3cret-x HTTP/1.1 s3cret\r\nHost: x\r\n\r\n",
    b"GET /me HTTP/1.1\r\nHost: x\r\nCookie: seat_sid=s3cret\x01\r\n\r\n",
    b"GET /me HTTP/1.1\r\nHost: x\r\nCookie s3cret\r\n\r\n",
    b"GET /me HTTP/1.1\r\nHost: x\r\nCookie: " + b"s3cret" * 2000 + b"\r\n\r\n",
    b"GET /me HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz s3cret\r\n",
    b"GET /" + b"s3cret" * 2000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
)


async def test_an_unreadable_request_is_answered_400_and_logged_once(brief: Living) -> None:
    heard, root = Lines(), logging.getLogger()
    level = root.level
    root.addHandler(heard)
    root.setLevel("INFO")
    try:
        for sent in NO_REQUESTS:
            heard.lines.clear()
            async with connection(brief) as (incoming, outgoing), asyncio.timeout(patience(10)):
                outgoing.write(sent)
                head, _, body = (await incoming.read()).partition(b"\r\n\r\n")
            (line,) = heard.lines
            said = json.loads(line)
            assert (said["level"], said["event"]) == ("info", "request_unreadable"), line
            assert said["address"] and "127.0.0.1" not in line, line
            assert b"server:" not in head.lower(), head
            assert "exception" not in said and "s3cret" not in line, line
            assert b" 400 " in head and json.loads(body)["error"]["code"] == "malformed", head
            assert b"s3cret" not in body, body
    finally:
        root.removeHandler(heard)
        root.setLevel(level)


async def test_a_body_is_not_parsed_as_a_second_request(brief: Living) -> None:
    upgrade = (
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    )
    last = HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    for head in (upgrade, HEALTH[:-2]):
        sent = head + b"Content-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED
        async with connection(brief) as (incoming, outgoing), asyncio.timeout(patience(10)):
            outgoing.write(sent + last)
            answer = await incoming.read()
        assert answer.count(b"HTTP/1.1 200") == answer.count(b"HTTP/1.1 ") == 2, answer
        assert b"seat_http_request" not in answer, answer


async def test_an_unknown_method_closes_the_connection(brief: Living) -> None:
    """aiohttp would take the body of a CONNECT for the next request."""
    for method in (b"CONNECT", b"PROPFIND", b"PUT", b"BREW"):
        head = HEALTH.replace(b"GET", method)[:-2] + b"Content-Length: %d\r\n\r\n" % len(SMUGGLED)
        async with connection(brief) as (incoming, outgoing), asyncio.timeout(patience(10)):
            outgoing.write(head + SMUGGLED)
            answer = await incoming.read()
        assert answer.count(b"HTTP/1.") == 1 and b"seat_http_request" not in answer, answer
