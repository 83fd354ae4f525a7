"""Rate limits by token buckets in Redis. If Redis loses its data, all buckets are full again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Final

from redis.asyncio import Redis

from models.storage.batching import Batcher
from models.storage.redis_health import TROUBLE
from models.storage.redis_names import RedisNames

_RETRY_AFTER_S: Final = 1.0
# KEYS: buckets of one kind; ARGV: capacity, tokens per second. Time is the Redis server's, the
# same for all workers. If it goes back (also by a failover to another server), a bucket continues
# from there with its current tokens. Returns for each bucket 0 if a token was taken, else the
# milliseconds until the next one.
_TAKE: Final = """
local t = redis.call('TIME'); local now = t[1] * 1000 + math.floor(t[2] / 1000)
local cap, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
local waits = {}
for i, key in ipairs(KEYS) do
  local b = redis.call('HMGET', key, 'n', 't')
  local n = tonumber(b[1]) or cap; local at = tonumber(b[2]) or now
  n = math.min(cap, n + math.max(0, now - at) * rate / 1000)
  local wait = 0
  if n >= 1 then n = n - 1 else wait = math.ceil((1 - n) / rate * 1000) end
  redis.call('HSET', key, 'n', tostring(n), 't', now)
  redis.call('PEXPIRE', key, math.ceil(cap / rate * 1000) + 1000)
  waits[i] = wait
end
return waits
"""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A token bucket for bursts of ``capacity`` requests and ``per_second`` on average."""

    name: str
    capacity: float
    per_second: float


class RateLimiter:
    """Takes tokens from the buckets in Redis. Without Redis every request passes; the attempt
    limits on wrong codes are in MongoDB and still hold."""

    def __init__(self, client: Redis, names: RedisNames, scale: int = 1) -> None:
        self._take = client.register_script(_TAKE)
        self._names, self._scale = names, scale
        self._open_until = 0.0
        self._batchers: dict[RateLimit, Batcher[str, float]] = {}

    async def acquire(self, bucket: RateLimit, key: str) -> float:
        """Takes a token from ``key``'s bucket. Returns 0.0, or the seconds until its next token."""
        if monotonic() < self._open_until:
            return 0.0
        if bucket not in self._batchers:
            self._batchers[bucket] = Batcher(partial(self._take_all, bucket))
        return await self._batchers[bucket].submit(self._names.bucket(bucket.name, key))

    async def _take_all(self, bucket: RateLimit, keys: list[str]) -> list[float]:
        args = [bucket.capacity * self._scale, bucket.per_second * self._scale]
        try:
            return [int(wait) / 1000 for wait in await self._take(keys=keys, args=args)]
        except TROUBLE:
            # For a second, other requests pass without waiting for Redis.
            self._open_until = monotonic() + _RETRY_AFTER_S
            return [0.0] * len(keys)
