"""The outbox for events of changes to several documents, or to documents without a field for
events. An event is stored in the transaction of its change and removed by the outbox dispatcher."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING, IndexModel, UpdateOne

from models.kernel.ids import ReaderId
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors

_COLLECTION: Final = "outbox_events"
INDEXES: Final = {_COLLECTION: [IndexModel([("at", ASCENDING), ("_id", ASCENDING)], name="at")]}


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event that happened to ``subject``. If an event with this ``id`` is already stored, it
    is not stored again. ``facts`` hold values that MongoDB can store."""

    id: str
    kind: str
    at: datetime
    subject: str
    reader_id: ReaderId | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


async def put_event(db: Database, event: StoredEvent, session: Any = None) -> None:
    """Stores the event until its dispatch, unless its id exists already. Raises: PyMongoError."""
    await db[_COLLECTION].update_one(
        {"_id": event.id}, _stored(event), upsert=True, session=session
    )


async def put_events(db: Database, events: Collection[StoredEvent], session: Any) -> None:
    """Stores several events, as ``put_event`` does. Raises: PyMongoError."""
    if events:
        inserts = [UpdateOne({"_id": e.id}, _stored(e), upsert=True) for e in events]
        await db[_COLLECTION].bulk_write(inserts, ordered=False, session=session)


def _stored(event: StoredEvent) -> Document:
    document: Document = {
        "kind": event.kind,
        "at": event.at,
        "subject": event.subject,
        "reader": event.reader_id,
        "facts": dict(event.facts),
    }
    return {"$setOnInsert": document}


class EventOutbox:
    def __init__(self, db: Database) -> None:
        self._all = db[_COLLECTION]

    async def pending(self, limit: int) -> list[StoredEvent]:
        """The oldest undispatched events, at most ``limit``."""
        with translate_errors():
            rows = await (
                self._all.find()
                .sort([("at", ASCENDING), ("_id", ASCENDING)])
                .limit(limit)
                .to_list(None)
            )
        return [
            StoredEvent(d["_id"], d["kind"], d["at"], d["subject"], d["reader"], d["facts"])
            for d in rows
        ]

    async def remove(self, events: Collection[StoredEvent]) -> None:
        if events:
            with translate_errors():
                await self._all.delete_many({"_id": {"$in": [event.id for event in events]}})
