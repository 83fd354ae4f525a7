from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import PubSub

from models.kernel.errors import Malformed

__all__ = ["Redis", "open_redis", "published"]


@asynccontextmanager
async def open_redis(url: str) -> AsyncIterator[Redis]:
    """A Redis client. If all its connections are busy, a caller waits up to a second for a
    connection, and only then gets an error. Raises: Malformed for an invalid URL."""
    try:
        pool = BlockingConnectionPool.from_url(
            url, max_connections=32, timeout=1, socket_timeout=1, socket_connect_timeout=1
        )
    except ValueError as error:
        raise Malformed("REDIS_URL", str(error)) from error
    client = Redis(connection_pool=pool)
    try:
        yield client
    finally:
        await client.aclose()
        await pool.aclose()


async def published(channel: PubSub) -> AsyncIterator[str]:
    """Yields each message of the subscribed channels. Raises: TimeoutError if the connection has
    broken by a time-out, as it does when Redis's host has lost its power: the client reports this
    as an absent message, at once and each time it is asked."""
    while (message := await channel.get_message(timeout=None)) is not None:
        if message["type"] == "message":
            yield message["data"].decode()
    raise TimeoutError
