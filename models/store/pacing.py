"""What Redis is for: pacing, and telling other workers at once. All of it may be lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Final

from redis.asyncio import BlockingConnectionPool, Redis

from models.errors import Malformed
from models.store.gathering import Gathering
from models.store.redis_health import TROUBLE

__all__ = ["Bucket", "Pacing", "Redis", "Revocations", "open_redis"]

_RETRY_AFTER_S: Final = 1.0
_CHANNEL: Final = "seat:revoked"

# KEYS: buckets of one kind; ARGV: capacity, tokens per second. Time is the Redis server's, one
# clock for all. Returns for each bucket 0 when a token was taken, else the milliseconds until then.
_TAKE: Final = """
local t = redis.call('TIME'); local now = t[1] * 1000 + math.floor(t[2] / 1000)
local cap, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
local waits = {}
for i, key in ipairs(KEYS) do
  local b = redis.call('HMGET', key, 'n', 't')
  local n = tonumber(b[1]) or cap; local at = tonumber(b[2]) or now
  n = math.min(cap, n + (now - at) * rate / 1000)
  local wait = 0
  if n >= 1 then n = n - 1 else wait = math.ceil((1 - n) / rate * 1000) end
  redis.call('HSET', key, 'n', tostring(n), 't', now)
  redis.call('PEXPIRE', key, math.ceil(cap / rate * 1000) + 1000)
  waits[i] = wait
end
return waits
"""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket: ``capacity`` at once, ``per_second`` in the long run."""

    name: str
    capacity: float
    per_second: float


@asynccontextmanager
async def open_redis(url: str) -> AsyncIterator[Redis]:
    """A client whose pool makes callers wait (the plain pool raises), and that never hangs long.

    Raises: Malformed for an address that cannot be read.
    """
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


class Pacing:
    """Token buckets. Without Redis everybody passes: the guess counters do not live here."""

    def __init__(self, client: Redis, scale: int = 1) -> None:
        self._take = client.register_script(_TAKE)
        self._scale = scale
        self._open_until = 0.0
        self._asked: dict[Bucket, Gathering[str, float]] = {}

    async def wait_for(self, bucket: Bucket, key: str) -> float:
        """Take a token; 0.0, or the seconds after which there is one."""
        if monotonic() < self._open_until:
            return 0.0
        if bucket not in self._asked:
            self._asked[bucket] = Gathering(partial(self._take_all, bucket))
        return await self._asked[bucket].one(f"pace:{bucket.name}:{key}")

    async def _take_all(self, bucket: Bucket, keys: list[str]) -> list[float]:
        args = [bucket.capacity * self._scale, bucket.per_second * self._scale]
        try:
            return [int(wait) / 1000 for wait in await self._take(keys=keys, args=args)]
        except TROUBLE:
            # Not every request shall find out anew that Redis is away.
            self._open_until = monotonic() + _RETRY_AFTER_S
            return [0.0] * len(keys)


class Revocations:
    """Ended sessions and changed readers, told to every worker's cache."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def tell(self, keys: list[str]) -> None:
        """Best effort: a cache forgets by itself within seconds."""
        with suppress(*TROUBLE):
            for key in keys:
                await self._client.publish(_CHANNEL, key)

    async def listen(self, forget: Callable[[str], None]) -> None:
        """Call ``forget`` for each key told by any worker, until cancelled."""
        while True:
            try:
                async with self._client.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(_CHANNEL)
                    while True:
                        message = await channel.get_message(timeout=0.5)
                        if message is not None:
                            forget(message["data"].decode())
            except TROUBLE:
                await asyncio.sleep(1)
