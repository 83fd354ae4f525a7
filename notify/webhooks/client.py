"""An HTTP client for webhooks. Receivers are not trusted: they must not reach the service's
network through the client. A connection goes to exactly the IP address that was checked, so that
DNS rebinding has no effect. Redirects are not followed."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from time import monotonic
from typing import Any, Final, Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler

from models.webhooks.entities import MOST_ENDPOINTS, WebhookResult
from models.webhooks.rules import Network, literal, may_connect

TIMEOUT_S: Final = 10.0
"""Seconds for resolving the name, connecting, sending and reading the answer together."""
LARGEST_ANSWER: Final = 64 * 1024
_MOST_RECEIVED: Final = 512 * 1024
"""At most this many bytes are received per request; one read of a socket may return 256 KB."""
USER_AGENT: Final = "seat-reservation-webhooks"
FORBIDDEN: Final = "forbidden_address"

AddressInfo = tuple[Any, Any, int, str, tuple[Any, ...]]
Lookup = Callable[[str, int], list[AddressInfo]]
"""Resolves a host name and a port; the result has the form of ``socket.getaddrinfo``. Blocks."""


class AddressForbidden(OSError):
    """The IP address is neither public nor in an allowed network: nothing is sent."""

    def __init__(self, address: str) -> None:
        super().__init__(errno.EACCES, f"webhooks may not be sent to {address}")


def ask_dns(host: str, port: int) -> list[AddressInfo]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)


class CheckedResolver(AbstractResolver):
    """Resolves receivers' host names. A name with any forbidden address is refused. Lookups run
    in a pool with one thread for each endpoint, so that a hanging name delays no other."""

    def __init__(self, lookup: Lookup, check: Callable[[str, int], None]) -> None:
        self._lookup, self._check = lookup, check
        self._threads = ThreadPoolExecutor(MOST_ENDPOINTS, "webhook-dns")
        self._lookups: dict[tuple[str, int], asyncio.Future[list[AddressInfo]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The host name's IP addresses, all checked. Raises: OSError; AddressForbidden."""
        addresses = await self._addresses(host, port)
        for *_, address in addresses:
            self._check(address[0], port)
        return [
            ResolveResult(
                hostname=host,
                host=address[0],
                port=port,
                family=kind,
                proto=proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, proto, _, address in addresses
            if kind in (socket.AF_INET, socket.AF_INET6)
        ]

    async def _addresses(self, host: str, port: int) -> list[AddressInfo]:
        """The name's addresses, not yet checked. Concurrent callers share one lookup of a name."""
        lookup = self._lookups.get((host, port))
        if lookup is None:
            loop = asyncio.get_running_loop()
            lookup = loop.run_in_executor(self._threads, self._lookup, host, port)
            self._lookups[host, port] = lookup

            def answered(done: asyncio.Future[list[AddressInfo]]) -> None:
                del self._lookups[host, port]
                if not done.cancelled():
                    done.exception()  # retrieved here: all callers may have timed out

            lookup.add_done_callback(answered)
        return await asyncio.shield(lookup)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class _BoundedConnection(ResponseHandler):
    """A connection that reads ``_MOST_RECEIVED`` bytes at most: 1xx answers may go on for ever."""

    _received = 0

    def set_response_params(self, **params: Any) -> None:
        self._received = 0
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > _MOST_RECEIVED:
            if self.transport is not None:
                self.transport.abort()
            return
        super().data_received(data)


class WebhookClient:
    """Sends requests to receivers of webhooks. An async context manager. ``allowed``: networks
    that are permitted although they are not public, also without TLS."""

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        lookup: Lookup = ask_dns,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.allowed = tuple(allowed)
        self._lookup, self._timeout_s = lookup, timeout_s
        self._sessions: dict[str, aiohttp.ClientSession] = {}
        self._resolvers: list[CheckedResolver] = []

    async def __aenter__(self) -> Self:
        for scheme, secure in (("https", True), ("http", False)):
            self._sessions[scheme] = self._session(secure)
        return self

    async def __aexit__(self, *_: object) -> None:
        for session in self._sessions.values():
            await session.close()
        for resolver in self._resolvers:  # a connector does not close a resolver passed to it
            await resolver.close()

    def _session(self, secure: bool) -> aiohttp.ClientSession:
        def check(host: str, port: int) -> None:
            address = literal(host)
            if address is None or not may_connect(address, port, self.allowed, secure=secure):
                raise AddressForbidden(host)

        def connected(info: Any) -> socket.socket:
            """Makes the socket; checks the IP address, as the resolver checks only names."""
            family, kind, proto, _, address = info
            check(address[0], address[1])
            made = socket.socket(family, kind, proto)
            made.setblocking(False)
            return made

        resolver = CheckedResolver(self._lookup, check)
        self._resolvers.append(resolver)
        # No limit but that of the lanes: several endpoints may be on one host.
        connector = aiohttp.TCPConnector(
            resolver=resolver, socket_factory=connected, use_dns_cache=False, limit=0
        )
        # aiohttp takes no class of connections: its connector makes them by this attribute.
        factory = partial(_BoundedConnection, loop=asyncio.get_running_loop())
        connector._factory = factory  # type: ignore[assignment]
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=self._timeout_s),
            headers={"User-Agent": USER_AGENT, "Content-Type": "application/json"},
        )

    async def post(
        self, url: str, body: bytes, headers: dict[str, str], now: datetime
    ) -> WebhookResult:
        """Sends the request; returns the status of the receiver's answer, or the reason why
        there is none. Failures are results, not exceptions."""
        began = monotonic()

        def result(status: int | None, error: str = "", retry: float = 0.0) -> WebhookResult:
            return WebhookResult(status, error, round((monotonic() - began) * 1000), retry)

        session = self._sessions[urlsplit(url).scheme]
        try:
            async with session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                await _read_bounded(answer)
                retry = retry_after(answer.headers.get("Retry-After", ""), now)
                return result(answer.status, retry=retry)
        except TimeoutError:
            return result(None, "timeout")
        except aiohttp.ClientSSLError:
            return result(None, "tls")
        except aiohttp.ClientConnectorDNSError as error:
            forbidden = isinstance(error.os_error, AddressForbidden)
            return result(None, FORBIDDEN if forbidden else "name_not_found")
        except aiohttp.ClientConnectorError as error:
            forbidden = isinstance(error.os_error, AddressForbidden)
            return result(None, FORBIDDEN if forbidden else "no_connection")
        except (aiohttp.ClientError, OSError, ValueError):
            return result(None, "broken")


async def _read_bounded(answer: aiohttp.ClientResponse) -> None:
    """Reads an answer of at most ``LARGEST_ANSWER`` bytes, so that the connection can be reused;
    closes the connection on a longer one."""
    left = LARGEST_ANSWER
    async for chunk in answer.content.iter_any():
        left -= len(chunk)
        if left < 0:
            answer.close()
            return


def retry_after(text: str, now: datetime) -> float:
    """The seconds that a ``Retry-After`` header (a number or a date) asks to wait; 0 if invalid."""
    if text.isascii() and text.isdecimal() and len(text) < 9:
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0.0
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - now).total_seconds())
