"""Suspensions: what a reader's violations, or the staff, have brought."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pymongo import DESCENDING

from models.kernel.ids import ReaderId
from models.storage.mongo import Database, Document, new_id
from models.storage.mongo_errors import translate_errors
from models.storage.transactions import ConcurrentUpdate, try_transaction
from models.violations.entities import Suspension


class SuspensionRepository:
    """A reader's suspension is written together with what it rests on, in one transaction."""

    def __init__(self, db: Database) -> None:
        self._all = db["violations"]
        self._suspensions = db["suspensions"]
        self._db = db

    async def end_suspensions_of(self, violation_id: str) -> tuple[Suspension, ...]:
        """End the suspensions that rest on the violation; what else they used up counts again."""
        with translate_errors():
            rows = await self._suspensions.find({"uses": violation_id}).to_list(None)
            for row in rows:
                await self._all.update_one(
                    {"_id": violation_id, "waiver": {"$exists": True}},
                    {"$set": {"waiver.lifted": row["until"]}},
                )
                await self._suspensions.delete_one({"_id": row["_id"]})
        return tuple(_suspension(row) for row in rows)

    async def set_suspension(
        self, reader_id: ReaderId, was: datetime | None, until: datetime | None, now: datetime
    ) -> bool:
        """The reader is suspended until then by somebody's decision; None: not any more. All of it
        or nothing. False where ``was`` is not what stands."""

        async def work(session: Any) -> None:
            found = await self._db["readers"].update_one(
                {"_id": reader_id, "suspended_until": was},
                {"$set": {"suspended_until": until}},
                session=session,
            )
            if not found.matched_count:
                raise ConcurrentUpdate
            at = until or now
            await self._suspensions.update_many(
                {"reader": reader_id, "until": {"$gt": at}},
                {"$set": {"until": at}},
                session=session,
            )
            if until is not None:
                id = new_id()
                decided = Suspension(id, reader_id, now, until, (f"decided:{id}",))
                await self._suspensions.insert_one(suspension_document(decided), session=session)

        return await try_transaction(self._db, work)

    async def suspended_until(self, reader_id: ReaderId) -> datetime | None:
        """The end of the reader's last suspension."""
        with translate_errors():
            found = await self._suspensions.find_one(
                {"reader": reader_id}, {"until": 1}, sort=[("until", DESCENDING)]
            )
        return found["until"] if found else None

    async def suspend(self, suspension: Suspension) -> bool:
        """Keep it once, and bar its reader until then (a longer one stands), both or neither.
        False when it exists, or when a violation it uses is used already."""

        async def work(session: Any) -> None:
            await self._suspensions.insert_one(suspension_document(suspension), session=session)
            await self._db["readers"].update_one(
                {"_id": suspension.reader_id},
                {"$max": {"suspended_until": suspension.until}},
                session=session,
            )

        return await try_transaction(self._db, work)

    async def suspension(self, id: str) -> Suspension | None:
        with translate_errors():
            found = await self._suspensions.find_one({"_id": id})
        return _suspension(found) if found else None


def suspension_document(s: Suspension) -> Document:
    return {
        "_id": s.id,
        "reader": s.reader_id,
        "start": s.start,
        "until": s.until,
        "uses": list(s.violation_ids),
    }


def _suspension(d: Document) -> Suspension:
    return Suspension(d["_id"], ReaderId(d["reader"]), d["start"], d["until"], tuple(d["uses"]))
