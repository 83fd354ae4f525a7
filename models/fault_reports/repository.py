"""Fault reports. One unique index permits one open report for each reader, seat and kind;
another limits the number of a reader's reports in a day."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Final

from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from models.fault_reports.entities import (
    MAX_FAULT_REPORTS_PER_DAY,
    FaultKind,
    FaultReport,
    FaultState,
)
from models.kernel.ids import ReaderId
from models.library.entities import SeatId
from models.storage.encryption import FieldCipher
from models.storage.free_text import FreeTexts
from models.storage.mongo import Database, Document, delete_oldest, find_page, new_id
from models.storage.mongo_errors import translate_errors
from models.text_checks.repository import check_index, due_check, verdict_in

INDEXES: Final = {
    "fault_reports": [
        IndexModel([("slot", ASCENDING)], name="one_of_the_day", unique=True),
        IndexModel(
            [("open_key", ASCENDING)],
            name="open_once",
            unique=True,
            partialFilterExpression={"open_key": {"$type": "string"}},
        ),
        IndexModel([("state", ASCENDING), ("at", ASCENDING), ("_id", ASCENDING)], name="by_state"),
        IndexModel(
            [("reader", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)], name="of_reader"
        ),
        check_index(),
    ]
}
_ON_PLANS: Final = 1000


class FaultReportRepository:
    def __init__(self, db: Database, cipher: FieldCipher) -> None:
        self._all = db["fault_reports"]
        self._texts = FreeTexts("fault_reports", cipher)

    async def add(
        self,
        reader_id: ReaderId,
        seat_id: SeatId,
        kind: FaultKind,
        text: str,
        day: date,
        at: datetime,
    ) -> FaultReport | None:
        """Stores a report and returns it. If the reader has an open report of this seat and
        kind, returns that one. None if the reader has reached the daily limit of reports."""
        open_key = f"{reader_id}:{seat_id}:{kind.value}"
        document: Document = {
            "reader": reader_id,
            "seat": seat_id,
            "kind": kind.value,
            "text": self._texts.seal("text", text),
            "at": at,
            "state": FaultState.OPEN.value,
            "answer": "",
            "closed_at": None,
            "open_key": open_key,
        }
        if text:
            document["check"] = due_check(at)
        with translate_errors():
            for n in range(1, MAX_FAULT_REPORTS_PER_DAY + 1):
                slot = f"{reader_id}:{day.isoformat()}:{n}"
                try:
                    await self._all.insert_one({**document, "_id": new_id(), "slot": slot})
                except DuplicateKeyError as error:
                    if "open_key" in (error.details or {}).get("keyPattern", {}):
                        break
                    continue
                break
            report = await self._all.find_one({"open_key": open_key})
        return self._report(report) if report else None

    async def get(self, id: str) -> FaultReport | None:
        with translate_errors():
            report = await self._all.find_one({"_id": id})
        return self._report(report) if report else None

    async def page_of(
        self,
        state: FaultState | None,
        skip: int,
        limit: int,
        seats: Collection[SeatId] | None = None,
    ) -> tuple[list[FaultReport], int]:
        query: Document = {} if seats is None else {"seat": {"$in": list(seats)}}
        if state is FaultState.OPEN:
            query["state"] = state.value
            with translate_errors():
                total = await self._all.count_documents(query)
                rows = (
                    await self._all.find(query)
                    .sort([("at", ASCENDING), ("_id", ASCENDING)])
                    .skip(skip)
                    .limit(limit)
                    .to_list(None)
                )
        else:
            query["state"] = {"$in": [FaultState.REPAIRED, FaultState.REJECTED]}
            rows, total = await find_page(self._all, query, ("at", "_id"), skip, limit)
        return [self._report(row) for row in rows], total

    async def open_of_seats(self) -> Mapping[SeatId, int]:
        with translate_errors():
            rows = (
                await self._all.find({"state": FaultState.OPEN.value}, {"seat": 1})
                .limit(_ON_PLANS)
                .to_list(None)
            )
        counts: dict[SeatId, int] = {}
        for row in rows:
            counts[SeatId(row["seat"])] = counts.get(SeatId(row["seat"]), 0) + 1
        return counts

    async def open_of(self, reader_id: ReaderId) -> list[FaultReport]:
        with translate_errors():
            rows = (
                await self._all.find({"reader": reader_id, "state": FaultState.OPEN.value})
                .sort([("at", DESCENDING), ("_id", DESCENDING)])
                .limit(20)
                .to_list(None)
            )
        return [self._report(row) for row in rows]

    async def close(
        self, id: str, state: FaultState, answer: str, at: datetime
    ) -> FaultReport | None:
        """Closes the report, unless it was closed before; returns the stored report. None if it
        does not exist."""
        change: Document = {
            "$set": {
                "state": state.value,
                "answer": self._texts.seal("answer", answer),
                "closed_at": at,
            },
            "$unset": {"open_key": ""},
        }
        with translate_errors():
            report = await self._all.find_one_and_update(
                {"_id": id, "state": FaultState.OPEN.value},
                change,
                return_document=ReturnDocument.AFTER,
            )
            report = report or await self._all.find_one({"_id": id})
        return self._report(report) if report else None

    async def prune(self, before: datetime, limit: int) -> int:
        """Deletes up to ``limit`` closed reports older than ``before``; returns their number."""
        query: Document = {
            "state": {"$in": [FaultState.REPAIRED, FaultState.REJECTED]},
            "at": {"$lt": before},
        }
        return await delete_oldest(self._all, query, ("at", "_id"), limit)

    def _report(self, d: Document) -> FaultReport:
        return FaultReport(
            d["_id"],
            ReaderId(d["reader"]),
            SeatId(d["seat"]),
            FaultKind(d["kind"]),
            self._texts.open("text", d.get("text")),
            d["at"],
            FaultState(d["state"]),
            self._texts.open("answer", d.get("answer")),
            d["closed_at"],
            verdict_in(d.get("check")),
        )
