"""Gates with their keys and what they last said, and every passage that they told of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pymongo import ASCENDING, DESCENDING, IndexModel, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from models.gate import Direction, Effect, Gate, GateId, Passage
from models.library import VenueId
from models.reservation import ReaderId, ReservationId
from models.store.client import Database, Document, each_error, insert, page, upstream
from models.store.sealing import Sealer

INDEXES: Final = {
    "passages": [
        IndexModel(
            [("reader", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)], name="reader_passages"
        ),
        IndexModel([("told_at", ASCENDING)], name="open", partialFilterExpression={"open": True}),
        IndexModel([("at", ASCENDING)], name="at"),
    ]
}


@dataclass(frozen=True, slots=True)
class Judged:
    """What a passage did, and to which reservation."""

    passage: Passage
    effect: Effect
    reservation_id: ReservationId | None


class Gates:
    def __init__(self, db: Database, sealer: Sealer) -> None:
        self._all = db["gates"]
        self._sealer = sealer

    async def put(self, gates: Sequence[Gate]) -> None:
        """Write them over what is there; keys and what was heard of them stay."""
        with upstream():
            for gate in gates:
                await self._all.update_one(
                    {"_id": gate.id},
                    {"$set": {"venue": gate.venue_id, "name": gate.name}},
                    upsert=True,
                )

    async def add(self, gate: Gate) -> bool:
        """False where there is one of that id. It has no key yet."""
        with upstream():
            try:
                await insert(self._all, {"_id": gate.id, "venue": gate.venue_id, "name": gate.name})
            except DuplicateKeyError:
                return False
        return True

    async def all(self) -> list[Gate]:
        with upstream():
            rows = await self._all.find({}, {"key": 0}).sort("_id").to_list(None)
        return [_gate(row) for row in rows]

    async def issue_key(self, id: GateId, key: str) -> None:
        """The gate signs with it, so it is kept sealed."""
        with upstream():
            await self._all.update_one(
                {"_id": id}, {"$set": {"key": self._sealer.seal(key, "gate")}}
            )

    async def key(self, id: str) -> str | None:
        with upstream():
            found = await self._all.find_one({"_id": id}, {"key": 1})
        sealed = found.get("key") if found else None
        return self._sealer.open(sealed, "gate") if sealed else None

    async def heard(
        self, id: str, now: datetime, told: datetime | None, clock_off: timedelta
    ) -> None:
        """A batch has come. What the gate has told never goes back."""
        change: Document = {
            "$set": {"seen_at": now, "clock_off_s": clock_off.total_seconds()},
        }
        if told is not None:
            change["$max"] = {"told_until": told}
        with upstream():
            await self._all.update_one({"_id": id}, change)

    async def reseal(self) -> int:
        """As Readers.reseal, for the gates' keys."""
        current = f"{self._sealer.current}:"
        with upstream():
            rows = await self._all.find({"key": {"$type": "string"}}).to_list(None)
            stale = [row for row in rows if not row["key"].startswith(current)]
            for row in stale:
                key = self._sealer.open(row["key"], "gate")
                await self._all.update_one(
                    {"_id": row["_id"], "key": row["key"]},
                    {"$set": {"key": self._sealer.seal(key, "gate")}},
                )
        return len(stale)


class Passages:
    def __init__(self, db: Database, sealer: Sealer) -> None:
        self._all = db["passages"]
        self._sealer = sealer

    async def add(
        self, passages: Sequence[tuple[Passage, str]], now: datetime
    ) -> tuple[list[Passage], int]:
        """Keep each passage with the student number that its gate read. (the new ones, how many
        were known). Those of readers are open until their effect is written.
        """
        documents = [self._document(p, number, now) for p, number in passages]
        if not documents:
            return [], 0
        new = [p for p, _ in passages]
        with upstream():
            try:
                await self._all.insert_many(documents, ordered=False)
            except BulkWriteError as error:
                errors = each_error(error, len(documents))
                if not all(e is None or isinstance(e, DuplicateKeyError) for e in errors):
                    raise
                new = [p for p, e in zip(new, errors, strict=True) if e is None]
        return new, len(documents) - len(new)

    def _document(self, p: Passage, number: str, now: datetime) -> Document:
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
            # Kept aside: somebody who has never signed in here.
            return document | {"who": self._sealer.hashes(number, "student_no")[0]}
        return document | {"open": True}

    async def of_day(self, reader_id: ReaderId, start: datetime, end: datetime) -> list[Passage]:
        """The reader's passages in [start, end), the earliest first."""
        with upstream():
            rows = (
                await self._all.find({"reader": reader_id, "at": {"$gte": start, "$lt": end}})
                .sort([("at", ASCENDING), ("_id", ASCENDING)])
                .to_list(None)
            )
        return [_passage(row) for row in rows]

    async def seen(self, readers: Sequence[ReaderId], since: datetime) -> list[ReaderId]:
        """Those of the readers who have passed a gate since then."""
        if not readers:
            return []
        with upstream():
            found = await self._all.distinct(
                "reader", {"reader": {"$in": list(readers)}, "at": {"$gte": since}}
            )
        return [ReaderId(reader) for reader in found]

    async def settle(self, judged: Sequence[Judged]) -> None:
        """Write what they did. May be repeated."""
        if not judged:
            return
        with upstream():
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

    async def left_open(self, told_before: datetime, limit: int) -> list[Passage]:
        """Passages whose effect was cut off: told before then, and still open."""
        with upstream():
            rows = (
                await self._all.find({"open": True, "told_at": {"$lte": told_before}})
                .hint("open")
                .limit(limit)
                .to_list(None)
            )
        return [_passage(row) for row in rows]

    async def page_of(
        self, reader_id: ReaderId, skip: int, limit: int
    ) -> tuple[list[Passage], int]:
        """The reader's, the newest first, and how many there are."""
        rows, total = await page(self._all, {"reader": reader_id}, ("at", "_id"), skip, limit)
        return [_passage(row) for row in rows], total

    async def prune(self, before: datetime) -> int:
        """Where people went is not kept for ever."""
        with upstream():
            result = await self._all.delete_many({"at": {"$lt": before}})
        return result.deleted_count


def _gate(d: Document) -> Gate:
    return Gate(
        GateId(d["_id"]),
        VenueId(d["venue"]),
        d["name"],
        d.get("seen_at"),
        d.get("told_until"),
        timedelta(seconds=d.get("clock_off_s", 0)),
    )


def _passage(d: Document) -> Passage:
    return Passage(
        id=d["_id"],
        gate_id=GateId(d["gate"]),
        reader_id=ReaderId(d["reader"]) if d["reader"] else None,
        direction=Direction(d["direction"]),
        method=d["method"],
        at=d["at"],
        late=d["late"],
        effect=Effect(d["effect"]),
        reservation_id=ReservationId(d["reservation"]) if d["reservation"] else None,
        settled="open" not in d,
    )
