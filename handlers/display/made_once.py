"""A cache for responses that are the same for all clients."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime
from typing import Final, Generic, TypeVar

from models.reference_data import ReferenceData

MADE_EVERY_S: Final = 5

Key = TypeVar("Key", bound=Hashable)
Made = TypeVar("Made")


class MadeOnce(Generic[Key, Made]):
    """A cache of responses by key. ``make`` makes the response for a key. A cached response is
    replaced after five seconds, or when the catalogue, policy or profile has changed."""

    def __init__(
        self, reference: ReferenceData, make: Callable[[Key, datetime], Awaitable[Made]]
    ) -> None:
        self._reference, self._make_new = reference, make
        self._making = asyncio.Lock()
        self._made: dict[Key, tuple[tuple[object, ...], Made]] = {}

    async def get(self, key: Key, now: datetime) -> Made:
        reference = self._reference
        turn = int(now.timestamp()) // MADE_EVERY_S
        versions = reference.catalog.version, reference.policy.version, reference.profile.rev
        made_of = turn, *versions
        cached = self._made.get(key)
        if cached is not None and cached[0] == made_of:
            return cached[1]
        async with self._making:  # concurrent callers share one result
            cached = self._made.get(key)
            if cached is None or cached[0] != made_of:
                cached = self._made[key] = made_of, await self._make_new(key, now)
        return cached[1]
