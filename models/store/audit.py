"""The audit log. Entries are added, completed once, and never changed or removed afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, IndexModel

from models.audit import Entry, Facts
from models.reservation import ReaderId
from models.store.client import Database, Document, new_id, page, upstream

INDEXES: Final = {
    "audit": [
        IndexModel([("at", DESCENDING), ("_id", DESCENDING)], name="newest"),
        IndexModel([("by", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)], name="by_whom"),
        IndexModel(
            [("target", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)], name="of_what"
        ),
    ]
}

DONE: Final = "done"


@dataclass(frozen=True, slots=True)
class Sought:
    """Which entries: empty fields ask for nothing."""

    by: str = ""
    deed: str = ""
    target: str = ""


class Audit:
    def __init__(self, db: Database) -> None:
        self._all = db["audit"]

    async def begin(
        self,
        at: datetime,
        by: ReaderId,
        role: str,
        deed: str,
        target: str,
        reason: str,
        before: Facts,
    ) -> str:
        """Written before anything is changed: no change is without its entry. The entry's id."""
        entry = new_id()
        document: Document = {"_id": entry, "at": at, "by": by, "role": role, "deed": deed}
        document |= {"target": target, "reason": reason, "before": dict(before), "outcome": ""}
        with upstream():
            await self._all.insert_one(document)
        return entry

    async def end(self, entry: str, outcome: str, after: Facts | None) -> None:
        """How it ended, once."""
        ending = {"outcome": outcome, "after": dict(after) if after is not None else None}
        with upstream():
            await self._all.update_one({"_id": entry, "outcome": ""}, {"$set": ending})

    async def page_of(self, sought: Sought, skip: int, limit: int) -> tuple[list[Entry], int]:
        """The newest first, and how many there are."""
        wanted = {"by": sought.by, "deed": sought.deed, "target": sought.target}
        query: dict[str, Any] = {name: value for name, value in wanted.items() if value}
        rows, total = await page(self._all, query, ("at", "_id"), skip, limit)
        return [_entry(row) for row in rows], total


def _entry(d: Document) -> Entry:
    return Entry(
        id=d["_id"],
        at=d["at"],
        by=ReaderId(d["by"]),
        role=d["role"],
        deed=d["deed"],
        target=d["target"],
        reason=d["reason"],
        before=d["before"],
        after=d.get("after"),
        outcome=d["outcome"],
    )
