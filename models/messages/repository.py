"""Messages and their delivery: one document is the in-app message and its way to WeChat.

``_id`` is made from what the message is about, so that relaying twice tells once.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from bson.objectid import ObjectId
from pymongo import ASCENDING, DESCENDING, IndexModel, UpdateMany
from pymongo.errors import BulkWriteError, DuplicateKeyError

from models.kernel.ids import ReaderId, ReservationId
from models.messages.delivery_result_queries import settling, unknown_attempts
from models.messages.entities import Delivery, DeliveryResult, DeliveryState, Message, Template
from models.policy.entities import FARTHEST_HORIZON
from models.storage.mongo import Database, Document, aggregate_groups, find_page, new_id
from models.storage.mongo_errors import errors_per_document, translate_errors

QueueCursor = tuple[datetime, str]
"""Where a look through the due messages has come to: due, id."""
DEFAULT_EXPIRY: Final = timedelta(hours=24)
"""A message without an expiry of its own is old news for WeChat after a day."""
_NAMELESS_S: Final = 600
"""WeChat says within seconds that it could not deliver. A message without WeChat's id for it is
held for the one that is meant for so long after it was sent."""
_BOOKED_AHEAD: Final = timedelta(days=FARTHEST_HORIZON + 2)
"""Longer than any booking is made before its last message."""
INDEXES: Final[dict[str, list[IndexModel]]] = {
    "messages": [
        IndexModel(
            # Lists in their order; with the mark, the unread ones are counted in the index alone.
            [
                ("reader", ASCENDING),
                ("at", DESCENDING),
                ("_id", DESCENDING),
                ("read", ASCENDING),
            ],
            name="reader_messages",
        ),
        IndexModel(
            # With the id, so that a look through them can go on where it stopped.
            [("due", ASCENDING), ("_id", ASCENDING)],
            name="open_due",
            partialFilterExpression={"open": True},
        ),
        IndexModel(
            [("reader", ASCENDING), ("order", ASCENDING)],
            name="reader_open",
            partialFilterExpression={"open": True},
        ),
        IndexModel(
            [("at", DESCENDING), ("_id", DESCENDING)],
            name="failed",
            partialFilterExpression={"state": DeliveryState.FAILED.value},
        ),
    ]
}


class Messages:
    def __init__(self, db: Database) -> None:
        self._all = db["messages"]

    async def add(self, messages: Sequence[Message], unasked: Container[str] = ()) -> int:
        """Keep the messages and queue them for WeChat. How many are new: the others were there.

        Those whose ids are ``unasked`` come to their end at once: nobody consented to them.
        """
        if not messages:
            return 0
        documents = [_document(message, message.id not in unasked) for message in messages]
        with translate_errors():
            try:
                await self._all.insert_many(documents, ordered=False)
            except BulkWriteError as error:
                failed = [e for e in errors_per_document(error, len(documents)) if e is not None]
                if not all(isinstance(e, DuplicateKeyError) for e in failed):
                    raise
                return len(documents) - len(failed)
        return len(documents)

    # --- the reader's view --------------------------------------------------------------------

    async def page_of(
        self, reader_id: ReaderId, unread_only: bool, skip: int, limit: int
    ) -> tuple[list[Message], int]:
        query: Document = {"reader": reader_id}
        if unread_only:
            query["read"] = False
        rows, total = await find_page(self._all, query, ("at", "_id"), skip, limit)
        return [_message(row) for row in rows], total

    async def mark_read(self, reader_id: ReaderId, ids: Sequence[str]) -> None:
        """Ids of others are passed over in silence: there is nothing to learn from them."""
        with translate_errors():
            await self._all.update_many(
                {"reader": reader_id, "_id": {"$in": list(ids)}}, {"$set": {"read": True}}
            )

    # --- delivery -----------------------------------------------------------------------------

    async def readers_due(
        self, now: datetime, after: QueueCursor | None, limit: int
    ) -> tuple[list[ReaderId], QueueCursor | None]:
        """Readers with a due message, the longest waiting first, and where to look on from.

        The place is None when there are no more. At most ``limit`` messages are looked at.
        """
        with translate_errors():
            cursor = self._all.find({"open": True, "due": {"$lte": now}}, {"reader": 1, "due": 1})
            if after is not None:
                bound: Any = [("due", after[0]), ("_id", after[1])]  # the stubs know no datetime
                cursor = cursor.min(bound)
            rows = await (
                cursor.hint("open_due")
                .sort([("due", ASCENDING), ("_id", ASCENDING)])
                .limit(limit)
                .to_list(None)
            )
        place = (rows[-1]["due"], rows[-1]["_id"] + "\0") if len(rows) == limit else None
        return list(dict.fromkeys(ReaderId(row["reader"]) for row in rows)), place

    async def lease_next(
        self, readers: Collection[ReaderId], now: datetime, real_now: datetime, lease: timedelta
    ) -> list[Delivery]:
        """The first open message of each of the readers, leased to the caller.

        Nothing for a reader who has none, whose first is not due yet (the ones behind it wait for
        it), or whose first another worker holds.
        """
        with translate_errors():
            rows = (
                await self._all.find({"reader": {"$in": list(readers)}, "open": True})
                .hint("reader_open")
                .sort([("reader", ASCENDING), ("order", ASCENDING)])
                .to_list(None)
            )
            first: dict[str, Document] = {}
            more: set[str] = set()
            for row in rows:
                if row["reader"] in first:
                    more.add(row["reader"])
                else:
                    first[row["reader"]] = row
            free = [row for row in first.values() if _may_go(row, now, real_now)]
            holder = new_id()
            won = await self._lease(free, holder, real_now, real_now + lease)
        return [
            Delivery(
                _message(row),
                row["attempts"] + 1,
                row["without_page"],
                tuple(row["codes"]),
                holder,
                row["reader"] in more,
                unknown_attempts(row),
            )
            for row in free
            if row["_id"] in won
        ]

    async def _lease(
        self, rows: Sequence[Document], holder: str, real_now: datetime, until: datetime
    ) -> Container[str]:
        """The ids of those of the rows that are ``holder``'s now."""
        if not rows:
            return ()
        ids = [row["_id"] for row in rows]
        tried: dict[tuple[int, int], list[str]] = {}
        for row in rows:
            tried.setdefault((row["attempts"], unknown_attempts(row)), []).append(row["_id"])
        leased = {
            "state": DeliveryState.SENDING.value,
            "lease_until": until,
            "held_by": holder,
        }
        # The attempt guards: whoever claimed, settled or put one off since it was read, raised it.
        result = await self._all.bulk_write(
            [
                UpdateMany(
                    {
                        "_id": {"$in": ids_then},
                        "open": True,
                        "attempts": attempts,
                        "$or": [{"lease_until": None}, {"lease_until": {"$lte": real_now}}],
                    },
                    {"$set": {**leased, "unknown": unknown}, "$inc": {"attempts": 1}},
                )
                for (attempts, unknown), ids_then in tried.items()
            ],
            ordered=False,
        )
        if result.modified_count == len(ids):
            return set(ids)
        mine = {"_id": {"$in": ids}, "held_by": holder}
        return {row["_id"] for row in await self._all.find(mine, {"_id": 1}).to_list(None)}

    async def save_results(self, outcomes: Sequence[DeliveryResult]) -> None:
        """What became of these attempts. May be repeated.

        The attempt guards: a worker whose lease ran out must not overwrite its successor.
        """
        alike: dict[tuple[object, ...], list[DeliveryResult]] = {}
        for o in outcomes:
            without_page = o.omit_page or o.delivery.omit_page
            key = o.delivery.attempts, o.state, o.code, o.due, without_page, o.reason, o.unknown
            alike.setdefault(key, []).append(o)
        updates = [settling(same) for same in alike.values()]
        if updates:
            with translate_errors():
                await self._all.bulk_write(updates, ordered=False)

    async def release(self, deliveries: Sequence[Delivery]) -> None:
        """Let go of claims that led to no attempt: they are as they were before. May be repeated.

        The holder guards too, since the attempt is given out once more.
        """
        alike: dict[tuple[str, int], list[str]] = {}
        for d in deliveries:
            alike.setdefault((d.lease_owner, d.attempts), []).append(d.message.id)
        before: Document = {
            "$set": {
                "state": DeliveryState.QUEUED.value,
                "lease_until": None,
                "held_by": None,
            },
            "$inc": {"attempts": -1},
        }
        updates = [
            UpdateMany({"_id": {"$in": ids}, "held_by": holder, "attempts": attempts}, before)
            for (holder, attempts), ids in alike.items()
        ]
        if updates:
            with translate_errors():
                await self._all.bulk_write(updates, ordered=False)

    async def expire(self, now: datetime, real_now: datetime, reason: str) -> int:
        """End what is not worth sending any more, where nothing can be sent. How many.

        ``reason`` is why it was never tried; what was tried keeps its own.
        """
        overdue: Document = {
            "open": True,
            "due": {"$lte": now},
            "$and": [
                {
                    "$or": [
                        {"expires_at": {"$lt": now}},
                        {"expires_at": None, "at": {"$lt": now - DEFAULT_EXPIRY}},
                    ]
                },
                {"$or": [{"lease_until": None}, {"lease_until": {"$lte": real_now}}]},
            ],
        }
        ended: Document = {
            "state": DeliveryState.EXPIRED.value,
            "open": False,
            "lease_until": None,
            "reason": {"$ifNull": ["$reason", reason]},
        }
        with translate_errors():
            result = await self._all.update_many(overdue, [{"$set": ended}], hint="open_due")
        return result.modified_count

    async def failed_late(
        self, reader_id: ReaderId, template: Template, msgid: str, code: int, words: str
    ) -> bool:
        """WeChat took a message of the reader's and could not deliver it. True where it is ours.

        WeChat may say so before our own "sent" is written. So the message that is being sent is
        marked first, which writing "sent" heeds, and the sent one looked for second: whatever comes
        in between, one of the two meets it.

        An account whose answers have no id has one such message a reader on its way: where none is
        being sent, it is the last one sent, if that was lately.
        """
        failure = {"msgid": msgid, "code": code, "words": words}
        sending = {
            "reader": reader_id,
            "open": True,
            "state": DeliveryState.SENDING.value,
            "template": template.value,
        }
        sent: Document = {
            "reader": reader_id,
            "state": DeliveryState.SENT.value,
            "template": template.value,
        }
        nameless: Document = {
            "msgid": None,
            "$expr": {
                "$gt": ["$sent_at", {"$subtract": ["$$NOW", {"$literal": _NAMELESS_S * 1000}]}]
            },
        }
        failed: Document = {
            "$set": {"state": DeliveryState.FAILED.value, "words": words},
            "$push": {"codes": code},
        }
        newest = [("at", DESCENDING)]
        with translate_errors():
            marked = await self._all.update_many(
                sending, {"$addToSet": {"late": failure}}, hint="reader_open"
            )
            found = await self._all.find_one_and_update({**sent, "msgid": msgid}, failed)
            if found is None and not marked.matched_count:
                found = await self._all.find_one_and_update(sent | nameless, failed, sort=newest)
        return found is not None or marked.matched_count > 0

    # --- what became of them ----------------------------------------------------------------------

    async def counts(
        self, since: datetime, wall_clock: bool
    ) -> list[tuple[Template, DeliveryState, str | None, int]]:
        """Messages of that time, by template, state and, where they expired, the reason."""
        why = {"$cond": [{"$eq": ["$state", DeliveryState.EXPIRED.value]}, "$reason", None]}
        group: Document = {
            "_id": {"template": "$template", "state": "$state", "reason": {"$ifNull": [why, None]}},
            "n": {"$sum": 1},
        }
        rows = await aggregate_groups(self._all, _lately(since, wall_clock), group)
        return [
            (
                Template(row["_id"]["template"]),
                DeliveryState(row["_id"]["state"]),
                row["_id"]["reason"],
                row["n"],
            )
            for row in rows
        ]

    async def failures(self, since: datetime) -> list[tuple[int | None, str | None, int]]:
        """Failed ones by WeChat's last code and by what else is known, the most frequent first."""
        group: Document = {
            "_id": {"code": {"$last": "$codes"}, "reason": {"$ifNull": ["$reason", None]}},
            "n": {"$sum": 1},
        }
        rows = await aggregate_groups(self._all, _failed_since(since), group)
        found = [(row["_id"].get("code"), row["_id"]["reason"], row["n"]) for row in rows]
        return sorted(found, key=lambda one: (-one[2], one[0] or 0, one[1] or ""))

    async def failed(
        self, since: datetime, limit: int
    ) -> list[tuple[Message, int, tuple[int, ...], str]]:
        """The last failed ones, each with its attempts, WeChat's codes and, where it told of the
        failure afterwards, its words."""
        with translate_errors():
            rows = (
                await self._all.find(_failed_since(since))
                .sort([("at", DESCENDING), ("_id", DESCENDING)])
                .limit(limit)
                .to_list(None)
            )
        return [
            (_message(row), row["attempts"], tuple(row["codes"]), row.get("words", ""))
            for row in rows
        ]

    async def retryable_failures(self, since: datetime, now: datetime, limit: int) -> list[Message]:
        """Failed ones that are not old news yet, the newest first."""
        query = _failed_since(since) | {
            "$or": [
                {"expires_at": None, "at": {"$gt": now - DEFAULT_EXPIRY}},
                {"expires_at": {"$gt": now}},
            ],
        }
        with translate_errors():
            rows = (
                await self._all.find(query)
                .sort([("at", DESCENDING), ("_id", DESCENDING)])
                .limit(limit)
                .to_list(None)
            )
        return [_message(row) for row in rows]

    async def requeue(self, ids: Sequence[str], now: datetime) -> int:
        """Queue those of them anew that have failed. How many."""
        failed = {"_id": {"$in": list(ids)}, "state": DeliveryState.FAILED.value, "open": False}
        again: Document = {
            "state": DeliveryState.QUEUED.value,
            "open": True,
            "due": now,
            "lease_until": None,
            "unknown": 0,
        }
        gone = dict.fromkeys(("reason", "words", "msgid", "sent_at", "late"), "")
        with translate_errors():
            result = await self._all.update_many(failed, {"$set": again, "$unset": gone})
        return result.modified_count

    async def state_of(self, id: str) -> DeliveryState | None:
        with translate_errors():
            found = await self._all.find_one({"_id": id}, {"state": 1})
        return DeliveryState(found["state"]) if found else None

    async def next_due(self, after: datetime) -> datetime | None:
        """The first instant after ``after`` at which a delivery becomes due."""
        with translate_errors():
            row = await self._all.find_one(
                {"open": True, "due": {"$gt": after}}, {"due": 1}, sort=[("due", ASCENDING)]
            )
        return row["due"] if row else None

    async def prune(self, made_before: datetime, limit: int) -> int:
        """Delete messages that have come to an end, about reservations made before that instant.

        Their ids begin with the reservation's, so with its real time; at most ``limit`` go.
        """
        with translate_errors():
            rows = await (
                self._all.find(
                    {"_id": {"$lt": str(ObjectId.from_datetime(made_before))}, "open": False},
                    {"_id": 1},
                )
                .hint("_id_")
                .limit(limit)
                .to_list(None)
            )
            ids = [row["_id"] for row in rows]
            if ids:
                await self._all.delete_many({"_id": {"$in": ids}, "open": False})
        return len(ids)


def _failed_since(since: datetime) -> Document:
    return {"state": DeliveryState.FAILED.value, "at": {"$gte": since}}


def _lately(since: datetime, wall_clock: bool) -> Document:
    """Ids begin with the time at which their reservation was made, by the clock on the wall."""
    query: Document = {"at": {"$gte": since}}
    if wall_clock:
        query["_id"] = {"$gte": str(ObjectId.from_datetime(since - _BOOKED_AHEAD))}
    return query


def _may_go(row: Document, now: datetime, real_now: datetime) -> bool:
    free = row["lease_until"] is None or row["lease_until"] <= real_now
    return bool(row["due"] <= now and free)


def _message(d: Document) -> Message:
    return Message(
        id=d["_id"],
        reader_id=ReaderId(d["reader"]),
        template=Template(d["template"]),
        title=d["title"],
        text=d["text"],
        at=d["at"],
        facts=d["facts"],
        reservation_id=ReservationId(d["reservation"]) if d["reservation"] else None,
        expires_at=d["expires_at"],
        read=d["read"],
    )


def _document(message: Message, wanted: bool) -> Document:
    return {
        "_id": message.id,
        "reader": message.reader_id,
        "template": message.template.value,
        "title": message.title,
        "text": message.text,
        "at": message.at,
        "facts": dict(message.facts),
        "reservation": message.reservation_id,
        "expires_at": message.expires_at,
        "read": False,
        "state": (DeliveryState.QUEUED if wanted else DeliveryState.NO_CONSENT).value,
        "open": wanted,
        "due": message.at,
        # Messages of one reader go out in the order of what they tell.
        "order": f"{message.at.isoformat()} {message.id}",
        "lease_until": None,
        "attempts": 0,
        "without_page": False,
        "codes": [],
    }
