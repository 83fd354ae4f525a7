"""Limits on wrong guesses, counted in MongoDB, so that the counts survive a loss of Redis. An
attempt is counted before the guess is checked and refunded if the guess was right: otherwise
simultaneous guesses could all pass."""

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
    """At most ``failures`` failed attempts for one ``key`` within ``window``."""

    key: str
    failures: int
    window: timedelta


class AttemptLimiter:
    def __init__(self, db: Database) -> None:
        self._all = db["attempt_limits"]

    async def register(self, limits: list[AttemptLimit], now: datetime) -> None:
        """Counts one attempt under each of the limits. If one of them is exceeded, the attempt
        counts under none. Raises: TooManyAttempts."""
        taken: list[AttemptLimit] = []
        for limit in limits:
            retry_after = await self._take(limit, now)
            if retry_after is not None:
                await self.refund(taken)
                raise TooManyAttempts(retry_after.total_seconds())
            taken.append(limit)

    async def _take(self, limit: AttemptLimit, now: datetime) -> timedelta | None:
        """Counts an attempt, or returns the rest of the window if the limit is reached."""
        room: Document = {"n": {"$lt": limit.failures}}
        place: Document = {"_id": limit.key, "$or": [room, {"until": {"$lte": now}}]}
        one_more = _one_more(limit.window, now)
        with translate_errors():
            try:
                await self._all.update_one(place, one_more, upsert=True)
                return None
            except DuplicateKeyError:
                # The counter is full, or a simultaneous attempt has just created it.
                taken = await self._all.update_one(place, one_more)
                if taken.matched_count:
                    return None
            counter = await self._all.find_one({"_id": limit.key})
        return (counter["until"] - now) if counter else timedelta(seconds=1)

    async def count(self, limit: AttemptLimit, now: datetime) -> bool:
        """Counts one attempt even beyond the limit; returns whether the limit is exceeded."""
        with translate_errors():
            counter = await self._all.find_one_and_update(
                {"_id": limit.key},
                _one_more(limit.window, now),
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        assert counter is not None
        return bool(counter["n"] > limit.failures)

    async def refund(self, limits: list[AttemptLimit]) -> None:
        """Takes back one counted attempt of each limit, because the guess was right."""
        for limit in limits:
            with translate_errors():
                await self._all.update_one({"_id": limit.key, "n": {"$gt": 0}}, {"$inc": {"n": -1}})

    async def forget(self, limits: list[AttemptLimit]) -> None:
        with translate_errors():
            await self._all.delete_many({"_id": {"$in": [limit.key for limit in limits]}})

    async def prune(self, now: datetime) -> int:
        with translate_errors():
            result = await self._all.delete_many({"until": {"$lte": now}})
        return result.deleted_count


def _one_more(window: timedelta, now: datetime) -> list[Document]:
    begun = {"$gt": ["$until", now]}  # a missing one is less than any date
    return [
        {
            "$set": {
                "n": {"$cond": [begun, {"$add": ["$n", 1]}, 1]},
                "until": {"$cond": [begun, "$until", now + window]},
            }
        }
    ]
