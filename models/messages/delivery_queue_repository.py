"""A channel's queue of deliveries. Each worker leases some; a reader's deliveries go in order."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Container, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pymongo import ASCENDING, UpdateMany

from models.kernel.ids import ReaderId
from models.messages.delivery_repository import delivery_id
from models.messages.delivery_result_queries import settling, unknown_attempts
from models.messages.entities import Channel, Delivery, DeliveryResult, DeliveryState
from models.messages.mapping import DEFAULT_EXPIRY
from models.messages.repository import MessageRepository
from models.storage.leases import may_be_leased, unleased
from models.storage.mongo import Database, Document, new_id
from models.storage.mongo_errors import translate_errors

QueueCursor = tuple[datetime, str]
"""A position in a scan of the due deliveries: due time and id."""


class DeliveryQueue:
    def __init__(self, db: Database, channel: Channel, messages: MessageRepository) -> None:
        self.channel = channel
        self._all = db["deliveries"]
        self._messages = messages
        self._unsure: dict[tuple[str, int], list[str]] = {}
        """Ids of deliveries whose lease MongoDB may have stored without an answer, by holder and
        attempt number."""

    async def readers_due(
        self, now: datetime, after: QueueCursor | None, limit: int
    ) -> tuple[list[ReaderId], QueueCursor | None]:
        """Readers with a due delivery, longest waiting first, and the cursor for the next call
        (None at the end of the queue). At most ``limit`` deliveries are read."""
        with translate_errors():
            due = {"channel": self.channel.value, "open": True, "due": {"$lte": now}}
            cursor = self._all.find(due, {"reader": 1, "due": 1})
            if after is not None:
                # The driver's type stubs do not accept a datetime.
                bound: Any = [("channel", self.channel.value), ("due", after[0]), ("_id", after[1])]
                cursor = cursor.min(bound)
            rows = await (
                cursor.hint("open_due")
                .sort([("channel", ASCENDING), ("due", ASCENDING), ("_id", ASCENDING)])
                .limit(limit)
                .to_list(None)
            )
        place = (rows[-1]["due"], rows[-1]["_id"] + "\0") if len(rows) == limit else None
        return list(dict.fromkeys(ReaderId(row["reader"]) for row in rows)), place

    async def due_since(self, now: datetime) -> datetime | None:
        """The time at which the longest waiting delivery became due; None if none is due.
        Raises: Unavailable."""
        with translate_errors():
            row = await self._all.find_one(
                {"channel": self.channel.value, "open": True, "due": {"$lte": now}},
                {"due": 1},
                hint="open_due",
                sort=[("channel", ASCENDING), ("due", ASCENDING), ("_id", ASCENDING)],
            )
        return row["due"] if row else None

    async def lease_next(
        self, readers: Collection[ReaderId], now: datetime, real_now: datetime, lease: timedelta
    ) -> list[Delivery]:
        """Leases the first open delivery of each reader. If that delivery is not due or is leased
        by another worker, none is leased for the reader, since the order is kept.

        If a call fails, the next call releases what the failed one may have leased. Otherwise such
        a delivery would count as attempted, with an unknown outcome, when its lease expires.
        """
        with translate_errors():
            await self._release(self._unsure)
            self._unsure = {}
            rows = (
                await self._all.find(
                    {
                        "channel": self.channel.value,
                        "reader": {"$in": list(readers)},
                        "open": True,
                    }
                )
                .hint("reader_open")
                .sort([("channel", ASCENDING), ("reader", ASCENDING), ("order", ASCENDING)])
                .to_list(None)
            )
            first: dict[str, Document] = {}
            more: set[str] = set()
            for row in rows:
                if row["reader"] in first:
                    more.add(row["reader"])
                else:
                    first[row["reader"]] = row
            free = [row for row in first.values() if may_be_leased(row, now, real_now)]
            holder = new_id()
            try:
                won, messages = await asyncio.gather(
                    self._lease(free, holder, real_now, real_now + lease),
                    self._messages.many([row["message"] for row in free]),
                )
            except BaseException:
                for row in free:
                    tried = holder, row["attempts"] + 1
                    self._unsure.setdefault(tried, []).append(row["_id"])
                raise
        return [
            Delivery(
                row["_id"],
                messages[row["message"]],
                row["attempts"] + 1,
                row["without_page"],
                tuple(row["codes"]),
                holder,
                row["reader"] in more,
                unknown_attempts(row),
            )
            for row in free
            # While a reader is erased, the message is deleted before the delivery.
            if row["_id"] in won and row["message"] in messages
        ]

    async def _lease(
        self, rows: Sequence[Document], holder: str, real_now: datetime, until: datetime
    ) -> Container[str]:
        """Leases rows to ``holder``, except those leased since they were read; returns the ids."""
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
        # The attempt number guards: a claim since the read has raised it.
        result = await self._all.bulk_write(
            [
                UpdateMany(
                    {
                        "_id": {"$in": ids_then},
                        "open": True,
                        "attempts": attempts,
                        **unleased(real_now),
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
        """Writes results of attempts, idempotently. A worker without a lease overwrites nothing."""
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
        """Puts deliveries that this worker has leased back into the queue; they do not count as
        attempted. A repeated call has no effect."""
        alike: dict[tuple[str, int], list[str]] = {}
        for d in deliveries:
            alike.setdefault((d.lease_owner, d.attempts), []).append(d.id)
        with translate_errors():
            await self._release(alike)

    async def _release(self, alike: Mapping[tuple[str, int], list[str]]) -> None:
        before: Document = {
            "$set": {
                "state": DeliveryState.QUEUED.value,
                "lease_until": None,
                "held_by": None,
            },
            "$inc": {"attempts": -1},
        }
        updates = [
            UpdateMany(
                {"_id": {"$in": ids}, "open": True, "held_by": holder, "attempts": attempts}, before
            )
            for (holder, attempts), ids in alike.items()
        ]
        if updates:
            await self._all.bulk_write(updates, ordered=False)

    async def expire(self, now: datetime, real_now: datetime, reason: str) -> int:
        """Ends the expired deliveries; returns their number. ``reason`` is stored with those
        that have no reason yet."""
        overdue: Document = {
            "channel": self.channel.value,
            "open": True,
            "due": {"$lte": now},
            "$and": [
                {
                    "$or": [
                        {"expires_at": {"$lt": now}},
                        {"expires_at": None, "at": {"$lt": now - DEFAULT_EXPIRY}},
                    ]
                },
                unleased(real_now),
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

    async def requeue(self, ids: Sequence[str], now: datetime) -> int:
        """Queues the failed deliveries of these messages again; returns their number."""
        theirs = [delivery_id(id, self.channel) for id in ids]
        failed = {"_id": {"$in": theirs}, "state": DeliveryState.FAILED.value, "open": False}
        again: Document = {
            "state": DeliveryState.QUEUED.value,
            "open": True,
            "due": now,
            "lease_until": None,
            "unknown": 0,
        }
        stale = dict.fromkeys(("reason", "words", "msgid", "sent_at", "late"), "")
        with translate_errors():
            result = await self._all.update_many(failed, {"$set": again, "$unset": stale})
        return result.modified_count
