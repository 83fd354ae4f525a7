from __future__ import annotations

import asyncio
import logging
from typing import Final
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.exceptions import (
    AuthenticationError,
    NoPermissionError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

log = logging.getLogger(__name__)
TROUBLE: Final = (RedisError, OSError, TimeoutError)
"""Errors that the client raises if Redis cannot be used."""
_LOOK_S: Final = 1.0
_REFUSED: Final = 111
_BROKEN: Final = "unreachable"
_CURES: Final = {
    "connection refused": "start Redis, or correct REDIS_URL",
    "password required": "write redis://:PASSWORD@HOST:PORT/0 in REDIS_URL",
    "wrong password": "correct the user or the password in REDIS_URL",
    "not permitted": "allow the user of REDIS_URL the refused commands and channels",
    "read-only replica": "write the primary in REDIS_URL",
    "timeout": "check the load of Redis's host, and firewalls on the way",
    "no such host name": "correct REDIS_URL or the DNS",
    "no such database": "correct the number at the end of REDIS_URL: Redis has 0 to 15 by default",
    _BROKEN: "check the network and REDIS_URL",
}


class RedisHealth:
    """Pings Redis; logs failures and recoveries. ``cause``: why Redis is unusable, or empty."""

    def __init__(self, client: Redis, url: str) -> None:
        self._client = client
        self._host = redis_host(url)
        self.cause = ""

    async def look(self) -> str:
        """Pings Redis now. Returns the cause of a failure, or an empty text if Redis answers."""
        cause = await self._ask()
        if cause == _BROKEN:
            # An old connection may have been closed by the server; a new one shows the cause.
            cause = await self._ask()
        # Calls may overlap: no await may stand between the comparison and the assignment.
        if cause != self.cause:
            fields = {"host": self._host}
            if cause:
                fields |= {"cause": cause, "cure": redis_cure(cause)}
            log.warning("redis_away" if cause else "redis_back", extra=fields)
        self.cause = cause
        return cause

    async def _ask(self) -> str:
        try:
            async with asyncio.timeout(_LOOK_S):
                await self._client.ping()
        except TROUBLE as error:
            return redis_cause(error)
        return ""


def read_redis_url(url: str) -> None:
    """Checks a Redis URL without connecting. Raises: ValueError, whose message shows the
    expected form and not the URL itself."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("redis", "rediss", "unix") and (parts.port is None or parts.port)
    except ValueError:  # a port that is no number
        fits = False
    if not fits or not (parts.hostname or parts.path):
        raise ValueError("must look like redis://:PASSWORD@HOST:6379/0 (rediss:// for TLS)")


def redis_host(url: str) -> str:
    """The host and port in a Redis URL as host:port, or the path of a socket."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return parts.path
    return f"{parts.hostname}:{parts.port or 6379}"


def redis_cause(error: Exception) -> str:
    """The cause of the error as one of the fixed phrases in ``_CURES``."""
    text = str(error)
    match error:
        case AuthenticationError():
            # The answer to a command, or to the client's own HELLO.
            lacking = "required" in text or "already authenticated" in text
            return "password required" if lacking else "wrong password"
        case NoPermissionError():
            return "not permitted"
        case ReadOnlyError():
            return "read-only replica"
        case ResponseError() if "DB index" in text:
            return "no such database"
    if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
        return "timeout"
    if f"Error {_REFUSED}" in text or f"Errno {_REFUSED}" in text or "refused" in text:
        return "connection refused"
    if "Name or service" in text or "No address" in text or "name resolution" in text:
        return "no such host name"
    return _BROKEN


def redis_cure(cause: str) -> str:
    return _CURES[cause]
