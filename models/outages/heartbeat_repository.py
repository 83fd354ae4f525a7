from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from pymongo import IndexModel, ReturnDocument

from models.kernel.time_range import TimeRange
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors

INDEXES: Final[dict[str, list[IndexModel]]] = {}
GAP: Final = timedelta(seconds=5)
"""If there is no heartbeat for longer than this, the service is regarded as having been down."""


class HeartbeatRepository:
    """The last heartbeat that any worker has recorded, and the gaps between heartbeats whose
    deadlines have not been extended yet."""

    def __init__(self, db: Database) -> None:
        self._all = db["heartbeat"]
        self._last: datetime | None = None

    def beaten_within(self, length: timedelta, now: datetime) -> datetime | None:
        """This process's last heartbeat; None if ``length`` old, or if gaps were left after it."""
        last = self._last
        return last if last is not None and timedelta() <= now - last < length else None

    async def state(self) -> tuple[datetime | None, list[TimeRange]]:
        """Any worker's last heartbeat (or None), and gaps whose deadlines are not extended yet."""
        with translate_errors():
            document = await self._all.find_one({"_id": "service"})
        return _read(document)

    async def beat(self, now: datetime) -> list[TimeRange]:
        """Records a heartbeat and, in the same update, the gap that it may end. Returns all gaps
        whose deadlines have not been extended yet."""
        self._last = None
        with translate_errors():
            # A write confirmed by a majority comes first: a primary that has lost its majority
            # still accepts writes, but the service is down then.
            await self._all.update_one({"_id": "probe"}, {"$set": {"at": now}}, upsert=True)
            gap: Document = {
                "$and": [{"$eq": [{"$type": "$at"}, "date"]}, {"$lt": ["$at", now - GAP]}]
            }
            noted: Document = {"$cond": [gap, [{"start": "$at", "end": now}], []]}
            gaps: Document = {"$concatArrays": [{"$ifNull": ["$gaps", []]}, noted]}
            document = await self._all.find_one_and_update(
                {"_id": "service"},
                [{"$set": {"gaps": gaps}}, {"$set": {"at": {"$max": ["$at", now]}}}],
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        left = _read(document)[1]
        if not left:
            self._last = now
        return left

    async def remove_gap(self, gap: TimeRange) -> None:
        """Removes a gap, after its deadlines have been extended."""
        with translate_errors():
            await self._all.update_one(
                {"_id": "service"}, {"$pull": {"gaps": {"start": gap.start, "end": gap.end}}}
            )

    async def set(self, now: datetime) -> None:
        """Sets the last heartbeat to ``now`` and drops all gaps, as the sandbox's clock moved."""
        self._last = None
        with translate_errors():
            await self._all.update_one(
                {"_id": "service"}, {"$set": {"at": now, "gaps": []}}, upsert=True
            )


def _read(document: Document | None) -> tuple[datetime | None, list[TimeRange]]:
    document = document or {}
    gaps = [TimeRange(gap["start"], gap["end"]) for gap in document.get("gaps", [])]
    return document.get("at"), gaps
