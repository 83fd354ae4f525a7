"""One query tells the background jobs what there is to do. At rest that is nothing, and each job
that asked for itself would pay for the way to MongoDB and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from models.messages.entities import Channel
from models.reservation_store.due_queries import UNDISPATCHED, due_by
from models.seasons.repository import NEWS_DUE
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors
from models.text_checks.repository import CHECKED_TEXTS, check_field


class Work(StrEnum):
    """A kind of work without which some jobs have nothing to do."""

    DEADLINES = "deadlines"
    """A deadline of a reservation has passed."""
    WAITLIST = "waitlist"
    """A waitlist entry is open."""
    GATES = "gates"
    """A gate has reported at least once."""
    EVENTS = "events"
    """An event waits in an outbox."""
    DELIVERIES = "deliveries"
    """A delivery is due."""
    TEXTS = "texts"
    """The check of a reader's text is due."""
    WEBHOOKS = "webhooks"
    """There is an endpoint for webhooks."""
    SEASON_NEWS = "season_news"
    """Readers have yet to be told what has become of their applications for a season."""


class PendingWork:
    def __init__(self, db: Database) -> None:
        self._reservations = db["reservations"]

    async def kinds(self, now: datetime) -> frozenset[Work]:
        """The kinds of work that there are at ``now``. Raises: Unavailable."""
        first, *others = _questions(now)
        pipeline = [
            *_asked(*first[1:]),
            *(
                {"$unionWith": {"coll": collection, "pipeline": _asked(kind, condition)}}
                for collection, kind, condition in others
            ),
        ]
        with translate_errors():
            rows = await (await self._reservations.aggregate(pipeline)).to_list(None)
        return frozenset(Work(row["_id"]) for row in rows)


def _questions(now: datetime) -> Sequence[tuple[str, Work, Document]]:
    """Each collection with the kind of work that a document with the condition means."""
    due: Document = {"channel": {"$in": [*Channel]}, "open": True, "due": {"$lte": now}}
    return [
        ("reservations", Work.DEADLINES, due_by(now)),
        ("reservations", Work.EVENTS, UNDISPATCHED),
        ("waitlist", Work.WAITLIST, {"open": True}),
        ("waitlist", Work.EVENTS, {"ended.at": {"$exists": True}}),
        ("outbox_events", Work.EVENTS, {}),
        ("gates", Work.GATES, {"last_seen_at": {"$ne": None}}),
        ("deliveries", Work.DELIVERIES, due),
        ("webhooks", Work.WEBHOOKS, {}),
        ("season_applications", Work.SEASON_NEWS, NEWS_DUE),
        *((name, Work.TEXTS, {check_field(name): {"$lte": now}}) for name in CHECKED_TEXTS),
    ]


def _asked(kind: Work, condition: Mapping[str, object]) -> list[Document]:
    """A pipeline that yields the kind if a document meets the condition."""
    return [
        {"$match": condition},
        {"$limit": 1},
        {"$project": {"_id": {"$literal": kind.value}}},
    ]
