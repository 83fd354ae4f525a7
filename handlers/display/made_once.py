"""What everybody sees alike: made by the first one who asks, and again when it has aged."""

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
    """One answer for each key: at most five seconds old, and of the library and its rules as they
    are now."""

    def __init__(
        self, reference: ReferenceData, make: Callable[[Key, datetime], Awaitable[Made]]
    ) -> None:
        self._reference, self._make_new = reference, make
        self._making = asyncio.Lock()
        self._made: dict[Key, tuple[tuple[object, ...], Made]] = {}

    async def get(self, key: Key, now: datetime) -> Made:
        """The answer, made now where there is none that is fresh."""
        reference = self._reference
        turn = int(now.timestamp()) // MADE_EVERY_S
        made_of = turn, reference.catalog.version, reference.policy.version
        known = self._made.get(key)
        if known is not None and known[0] == made_of:
            return known[1]
        async with self._making:  # whoever comes meanwhile takes the same one
            known = self._made.get(key)
            if known is None or known[0] != made_of:
                known = self._made[key] = made_of, await self._make_new(key, now)
        return known[1]
