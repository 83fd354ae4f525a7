"""The checks of readers' texts, each stored beside its text: first a due time, then the verdict."""

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
    "reservations": "purpose",
    "violations": "appeal.text",
}
"""The texts that readers write and staff read: the field with the text, by collection. Among the
reservations, bookings of rooms have one."""


def check_index(holder: str = "") -> IndexModel:
    """The index of due checks for a collection. ``holder``: the path of the sub-document that
    holds the check, with a trailing dot; empty at the top level."""
    due = f"{holder}check.due"
    return IndexModel(
        [(due, ASCENDING)], name="unchecked", partialFilterExpression={due: {"$exists": True}}
    )


def due_check(at: datetime) -> Document:
    """The check of a new text: due immediately."""
    return {"due": at, "tries": 0}


def check_field(collection: str) -> str:
    """The path of the time at which the check of one of ``CHECKED_TEXTS`` becomes due."""
    return f"{_holder(CHECKED_TEXTS[collection])}check.due"


def verdict_in(check: Document | None) -> TextVerdict:
    """The verdict stored in the check. ``UNCHECKED`` if there is none yet, or if the text has no
    check (None) because it is older than text checks."""
    return TextVerdict((check or {}).get("verdict", TextVerdict.UNCHECKED))


class TextCheckRepository:
    def __init__(self, db: Database, cipher: FieldCipher) -> None:
        self._texts = {name: (db[name], FreeTexts(name, cipher)) for name in CHECKED_TEXTS}

    async def waiting(self, now: datetime, limit: int) -> list[WaitingText]:
        """At most ``limit`` texts with a due check, longest waiting first. Raises: Unavailable."""
        texts_due: list[WaitingText] = []
        for name, field in CHECKED_TEXTS.items():
            collection, texts = self._texts[name]
            due = check_field(name)
            with translate_errors():
                rows = (
                    await collection.find({due: {"$lte": now}})
                    .sort([(due, ASCENDING)])
                    .limit(limit)
                    .to_list(None)
                )
            texts_due += [_waiting(name, field, row, texts) for row in rows]
        return sorted(texts_due, key=lambda text: text.due)[:limit]

    async def due_since(self, now: datetime) -> datetime | None:
        """When the longest waiting check became due; None if none is due. Raises: Unavailable."""
        due_times: list[datetime] = []
        for name in CHECKED_TEXTS:
            due = check_field(name)
            with translate_errors():
                row: Any = await self._texts[name][0].find_one(
                    {due: {"$lte": now}}, {due: 1}, sort=[(due, ASCENDING)]
                )
            for part in due.split(".") if row else ():
                row = row[part]
            due_times += [row] if row else []
        return min(due_times, default=None)

    async def keep(self, checked: WaitingText, verdict: TextVerdict, now: datetime) -> bool:
        """Stores the verdict. False if the text has one already, or was changed or deleted since
        it was read; a changed text has a new check. Raises: Unavailable."""
        return await self._write(checked, {"verdict": verdict.value, "at": now})

    async def put_off(self, waiting: WaitingText, due: datetime) -> bool:
        """Postpones the check to ``due``. False if a verdict is stored. Raises: Unavailable."""
        return await self._write(waiting, {"due": due, "tries": waiting.tries + 1})

    async def _write(self, text: WaitingText, check: Document) -> bool:
        field = CHECKED_TEXTS[text.collection]
        name = f"{_holder(field)}check"
        # Sealing the same text again gives another ciphertext, so a rewritten text does not match.
        unjudged: Document = {"_id": text.id, field: text.sealed, f"{name}.due": text.due}
        with translate_errors():
            done = await self._texts[text.collection][0].update_one(
                unjudged, {"$set": {name: check}}
            )
        return done.modified_count == 1


def _holder(field: str) -> str:
    """The path of the text's sub-document, with a final dot (``appeal.``); empty at top level."""
    return field[: -len(field.rpartition(".")[2])]


def _waiting(collection: str, field: str, row: Document, texts: FreeTexts) -> WaitingText:
    holder: Any = row[_holder(field)[:-1]] if "." in field else row
    sealed = str(holder[field.rpartition(".")[2]])
    if collection == "reservations":  # of a booking of a room the last change counts
        reader, at = row["people"][0], row["history"][-1]["at"]
    else:
        reader, at = row["reader"], holder["at"]
    try:
        text = texts.open(field, sealed)
    except DecryptionError:
        text = ""  # its encryption key was removed: the text is unreadable
    return WaitingText(
        collection,
        row["_id"],
        ReaderId(reader) if reader else None,
        text,
        sealed,
        at,
        holder["check"]["due"],
        holder["check"]["tries"],
    )
