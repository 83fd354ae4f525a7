"""The checks of readers' texts, each stored beside its text: when it is due, then the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING, IndexModel

from models.kernel.ids import ReaderId
from models.storage.encryption import DecryptionError, FieldCipher
from models.storage.free_text import FreeTexts
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors
from models.text_checks.entities import TextVerdict, WaitingText

CHECKED_TEXTS: Final[Mapping[str, str]] = {
    "feedback": "text",
    "fault_reports": "text",
    "violations": "appeal.text",
}
"""What readers write and staff are shown: collection → field. The check stands beside the text."""


def check_index(holder: str = "") -> IndexModel:
    """The index over the texts that wait; ``holder`` is what the check stands in, with its dot."""
    due = f"{holder}check.due"
    return IndexModel(
        [(due, ASCENDING)], name="unchecked", partialFilterExpression={due: {"$exists": True}}
    )


def due_check(at: datetime) -> Document:
    """The check of a text that was written at that time."""
    return {"due": at, "tries": 0}


def verdict_in(check: Document | None) -> TextVerdict:
    """The stored verdict; ``unchecked`` where the text waits, or is older than the checks."""
    return TextVerdict((check or {}).get("verdict", TextVerdict.UNCHECKED))


class TextCheckRepository:
    """Finds the texts that wait, and keeps one verdict on each."""

    def __init__(self, db: Database, cipher: FieldCipher) -> None:
        self._texts = {name: (db[name], FreeTexts(name, cipher)) for name in CHECKED_TEXTS}

    async def waiting(self, now: datetime, limit: int) -> list[WaitingText]:
        """The texts whose check is due, of each collection those that wait longest; at most
        ``limit``. Raises: Unavailable."""
        found: list[WaitingText] = []
        for name, field in CHECKED_TEXTS.items():
            collection, texts = self._texts[name]
            due = f"{_holder(field)}check.due"
            with translate_errors():
                rows = (
                    await collection.find({due: {"$lte": now}})
                    .sort([(due, ASCENDING)])
                    .limit(limit)
                    .to_list(None)
                )
            found += [_waiting(name, field, row, texts) for row in rows]
        return sorted(found, key=lambda text: text.due)[:limit]

    async def due_since(self, now: datetime) -> datetime | None:
        """Since when the text that waits longest is to be checked; None where none is at ``now``.
        Raises: Unavailable."""
        found: list[datetime] = []
        for name, field in CHECKED_TEXTS.items():
            due = f"{_holder(field)}check.due"
            with translate_errors():
                row: Any = await self._texts[name][0].find_one(
                    {due: {"$lte": now}}, {due: 1}, sort=[(due, ASCENDING)]
                )
            for part in due.split(".") if row else ():
                row = row[part]
            found += [row] if row else []
        return min(found, default=None)

    async def keep(self, checked: WaitingText, verdict: TextVerdict, now: datetime) -> bool:
        """Keep the verdict on that very text, once. False where there is one already, or the text
        is another one by now or gone: that one is checked itself. Raises: Unavailable."""
        return await self._write(checked, {"verdict": verdict.value, "at": now})

    async def put_off(self, waiting: WaitingText, due: datetime) -> bool:
        """Check it at that time. False where there is a verdict already. Raises:
        Unavailable."""
        return await self._write(waiting, {"due": due, "tries": waiting.tries + 1})

    async def _write(self, text: WaitingText, check: Document) -> bool:
        field = CHECKED_TEXTS[text.collection]
        name = f"{_holder(field)}check"
        # The sealed text is another one each time that it is written, be it with the same words.
        unjudged: Document = {"_id": text.id, field: text.sealed, f"{name}.due": text.due}
        with translate_errors():
            done = await self._texts[text.collection][0].update_one(
                unjudged, {"$set": {name: check}}
            )
        return done.modified_count == 1


def _holder(field: str) -> str:
    """What the text stands in, with its dot: ``appeal.``."""
    return field[: -len(field.rpartition(".")[2])]


def _waiting(collection: str, field: str, row: Document, texts: FreeTexts) -> WaitingText:
    holder: Any = row[_holder(field)[:-1]] if "." in field else row
    sealed = str(holder["text"])
    try:
        text = texts.open(field, sealed)
    except DecryptionError:
        text = ""  # its key has gone: nobody reads it any more
    return WaitingText(
        collection,
        row["_id"],
        ReaderId(row["reader"]) if row["reader"] else None,
        text,
        sealed,
        holder["at"],
        holder["check"]["due"],
        holder["check"]["tries"],
    )
