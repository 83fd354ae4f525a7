from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pymongo import ASCENDING, DESCENDING, IndexModel, UpdateOne

from models.kernel.ids import ReaderId, ReservationId
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors

INDEXES: Final = {
    "kiosk_scans": [
        IndexModel([("step", ASCENDING)], name="step"),
        IndexModel([("open", ASCENDING), ("at", ASCENDING)], name="open", sparse=True),
        IndexModel(
            [("at", DESCENDING)], name="scored", partialFilterExpression={"score": {"$gt": 0}}
        ),
        IndexModel([("at", ASCENDING)], name="at"),
    ]
}


@dataclass(frozen=True, slots=True)
class KioskScan:
    """A check-in by a kiosk code. `step` identifies the code and the kiosk that showed it.
    `score`: how likely the code was sent elsewhere; 0 if `reasons` has no sign of that."""

    id: ReservationId
    reader_id: ReaderId
    step: str
    at: datetime
    score: int = 0
    reasons: tuple[str, ...] = ()


class KioskScanRepository:
    def __init__(self, db: Database) -> None:
        self._all = db["kiosk_scans"]

    async def add(self, scan: KioskScan) -> None:
        """Stores the check-in, unless a check-in of its reservation is stored already."""
        document: Document = {
            "reader": scan.reader_id,
            "step": scan.step,
            "at": scan.at,
            "open": True,
            "score": 0,
            "reasons": [],
        }
        with translate_errors():
            await self._all.update_one({"_id": scan.id}, {"$setOnInsert": document}, upsert=True)

    async def awaiting_score(self, before: datetime, limit: int) -> list[KioskScan]:
        with translate_errors():
            rows = (
                await self._all.find({"open": True, "at": {"$lte": before}})
                .sort("at", ASCENDING)
                .limit(limit)
                .to_list(None)
            )
        return [_scan(row) for row in rows]

    async def readers_using(self, step: str) -> int:
        """The number of check-ins with one code of a kiosk (``step``)."""
        with translate_errors():
            return await self._all.count_documents({"step": step})

    async def score(self, scored: Sequence[KioskScan]) -> None:
        if not scored:
            return
        with translate_errors():
            await self._all.bulk_write(
                [
                    UpdateOne(
                        {"_id": s.id},
                        {
                            "$set": {"score": s.score, "reasons": list(s.reasons)},
                            "$unset": {"open": ""},
                        },
                    )
                    for s in scored
                ],
                ordered=False,
            )

    async def page_of(self, skip: int, limit: int) -> tuple[list[KioskScan], int]:
        query: Document = {"score": {"$gt": 0}}
        with translate_errors():
            total = await self._all.count_documents(query)
            rows = (
                await self._all.find(query)
                .sort("at", DESCENDING)
                .skip(skip)
                .limit(limit)
                .to_list(None)
            )
        return [_scan(row) for row in rows], total

    async def prune(self, before: datetime) -> None:
        with translate_errors():
            await self._all.delete_many({"at": {"$lt": before}})


def _scan(d: Document) -> KioskScan:
    return KioskScan(
        ReservationId(d["_id"]),
        ReaderId(d["reader"]),
        d["step"],
        d["at"],
        d["score"],
        tuple(d["reasons"]),
    )
