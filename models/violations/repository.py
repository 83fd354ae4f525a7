"""Violations in the database. One unique index allows one violation for an event, another lets
one violation a day count towards a suspension."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from models.kernel.errors import Unavailable
from models.kernel.ids import ReaderId, ReservationId
from models.storage.encryption import FieldCipher
from models.storage.free_text import FreeTexts
from models.storage.mongo import Database, Document, find_page, insert
from models.storage.mongo_errors import translate_errors
from models.text_checks.repository import check_index, due_check, verdict_in
from models.violations.entities import Appeal, Violation, Waiver
from models.violations.suspension_repository import SuspensionRepository

INDEXES: Final[dict[str, list[IndexModel]]] = {
    "violations": [
        IndexModel(
            [("reader", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)],
            name="reader_violations",
        ),
        # At most one violation counts for a day: the second one lacks this field.
        IndexModel(
            [("counted_on", ASCENDING)],
            name="counted_on",
            unique=True,
            partialFilterExpression={"counted_on": {"$type": "string"}},
        ),
        IndexModel([("at", ASCENDING), ("_id", ASCENDING)], name="at"),
        IndexModel(
            [("appeal.at", ASCENDING), ("_id", ASCENDING)],
            name="open_appeals",
            partialFilterExpression={"appeal.open": True},
        ),
        check_index("appeal."),
    ],
    "suspensions": [
        # A violation is used by one suspension only.
        IndexModel([("uses", ASCENDING)], name="uses", unique=True),
        IndexModel([("reader", ASCENDING)], name="reader"),
    ],
}


class ViolationRepository(SuspensionRepository):
    def __init__(self, db: Database, cipher: FieldCipher) -> None:
        super().__init__(db, cipher)
        self._texts = FreeTexts("violations", cipher)

    async def record(self, violation: Violation) -> Violation:
        """Stores the violation, unless it is stored already, and returns it as stored. Only one
        violation of a reader's day counts towards a suspension, by a unique key."""
        with translate_errors():
            for counted in (True, False):
                judged = replace(violation, counts=counted)
                try:
                    await insert(self._all, document_of(judged))
                    return judged
                except DuplicateKeyError as error:
                    details: Any = error.details or {}
                    if "_id" in details.get("keyValue", {}):
                        break
            document = await self._all.find_one({"_id": violation.id})
        if document is None:
            raise Unavailable()  # it exists, but a majority read does not return it yet
        return self._violation(document)

    async def counting_violations(
        self, reader_id: ReaderId, since: datetime, until: datetime
    ) -> list[Violation]:
        """The reader's violations after ``since`` and up to ``until`` that count towards a
        suspension, oldest first. Waived ones and those that led to a suspension are left out."""
        with translate_errors():
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
        return [self._violation(row) for row in rows if row["_id"] not in spent]

    async def counting_by_reader(
        self, readers: Sequence[ReaderId], since: datetime, before: date
    ) -> dict[ReaderId, list[datetime]]:
        """By reader, the times of violations after ``since`` and on days before ``before`` that
        count towards a suspension. Waived ones and those that led to a suspension are left out."""
        of_readers: Document = {"reader": {"$in": list(readers)}}
        times: dict[ReaderId, list[datetime]] = {}
        with translate_errors():
            used = await self._suspensions.find(of_readers, {"uses": 1}).to_list(None)
            spent = {id for row in used for id in row["uses"]}
            counted = of_readers | {
                "at": {"$gt": since},
                "day": {"$lt": before.isoformat()},
                "counted_on": {"$type": "string"},
                "waived": False,
            }
            async for row in self._all.find(counted, {"reader": 1, "at": 1}):
                if row["_id"] not in spent:
                    times.setdefault(ReaderId(row["reader"]), []).append(row["at"])
        return times

    async def reservations_waived_since(self, start: datetime) -> set[ReservationId]:
        with translate_errors():
            query = {"at": {"$gte": start}, "waived": True}
            rows = await self._all.find(query, {"reservation": 1}).to_list(None)
        return {ReservationId(row["reservation"]) for row in rows}

    async def get(self, id: str) -> Violation | None:
        with translate_errors():
            document = await self._all.find_one({"_id": id})
        return self._violation(document) if document else None

    async def many(self, ids: Collection[str]) -> list[Violation]:
        """The violations with these ids that exist. Raises: Unavailable."""
        with translate_errors():
            rows = await self._all.find({"_id": {"$in": [*ids]}}).to_list(None)
        return [self._violation(row) for row in rows]

    async def appeal(self, id: str, reader_id: ReaderId, appeal: Appeal) -> Violation | None:
        """Stores the appeal and returns the violation. None if the reader has no such violation,
        or it is waived or was appealed against already."""
        text = self._texts.seal("appeal.text", appeal.text)
        stored = {"text": text, "at": appeal.at, "open": True, "check": due_check(appeal.at)}
        with translate_errors():
            document = await self._all.find_one_and_update(
                {"_id": id, "reader": reader_id, "appeal": None, "waived": False},
                {"$set": {"appeal": stored}},
                return_document=ReturnDocument.AFTER,
            )
        return self._violation(document) if document else None

    async def settle_appeal(
        self, id: str, granted: bool, answer: str, at: datetime
    ) -> Violation | None:
        """Answers the violation's appeal and returns the violation; None if no appeal waits."""
        with translate_errors():
            document = await self._all.find_one_and_update(
                {"_id": id, "appeal.open": True},
                {
                    "$set": {
                        "appeal.answer": self._texts.seal("appeal.answer", answer),
                        "appeal.granted": granted,
                        "appeal.settled_at": at,
                        "appeal.open": False,
                    }
                },
                return_document=ReturnDocument.AFTER,
            )
        return self._violation(document) if document else None

    async def appeals(self, skip: int, limit: int) -> tuple[list[Violation], int]:
        """A page of violations with unanswered appeals, the oldest first; and the number of all."""
        query = {"appeal.open": True}
        with translate_errors():
            total = await self._all.count_documents(query)
            rows = (
                await self._all.find(query)
                .sort([("appeal.at", ASCENDING), ("_id", ASCENDING)])
                .skip(skip)
                .limit(limit)
                .to_list(None)
            )
        return [self._violation(row) for row in rows], total

    async def not_waived_between(
        self, start: datetime, end: datetime, limit: int
    ) -> list[Violation]:
        with translate_errors():
            rows = (
                await self._all.find({"at": {"$gte": start, "$lt": end}, "waived": False})
                .sort([("at", ASCENDING), ("_id", ASCENDING)])
                .limit(limit)
                .to_list(None)
            )
        return [self._violation(row) for row in rows]

    async def waive(self, id: str, waiver: Waiver) -> bool:
        """Waives the violation. False if it does not exist or was already waived."""
        with translate_errors():
            result = await self._all.update_one(
                {"_id": id, "waived": False},
                {"$set": {"waived": True, "waiver": self._waiver_document(waiver)}},
            )
        return bool(result.modified_count)

    async def void(self, violation: Violation) -> None:
        """Stores a violation that is waived from the beginning. If the outbox dispatcher has
        already recorded it, nothing changes."""
        with translate_errors(), suppress(DuplicateKeyError):
            waiver = violation.waiver
            waived = {"waiver": self._waiver_document(waiver)} if waiver else {}
            await insert(self._all, document_of(violation) | waived)

    async def page_of(
        self, reader_id: ReaderId, skip: int, limit: int
    ) -> tuple[list[Violation], int]:
        query: Document = {"reader": reader_id}
        rows, total = await find_page(self._all, query, ("at", "_id"), skip, limit)
        return [self._violation(row) for row in rows], total

    def _violation(self, d: Document) -> Violation:
        return Violation(
            id=d["_id"],
            reader_id=ReaderId(d["reader"]),
            reservation_id=ReservationId(d["reservation"]),
            kind=d["kind"],
            at=d["at"],
            day=date.fromisoformat(d["day"]),
            counts="counted_on" in d,
            waived=d["waived"],
            waiver=self._waiver(d.get("waiver")),
            appeal=self._appeal(d.get("appeal")),
        )

    def _waiver_document(self, w: Waiver) -> Document:
        return {"by": w.by, "reason": self._texts.seal("waiver.reason", w.reason), "at": w.at}

    def _waiver(self, d: Document | None) -> Waiver | None:
        if not d:
            return None
        reason = self._texts.open("waiver.reason", d.get("reason"))
        return Waiver(d["by"], reason, d["at"], d.get("lifted"))

    def _appeal(self, d: Document | None) -> Appeal | None:
        if d is None:
            return None
        return Appeal(
            self._texts.open("appeal.text", d.get("text")),
            d["at"],
            d.get("settled_at"),
            self._texts.open("appeal.answer", d.get("answer")),
            d.get("granted"),
            verdict_in(d.get("check")),
        )


def document_of(v: Violation) -> Document:
    """The document of a violation, without its waiver and appeal. ``counted_on`` is the unique
    key that only one violation of a reader's day has; a violation that does not count lacks it."""
    counted_on = {"counted_on": f"{v.reader_id}:{v.day.isoformat()}"} if v.counts else {}
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
