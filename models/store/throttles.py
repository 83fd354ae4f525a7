"""Counters of guesses, in MongoDB so that they outlive Redis, counted before the guess is judged.

A place in the window is taken first and given back on success: a thousand guesses at once cannot
all pass a check that comes before the count.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from models.errors import TooManyAttempts
from models.store.client import Database, upstream

INDEXES: Final[dict[str, list[IndexModel]]] = {
    "throttles": [IndexModel([("until", ASCENDING)], name="until")]
}


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``failures`` of one key in ``window``."""

    key: str
    failures: int
    window: timedelta


class Throttles:
    def __init__(self, db: Database, scale: int = 1) -> None:
        """``scale`` multiplies every limit (load tests raise it)."""
        self._all = db["throttles"]
        self._scale = scale

    async def take(self, limits: list[Limit], now: datetime) -> None:
        """Take one attempt under every limit. Raises: TooManyAttempts, nothing kept then."""
        taken: list[Limit] = []
        for limit in limits:
            retry_after = await self._take(limit, now)
            if retry_after is not None:
                await self.give_back(taken)
                raise TooManyAttempts(retry_after.total_seconds())
            taken.append(limit)

    async def _take(self, limit: Limit, now: datetime) -> timedelta | None:
        """None when there was a place; else how long until the window ends."""
        with upstream():
            await self._all.delete_one({"_id": limit.key, "until": {"$lte": now}})
            place = {"_id": limit.key, "n": {"$lt": limit.failures * self._scale}}
            try:
                await self._all.update_one(
                    place,
                    {"$inc": {"n": 1}, "$setOnInsert": {"until": now + limit.window}},
                    upsert=True,
                )
                return None
            except DuplicateKeyError:
                # The counter is full, or another attempt has only just made it.
                taken = await self._all.update_one(place, {"$inc": {"n": 1}})
                if taken.matched_count:
                    return None
            found = await self._all.find_one({"_id": limit.key})
        return (found["until"] - now) if found else timedelta(seconds=1)

    async def give_back(self, limits: list[Limit]) -> None:
        """The attempt was right after all."""
        for limit in limits:
            with upstream():
                await self._all.update_one({"_id": limit.key, "n": {"$gt": 0}}, {"$inc": {"n": -1}})

    async def prune(self, now: datetime) -> int:
        with upstream():
            result = await self._all.delete_many({"until": {"$lte": now}})
        return result.deleted_count
