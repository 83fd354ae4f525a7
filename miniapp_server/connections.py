"""HTTP connections: time limits for request heads, and the response to malformed bytes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from handlers.http.anonymous_response import AnonymousResponse
from handlers.http.errors import envelope

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Time limits of a connection in seconds. ``handlers/http/request_body.py`` limits the time
    for a request's body."""

    head_s: float = 10.0
    """Limit for receiving a request's head. It counts from the connection's start; for later
    requests on the connection, from the head's first byte."""
    idle_s: float = 75.0
    """Longest pause between a response and the next request. It is longer than a proxy's limit
    (nginx: 60), so that a proxy never sends a request into a closing connection."""
    linger_s: float = 2.0
    """After a response, the rest of an unread body is received for this long: if the connection
    were closed earlier, the client might not get the response."""
    unread_s: float = 60.0
    """Longest time a response may stay unread; the kernel counts it (``TCP_USER_TIMEOUT``)."""


LIMITS: Final = ConnectionLimits()


class Connection(web.RequestHandler):
    """aiohttp's connection with an added time limit for request heads. aiohttp itself limits only
    the pauses between requests.

    The limit costs one timer a connection, and one more only if a head arrives in pieces.
    """

    __slots__ = ("_hash_of", "_head_s", "_head_timer", "_heads")

    def __init__(
        self, server: web.Server, hash_of: Callable[[str], str], limits: ConnectionLimits
    ) -> None:
        """``hash_of``: hashes a client's address for the log."""
        options: dict[str, Any] = {
            "access_log": None,  # it costs 30 µs a request, and /metrics counts them
            "auto_decompress": False,
            "keepalive_timeout": limits.idle_s,
            "lingering_time": limits.linger_s,
        }
        super().__init__(server, loop=asyncio.get_running_loop(), **options)
        self._hash_of = hash_of
        self._head_s = limits.head_s
        self._head_timer: asyncio.TimerHandle | None = None
        self._heads = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._request_count != self._heads:
            self._heads = self._request_count
            if self._head_timer is not None:
                self._forget_head()
        elif (
            self._head_timer is None
            and data
            and self._waiter is not None
            and not self._waiter.done()  # else this is the body of a head that has just arrived
        ):
            self._expect_head()  # idle until now: these are the first bytes of a head

    def connection_lost(self, exc: BaseException | None) -> None:
        self._forget_head()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self._head_timer = self._loop.call_later(self._head_s, self.force_close)

    def _forget_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answers bytes that are not HTTP (a port scan, for example): logs one line, and sends a
        response that repeats none of the bytes."""
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        reason = exc.message.partition("\n")[0].partition(":")[0]
        address = self._hash_of(request.remote or "")
        log.info("request_unreadable", extra={"address": address, "reason": reason})
        response = AnonymousResponse(
            body=envelope(400, "malformed", {"field": "request", "reason": reason}).body,
            status=400,
            content_type="application/json",
        )
        response.force_close()
        return response


def connections(
    server: web.Server, hash_of: Callable[[str], str], limits: ConnectionLimits = LIMITS
) -> Callable[[], Connection]:
    """A factory of connections for the server. ``hash_of`` hashes client addresses for the log."""
    return partial(Connection, server, hash_of, limits)
