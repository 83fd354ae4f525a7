"""Who runs a job, and until when the service was seen alive."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from pymongo import IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from models.store.client import Database, Document, upstream
from models.timerange import TimeRange

INDEXES: Final[dict[str, list[IndexModel]]] = {}


class Leases:
    """One holder a name, by real time: the business clock may jump, a lease may not."""

    def __init__(self, db: Database) -> None:
        self._all = db["leases"]

    async def acquire(self, name: str, owner: str, real_now: datetime, length: timedelta) -> bool:
        """Take or renew the lease. False while another holds it."""
        with upstream():
            try:
                await self._all.update_one(
                    {"_id": name, "$or": [{"owner": owner}, {"until": {"$lte": real_now}}]},
                    {"$set": {"owner": owner, "until": real_now + length}},
                    upsert=True,
                )
            except DuplicateKeyError:
                return False
        return True

    async def release(self, name: str, owner: str) -> None:
        with upstream():
            await self._all.delete_one({"_id": name, "owner": owner})


GAP: Final = timedelta(seconds=5)
"""Without a beat for longer, nobody was served."""


class Heartbeat:
    """The last business instant at which some worker, on whatever host, could write; and the gaps
    between two beats that nobody has looked after yet."""

    def __init__(self, db: Database) -> None:
        self._all = db["heartbeat"]

    async def state(self) -> tuple[datetime | None, list[TimeRange]]:
        """The last beat, None before the first, and the gaps."""
        with upstream():
            found = await self._all.find_one({"_id": "service"})
        return _read(found)

    async def beat(self, now: datetime) -> list[TimeRange]:
        """Alive at ``now``. Returns the gaps; whoever ends one notes it in the same update."""
        with upstream():
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
        return _read(found)[1]

    async def looked_after(self, gap: TimeRange) -> None:
        """The deadlines that fell into the gap have been moved."""
        with upstream():
            await self._all.update_one(
                {"_id": "service"}, {"$pull": {"gaps": {"start": gap.start, "end": gap.end}}}
            )

    async def set(self, now: datetime) -> None:
        """Alive until ``now``, whatever was before: the clock was moved, and nobody was away."""
        with upstream():
            await self._all.update_one(
                {"_id": "service"}, {"$set": {"at": now, "gaps": []}}, upsert=True
            )


def _read(found: Document | None) -> tuple[datetime | None, list[TimeRange]]:
    found = found or {}
    gaps = [TimeRange(gap["start"], gap["end"]) for gap in found.get("gaps", [])]
    return found.get("at"), gaps
