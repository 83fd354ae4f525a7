"""Violations and suspensions: one of each for its cause, kept so by unique indexes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from models.reservation import ReaderId, ReservationId
from models.store.client import Database, Document, page, upstream
from models.violation import Suspension, Violation

INDEXES: Final[dict[str, list[IndexModel]]] = {
    "violations": [
        IndexModel(
            [("reader", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)],
            name="reader_violations",
        ),
        # At most one counts a day: the second of a day is kept without this field.
        IndexModel(
            [("counted_on", ASCENDING)],
            name="counted_on",
            unique=True,
            partialFilterExpression={"counted_on": {"$type": "string"}},
        ),
    ],
    "suspensions": [
        # A violation is used up by one suspension only.
        IndexModel([("uses", ASCENDING)], name="uses", unique=True),
        IndexModel([("reader", ASCENDING)], name="reader"),
    ],
}


class Violations:
    def __init__(self, db: Database) -> None:
        self._all = db["violations"]
        self._suspensions = db["suspensions"]

    async def record(self, violation: Violation) -> Violation:
        """Keep it once; whether it counts is decided by the day's unique key. Idempotent."""
        with upstream():
            for counted in (True, False):
                judged = replace(violation, counted=counted)
                try:
                    await self._all.insert_one(document_of(judged))
                    return judged
                except DuplicateKeyError as error:
                    details: Any = error.details or {}
                    if "_id" in details.get("keyValue", {}):
                        break
            found = await self._all.find_one({"_id": violation.id})
        assert found is not None
        return _violation(found)

    async def unspent(
        self, reader_id: ReaderId, since: datetime, until: datetime
    ) -> list[Violation]:
        """Counted, neither waived nor used by a suspension, in (since, until], the oldest first."""
        with upstream():
            rows = (
                await self._all.find(
                    {
                        "reader": reader_id,
                        "at": {"$gt": since, "$lte": until},
                        "counted_on": {"$type": "string"},
                        "waived": False,
                    }
                )
                .sort("at", ASCENDING)
                .to_list(None)
            )
            used = await self._suspensions.find({"reader": reader_id}, {"uses": 1}).to_list(None)
        spent = {id for row in used for id in row["uses"]}
        return [_violation(row) for row in rows if row["_id"] not in spent]

    async def suspend(self, suspension: Suspension) -> bool:
        """Keep it once. False when it exists, or when a violation it uses is used already."""
        with upstream():
            try:
                await self._suspensions.insert_one(suspension_document(suspension))
            except DuplicateKeyError:
                return False
        return True

    async def suspension(self, id: str) -> Suspension | None:
        with upstream():
            found = await self._suspensions.find_one({"_id": id})
        if found is None:
            return None
        return Suspension(
            found["_id"], found["reader"], found["start"], found["until"], tuple(found["uses"])
        )

    async def page_of(
        self, reader_id: ReaderId, skip: int, limit: int
    ) -> tuple[list[Violation], int]:
        query: Document = {"reader": reader_id}
        rows, total = await page(self._all, query, ("at", "_id"), skip, limit)
        return [_violation(row) for row in rows], total


def document_of(v: Violation) -> Document:
    """``counted_on`` is the day's unique key: only the one that counts has it."""
    counted_on = {"counted_on": f"{v.reader_id}:{v.day.isoformat()}"} if v.counted else {}
    return {
        "_id": v.id,
        "reader": v.reader_id,
        "reservation": v.reservation_id,
        "kind": v.kind,
        "at": v.at,
        "day": v.day.isoformat(),
        **counted_on,
        "waived": v.waived,
    }


def suspension_document(s: Suspension) -> Document:
    return {
        "_id": s.id,
        "reader": s.reader_id,
        "start": s.start,
        "until": s.until,
        "uses": list(s.uses),
    }


def _violation(d: Document) -> Violation:
    return Violation(
        id=d["_id"],
        reader_id=ReaderId(d["reader"]),
        reservation_id=ReservationId(d["reservation"]),
        kind=d["kind"],
        at=d["at"],
        day=date.fromisoformat(d["day"]),
        counted="counted_on" in d,
        waived=d["waived"],
    )
