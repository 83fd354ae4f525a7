"""The one query with which jobs at rest learn that there is nothing to do."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest

from models.pending_work import PendingWork, Work
from models.storage.mongo import Database, Document
from tests.builders import on

NOW: Final = on("14:00")
SOON: Final = NOW + timedelta(seconds=1)
MAIL: Final = {"channel": "email", "open": True}
# what the work is seen by: its collection, a document that means it, and one that does not
KINDS: Final[list[tuple[Work, str, Document, Document | None]]] = [
    (Work.DEADLINES, "reservations", {"due_at": NOW}, {"due_at": SOON}),
    (Work.EVENTS, "reservations", {"outbox": [{"at": SOON}]}, {"outbox": []}),
    (Work.EVENTS, "waitlist", {"ended": {"at": SOON}}, {}),
    (Work.EVENTS, "outbox_events", {"at": SOON}, None),
    (Work.WAITLIST, "waitlist", {"open": True}, {"open": False}),
    (Work.GATES, "gates", {"last_seen_at": NOW}, {"last_seen_at": None}),
    (Work.DELIVERIES, "deliveries", MAIL | {"due": NOW}, MAIL | {"due": SOON}),
    (Work.DELIVERIES, "deliveries", MAIL | {"due": NOW}, {"open": False, "due": NOW}),
    (Work.WEBHOOKS, "webhooks", {}, None),
    (Work.SEASON_NEWS, "season_applications", {"news": {"at": SOON}}, {}),
    (Work.TEXTS, "feedback", {"check": {"due": NOW}}, {"check": {"due": SOON}}),
    (Work.TEXTS, "fault_reports", {"check": {"due": NOW}}, {"check": {"verdict": "pass"}}),
    (Work.TEXTS, "violations", {"appeal": {"check": {"due": NOW}}}, {"check": {"due": NOW}}),
]


@pytest.mark.parametrize(("kind", "collection", "work", "none"), KINDS)
async def test_a_kind_of_work_is_seen_in_its_collection(
    db: Database, kind: Work, collection: str, work: Document, none: Document | None
) -> None:
    pending = PendingWork(db)
    if none is not None:
        await db[collection].insert_one(_document("none", none))
    assert await pending.kinds(NOW) == frozenset()
    await db[collection].insert_many([_document(id, work) for id in "ab"])
    assert await pending.kinds(NOW) == {kind}


async def test_kinds_are_seen_together(db: Database) -> None:
    for number, (_, collection, work, _) in enumerate(KINDS):
        await db[collection].insert_one(_document(str(number), work))
    assert await PendingWork(db).kinds(NOW) == {*Work}


def _document(id: str, fields: Document) -> Document:
    # Some collections have these only once.
    return {"_id": id, **dict.fromkeys(("slot", "key", "place"), id), **fields}
