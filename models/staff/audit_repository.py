from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Final

from pymongo import ASCENDING, DESCENDING, IndexModel

from languages.text import Text, document_of, text_of
from models.kernel.ids import ReaderId
from models.staff.audit import AuditAction, AuditEntry, AuditQuery, JsonObject
from models.storage.encryption import FieldCipher
from models.storage.free_text import FreeTexts
from models.storage.mongo import Database, Document, delete_oldest, find_page, new_id
from models.storage.mongo_errors import translate_errors

INDEXES: Final = {
    "audit": [
        IndexModel([("at", DESCENDING), ("_id", DESCENDING)], name="newest"),
        IndexModel(
            [("actor_id", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)], name="by_whom"
        ),
        IndexModel(
            [("reader", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)], name="of_whom"
        ),
        IndexModel(
            [("target", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)], name="of_what"
        ),
        IndexModel([("kind", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)], name="of_kind"),
    ]
}
_LARGE: Final = ("before.plan.seats", "before.plan.marks")
"""Large fields of an entry that are not read for lists of entries."""


class AuditLogRepository:
    def __init__(self, db: Database, cipher: FieldCipher) -> None:
        self._all = db["audit"]
        self._texts = FreeTexts("audit", cipher)

    async def begin(self, begun: AuditEntry) -> str:
        """Stores the entry of an operation that is about to begin; returns the entry's new id."""
        document: Document = {
            **asdict(begun),
            "action": begun.action.value,
            "kind": begun.kind.value,
            "_id": new_id(),
            "reason": self._texts.seal("reason", begun.reason),
            "before": dict(begun.before),
        }
        del document["id"]
        if begun.after is None:
            del document["after"]
        with translate_errors():
            await self._all.insert_one(document)
        return str(document["_id"])

    async def end(self, entry: str, outcome: str, after: JsonObject | None) -> None:
        """Stores the outcome of the operation, unless it has one already. Texts in ``after`` are
        stored in Chinese, and in ``texts`` with the facts from which other languages say them."""
        ending: Document = {"outcome": outcome, "after": None}
        if after is not None:
            texts = {name: value for name, value in after.items() if isinstance(value, Text)}
            ending["after"] = {**after, **{name: str(text) for name, text in texts.items()}}
            ending |= {f"texts.{name}": document_of(text) for name, text in texts.items()}
        with translate_errors():
            await self._all.update_one({"_id": entry, "outcome": ""}, {"$set": ending})

    async def prune(self, before: datetime, limit: int) -> int:
        """Deletes up to ``limit`` entries before ``before``, oldest first; returns their number."""
        return await delete_oldest(self._all, {"at": {"$lt": before}}, ("at", "_id"), limit)

    async def get(self, id: str) -> AuditEntry | None:
        with translate_errors():
            document = await self._all.find_one({"_id": id})
        return self._entry(document) if document else None

    async def page_of(
        self, criteria: AuditQuery, skip: int, limit: int, exclude: str = ""
    ) -> tuple[list[AuditEntry], int]:
        """A page of the audit entries that match, newest first, and their total number. Entries
        of the action ``exclude`` are left out."""
        query: Document = {name: value for name, value in asdict(criteria).items() if value}
        if exclude:
            query["$and"] = [{"action": {"$ne": exclude}}]
        rows, total = await find_page(self._all, query, ("at", "_id"), skip, limit, _LARGE)
        return [self._entry(row) for row in rows], total

    def _entry(self, d: Document) -> AuditEntry:
        after = d.get("after")
        if after is not None:
            texts = d.get("texts", {}).items()
            after = {**after, **{name: text_of(after[name], facts) for name, facts in texts}}
        return AuditEntry(
            id=d["_id"],
            at=d["at"],
            actor_id=ReaderId(d["actor_id"]),
            role=d["role"],
            action=AuditAction(d["action"]),
            target=d["target"],
            reader=ReaderId(d["reader"]) if d["reader"] else None,
            reason=self._texts.open("reason", d.get("reason")),
            before=d["before"],
            after=after,
            outcome=d["outcome"],
        )
