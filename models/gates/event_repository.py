from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pymongo import ASCENDING, DESCENDING, IndexModel, UpdateOne

from models.gates.entities import Direction, GateEvent, GateId, PresenceEffect
from models.kernel.ids import ReaderId, ReservationId
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database, Document, find_page, insert_new
from models.storage.mongo_errors import translate_errors

INDEXES: Final = {
    "gate_events": [
        IndexModel(
            [("reader", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)], name="reader_passages"
        ),
        IndexModel([("told_at", ASCENDING)], name="open", partialFilterExpression={"open": True}),
        IndexModel([("at", ASCENDING)], name="at"),
    ]
}


@dataclass(frozen=True, slots=True)
class Judged:
    """The effect of a passage, with the id of the reservation that it changed, if any."""

    passage: GateEvent
    effect: PresenceEffect
    reservation_id: ReservationId | None


class GateEventRepository:
    def __init__(self, db: Database, sealer: FieldCipher) -> None:
        self._all = db["gate_events"]
        self._sealer = sealer

    async def add(
        self, passages: Sequence[tuple[GateEvent, str]], now: datetime
    ) -> tuple[list[GateEvent], int]:
        """Stores passages, each with the number on the card. Returns the new ones, and how many
        were stored before. A passage of a known reader is open until its effect is stored."""
        documents = [self._document(p, number, now) for p, number in passages]
        if not documents:
            return [], 0
        fresh = await insert_new(self._all, documents)
        new = [p for (p, _), is_new in zip(passages, fresh, strict=True) if is_new]
        return new, len(documents) - len(new)

    def _document(self, p: GateEvent, number: str, now: datetime) -> Document:
        document: Document = {
            "_id": p.id,
            "gate": p.gate_id,
            "reader": p.reader_id,
            "direction": p.direction.value,
            "method": p.method,
            "at": p.at,
            "told_at": now,
            "late": p.late,
            "effect": p.effect.value,
            "reservation": None,
        }
        if p.reader_id is None:
            # No reader has this number (yet): it is stored as a hash.
            return document | {"who": self._sealer.hashes(number, "student_no")[0]}
        return document | {"open": True}

    async def of_day(self, reader_id: ReaderId, start: datetime, end: datetime) -> list[GateEvent]:
        """The reader's passages from ``start`` to before ``end``, earliest first."""
        with translate_errors():
            rows = (
                await self._all.find({"reader": reader_id, "at": {"$gte": start, "$lt": end}})
                .sort([("at", ASCENDING), ("_id", ASCENDING)])
                .to_list(None)
            )
        return [_passage(row) for row in rows]

    async def passed_since(self, readers: Sequence[ReaderId], since: datetime) -> list[ReaderId]:
        """The readers among ``readers`` who have passed a gate at or after ``since``."""
        if not readers:
            return []
        with translate_errors():
            reader_ids = await self._all.distinct(
                "reader", {"reader": {"$in": list(readers)}, "at": {"$gte": since}}
            )
        return [ReaderId(reader) for reader in reader_ids]

    async def settle(self, judged: Sequence[Judged]) -> None:
        """Stores the passages' effects and marks them as processed. A repeat has no effect."""
        if not judged:
            return
        with translate_errors():
            await self._all.bulk_write(
                [
                    UpdateOne(
                        {"_id": j.passage.id},
                        {
                            "$set": {"effect": j.effect.value, "reservation": j.reservation_id},
                            "$unset": {"open": ""},
                        },
                    )
                    for j in judged
                ],
                ordered=False,
            )

    async def left_open(self, reported_before: datetime, limit: int) -> list[GateEvent]:
        """Passages that are still open although they were reported before ``reported_before``:
        the worker that should have applied them has died."""
        with translate_errors():
            rows = (
                await self._all.find({"open": True, "told_at": {"$lte": reported_before}})
                .hint("open")
                .limit(limit)
                .to_list(None)
            )
        return [_passage(row) for row in rows]

    async def page_of(
        self, reader_id: ReaderId, skip: int, limit: int
    ) -> tuple[list[GateEvent], int]:
        rows, total = await find_page(self._all, {"reader": reader_id}, ("at", "_id"), skip, limit)
        return [_passage(row) for row in rows], total

    async def prune(self, before: datetime) -> int:
        """Deletes passages (personal data) before ``before``; returns their number."""
        with translate_errors():
            result = await self._all.delete_many({"at": {"$lt": before}})
        return result.deleted_count


def _passage(d: Document) -> GateEvent:
    return GateEvent(
        id=d["_id"],
        gate_id=GateId(d["gate"]),
        reader_id=ReaderId(d["reader"]) if d["reader"] else None,
        direction=Direction(d["direction"]),
        method=d["method"],
        at=d["at"],
        late=d["late"],
        effect=PresenceEffect(d["effect"]),
        reservation_id=ReservationId(d["reservation"]) if d["reservation"] else None,
        processed="open" not in d,
    )
