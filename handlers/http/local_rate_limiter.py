from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Final

from models.kernel.errors import Throttled
from models.storage.rate_limiter import RateLimit

READS: Final = RateLimit("read", capacity=60, per_second=10)
"""Limits a reader's reads at one worker. A page makes about ten reads, then one in 15 seconds."""
ADDRESS: Final = RateLimit("address", capacity=5000, per_second=1000)
"""The rate limit of requests without a session from one client address, which a whole campus may
share. Requests with a session count against the limit of their reader."""
_MAX_KEYS: Final = 100_000


class LocalRateLimiter:
    """Token buckets of one worker, one for each key (a reader or a client address). Beyond
    ``_MAX_KEYS`` keys the least recently used are dropped."""

    def __init__(
        self, bucket: RateLimit, scale: int = 1, clock: Callable[[], float] = monotonic
    ) -> None:
        self._clock = clock
        self._capacity = bucket.capacity * scale
        self._rate = bucket.per_second * scale
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_for(self, key: str, take: float = 1) -> float:
        """Takes ``take`` tokens from the key's bucket (0: only checks the bucket). Returns 0.0,
        or the seconds to wait if the bucket is empty."""
        now, left = self._clock(), self._capacity
        bucket = self._buckets.get(key)
        if bucket is not None and (filled := bucket[0] + (now - bucket[1]) * self._rate) < left:
            left = filled
        if left < 1:
            return (1 - left) / self._rate
        self._buckets[key] = left - take, now
        if bucket is not None:
            self._buckets.move_to_end(key)
        elif len(self._buckets) > _MAX_KEYS:
            self._buckets.popitem(last=False)
        return 0.0


def raise_if_limited(wait: float) -> None:
    """Raises: Throttled with ``wait`` (seconds) if it is positive."""
    if wait > 0:
        raise Throttled(wait)
