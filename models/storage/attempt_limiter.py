"""Counters of guesses, in MongoDB so that they outlive Redis, counted before the guess is judged.

A place in the window is taken first and given back on success: a thousand guesses at once cannot
all pass a check that comes before the count.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pymongo import ASCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from models.kernel.errors import TooManyAttempts
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors

INDEXES: Final[dict[str, list[IndexModel]]] = {
    "attempt_limits": [IndexModel([("until", ASCENDING)], name="until")]
}


@dataclass(frozen=True, slots=True)
class AttemptLimit:
    """At most ``failures`` of one key in ``window``."""

    key: str
    failures: int
    window: timedelta


class AttemptLimiter:
    def __init__(self, db: Database) -> None:
        self._all = db["attempt_limits"]

    async def register(self, limits: list[AttemptLimit], now: datetime) -> None:
        """Take one attempt under every limit. Raises: TooManyAttempts, nothing kept then."""
        taken: list[AttemptLimit] = []
        for limit in limits:
            retry_after = await self._take(limit, now)
            if retry_after is not None:
                await self.refund(taken)
                raise TooManyAttempts(retry_after.total_seconds())
            taken.append(limit)

    async def _take(self, limit: AttemptLimit, now: datetime) -> timedelta | None:
        """None when there was a place; else how long until the window ends."""
        room: Document = {"n": {"$lt": limit.failures}}
        place: Document = {"_id": limit.key, "$or": [room, {"until": {"$lte": now}}]}
        one_more = _one_more(limit.window, now)
        with translate_errors():
            try:
                await self._all.update_one(place, one_more, upsert=True)
                return None
            except DuplicateKeyError:
                # The counter is full, or another attempt has only just made it.
                taken = await self._all.update_one(place, one_more)
                if taken.matched_count:
                    return None
            found = await self._all.find_one({"_id": limit.key})
        return (found["until"] - now) if found else timedelta(seconds=1)

    async def count(self, limit: AttemptLimit, now: datetime) -> bool:
        """Count one attempt, however many there are. Returns whether they are past the limit."""
        with translate_errors():
            found = await self._all.find_one_and_update(
                {"_id": limit.key},
                _one_more(limit.window, now),
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        assert found is not None
        return bool(found["n"] > limit.failures)

    async def refund(self, limits: list[AttemptLimit]) -> None:
        """The attempt was right after all."""
        for limit in limits:
            with translate_errors():
                await self._all.update_one({"_id": limit.key, "n": {"$gt": 0}}, {"$inc": {"n": -1}})

    async def forget(self, limits: list[AttemptLimit]) -> None:
        """Set the counters of these limits back to nothing."""
        with translate_errors():
            await self._all.delete_many({"_id": {"$in": [limit.key for limit in limits]}})

    async def prune(self, now: datetime) -> int:
        with translate_errors():
            result = await self._all.delete_many({"until": {"$lte": now}})
        return result.deleted_count


def _one_more(window: timedelta, now: datetime) -> list[Document]:
    """Count one in the window that is under way, or begin another one with it."""
    begun = {"$gt": ["$until", now]}  # a missing one is less than any date
    return [
        {
            "$set": {
                "n": {"$cond": [begun, {"$add": ["$n", 1]}, 1]},
                "until": {"$cond": [begun, "$until", now + window]},
            }
        }
    ]
