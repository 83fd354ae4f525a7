"""Who runs a job, and until when the service was seen alive."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from pymongo import IndexModel, ReturnDocument

from models.kernel.time_range import TimeRange
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors

INDEXES: Final[dict[str, list[IndexModel]]] = {}
GAP: Final = timedelta(seconds=5)
"""Without a beat for longer, nobody was served."""


class HeartbeatRepository:
    """The last business instant at which some worker, on whatever host, could write; and the gaps
    between two beats that nobody has looked after yet."""

    def __init__(self, db: Database) -> None:
        self._all = db["heartbeat"]
        self._last: datetime | None = None

    def beaten_within(self, length: timedelta, now: datetime) -> datetime | None:
        """The last beat of this process, where it was so lately and there was no gap: none has come
        since, as a gap takes longer. None where the database has to be asked."""
        last = self._last
        return last if last is not None and timedelta() <= now - last < length else None

    async def state(self) -> tuple[datetime | None, list[TimeRange]]:
        """The last beat, None before the first, and the gaps."""
        with translate_errors():
            found = await self._all.find_one({"_id": "service"})
        return _read(found)

    async def beat(self, now: datetime) -> list[TimeRange]:
        """Alive at ``now``. Returns the gaps; whoever ends one notes it in the same update."""
        self._last = None
        with translate_errors():
            # Acknowledged by a majority, before the beat is noted: a primary that has lost its
            # majority takes writes, too, and serves nobody.
            await self._all.update_one({"_id": "probe"}, {"$set": {"at": now}}, upsert=True)
            gap: Document = {
                "$and": [{"$eq": [{"$type": "$at"}, "date"]}, {"$lt": ["$at", now - GAP]}]
            }
            noted: Document = {"$cond": [gap, [{"start": "$at", "end": now}], []]}
            gaps: Document = {"$concatArrays": [{"$ifNull": ["$gaps", []]}, noted]}
            found = await self._all.find_one_and_update(
                {"_id": "service"},
                [{"$set": {"gaps": gaps}}, {"$set": {"at": {"$max": ["$at", now]}}}],
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        left = _read(found)[1]
        if not left:
            self._last = now
        return left

    async def looked_after(self, gap: TimeRange) -> None:
        """The deadlines that fell into the gap have been moved."""
        with translate_errors():
            await self._all.update_one(
                {"_id": "service"}, {"$pull": {"gaps": {"start": gap.start, "end": gap.end}}}
            )

    async def set(self, now: datetime) -> None:
        """Alive until ``now``, whatever was before: the clock was moved, and nobody was away."""
        self._last = None
        with translate_errors():
            await self._all.update_one(
                {"_id": "service"}, {"$set": {"at": now, "gaps": []}}, upsert=True
            )


def _read(found: Document | None) -> tuple[datetime | None, list[TimeRange]]:
    found = found or {}
    gaps = [TimeRange(gap["start"], gap["end"]) for gap in found.get("gaps", [])]
    return found.get("at"), gaps
