"""Rate limits of one worker, in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Final

from models.kernel.errors import Throttled
from models.storage.rate_limiter import RateLimit

READS: Final = RateLimit("read", capacity=60, per_second=10)
"""One reader's looks at one worker. A page needs about ten at once, then one in fifteen seconds."""
ADDRESS: Final = RateLimit("address", capacity=5000, per_second=1000)
"""Requests without a session from one address at one worker: a whole campus can stand behind one.
Who has a session is slowed down as a reader, and never by what neighbours do."""
_KEYS_KEPT: Final = 100_000


class LocalRateLimiter:
    """Token buckets in memory, of the keys used last. For what need not be the same everywhere."""

    def __init__(
        self, bucket: RateLimit, scale: int = 1, clock: Callable[[], float] = monotonic
    ) -> None:
        self._clock = clock
        self._capacity = bucket.capacity * scale
        self._rate = bucket.per_second * scale
        self._kept: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_for(self, key: str, take: float = 1) -> float:
        """Take a token (or none, just asking); 0.0, or the seconds after which there is one."""
        now, left = self._clock(), self._capacity
        known = self._kept.get(key)
        if known is not None and (filled := known[0] + (now - known[1]) * self._rate) < left:
            left = filled
        if left < 1:
            return (1 - left) / self._rate
        self._kept[key] = left - take, now
        if known is not None:
            self._kept.move_to_end(key)
        elif len(self._kept) > _KEYS_KEPT:
            self._kept.popitem(last=False)
        return 0.0


def raise_if_limited(wait: float) -> None:
    """Raises: Throttled where a bucket gave a wait."""
    if wait > 0:
        raise Throttled(wait)
