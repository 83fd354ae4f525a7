from __future__ import annotations

from datetime import datetime
from typing import Any

from pymongo import DESCENDING

from models.kernel.ids import ReaderId
from models.readers.entities import FOREVER, SuspensionReason
from models.readers.mapping import SuspensionReasonMapping, reader_reasons
from models.storage.encryption import FieldCipher
from models.storage.event_outbox import StoredEvent, put_event
from models.storage.mongo import Database, Document, new_id
from models.storage.mongo_errors import translate_errors
from models.storage.transactions import ConcurrentUpdate, try_transaction
from models.violations.entities import Suspension


class SuspensionRepository:
    """Stores each suspension in one transaction with its end in the reader's document."""

    def __init__(self, db: Database, cipher: FieldCipher) -> None:
        self._all = db["violations"]
        self._suspensions = db["suspensions"]
        self._db = db
        self._cipher = cipher

    async def end_suspensions_of(self, violation_id: str, at: datetime) -> tuple[Suspension, ...]:
        """Ends the suspensions that the violation has led to, and returns them. The other
        violations that led to them count again."""
        with translate_errors():
            rows = await self._suspensions.find({"uses": violation_id}).to_list(None)
            for row in rows:
                await self._all.update_one(
                    {"_id": violation_id, "waiver": {"$exists": True}},
                    {"$set": {"waiver.lifted": row["until"]}},
                )
                # The event comes first: after an interruption it is written again, as the same
                # event.
                if at < row["until"]:
                    await put_event(self._db, _lifted(row, at, at))
                await self._suspensions.delete_one({"_id": row["_id"]})
        return tuple(self._suspension(row) for row in rows)

    async def set_suspension(
        self,
        reader_id: ReaderId,
        was: datetime | None,
        until: datetime | None,
        words: str,
        now: datetime,
    ) -> bool:
        """Suspends the reader until ``until``, or with None ends the suspension, in one
        transaction. ``words``: the staff's explanation. False, without a change, if ``was`` is
        not the end of the present suspension."""
        reason = SuspensionReason(words=words) if until is not None else None
        suspended_for = reader_reasons(self._cipher).document(reason)

        async def work(session: Any) -> None:
            updated = await self._db["readers"].update_one(
                {"_id": reader_id, "suspended_until": was},
                {"$set": {"suspended_until": until, "suspended_for": suspended_for}},
                session=session,
            )
            if not updated.matched_count:
                raise ConcurrentUpdate
            at = until or now
            longer: Document = {"reader": reader_id, "until": {"$gt": at}}
            async for row in self._suspensions.find(longer, session=session):
                await put_event(self._db, _lifted(row, at, now), session)
            await self._suspensions.update_many(longer, {"$set": {"until": at}}, session=session)
            if until is not None:
                id = new_id()
                decided = Suspension(id, reader_id, now, until, (f"decided:{id}",), reason)
                document = suspension_document(decided, self._cipher)
                await self._suspensions.insert_one(document, session=session)
                await put_event(self._db, _created(decided), session)

        return await try_transaction(self._db, work)

    async def last_suspension(self, reader_id: ReaderId) -> Suspension | None:
        """The reader's suspension that ends last, the newest with that end; None without any."""
        with translate_errors():
            document = await self._suspensions.find_one(
                {"reader": reader_id}, sort=[("until", DESCENDING), ("start", DESCENDING)]
            )
        return self._suspension(document) if document else None

    async def suspend(self, suspension: Suspension) -> bool:
        """Stores the suspension. The end in the reader's document is changed only if it is
        earlier than this suspension's. False if the suspension is stored already, or one of its
        violations has led to another suspension."""

        until = suspension.until
        suspended_for = reader_reasons(self._cipher).document(suspension.reason)

        async def work(session: Any) -> None:
            document = suspension_document(suspension, self._cipher)
            await self._suspensions.insert_one(document, session=session)
            shorter = [{"suspended_until": None}, {"suspended_until": {"$lt": until}}]
            await self._db["readers"].update_one(
                {"_id": suspension.reader_id, "$or": shorter},
                {"$set": {"suspended_until": until, "suspended_for": suspended_for}},
                session=session,
            )
            await put_event(self._db, _created(suspension), session)

        return await try_transaction(self._db, work)

    async def suspension(self, id: str) -> Suspension | None:
        with translate_errors():
            document = await self._suspensions.find_one({"_id": id})
        return self._suspension(document) if document else None

    def _suspension(self, d: Document) -> Suspension:
        reason = _reasons(self._cipher).read(d.get("reason"))
        uses = tuple(d["uses"])
        return Suspension(d["_id"], ReaderId(d["reader"]), d["start"], d["until"], uses, reason)


def suspension_document(s: Suspension, cipher: FieldCipher) -> Document:
    return {
        "_id": s.id,
        "reader": s.reader_id,
        "start": s.start,
        "until": s.until,
        "uses": list(s.violation_ids),
        "reason": _reasons(cipher).document(s.reason),
    }


def _created(s: Suspension) -> StoredEvent:
    facts = {"id": s.id, "since": s.start, "until": None if s.until == FOREVER else s.until}
    return StoredEvent(f"{s.id}:created", "suspension.created", s.start, s.id, s.reader_id, facts)


def _lifted(row: Document, until: datetime, now: datetime) -> StoredEvent:
    """The outbox event that a suspension now ends earlier, at ``until``."""
    id, reader = row["_id"], ReaderId(row["reader"])
    facts = {"id": id, "since": row["start"], "until": until}
    name = f"{id}:lifted:{int(row['until'].timestamp())}"
    return StoredEvent(name, "suspension.lifted", now, id, reader, facts)


def _reasons(cipher: FieldCipher) -> SuspensionReasonMapping:
    return SuspensionReasonMapping("suspensions", "reason", cipher)
