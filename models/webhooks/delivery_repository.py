"""The queue of deliveries: one document for each event and endpoint. The events of a subject (a
reservation, a suspension or an area) are sent to an endpoint in order: only the subject's first
open delivery is sent. The others wait until its due time, so that queries find other subjects."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from pymongo import ASCENDING, DESCENDING, IndexModel, UpdateMany, UpdateOne

from models.kernel.ids import ReaderId
from models.readers.personal_data_repository import anonymise_webhooks
from models.storage.batching import Batcher
from models.storage.leases import may_be_leased, unleased
from models.storage.mongo import Database, Document, insert_new, new_id
from models.storage.mongo_errors import translate_errors
from models.webhooks.entities import (
    WebhookDelivery,
    WebhookDeliveryState,
    WebhookEvent,
    WebhookId,
    WebhookResult,
    WebhookStanding,
)
from models.webhooks.mapping import delivery_to_document, result_fields, to_delivery
from models.webhooks.rules import GIVE_UP_AFTER, GRACE

_PAGE: Final = 50
"""At most this many due deliveries are read by one query."""
_OPEN: Final[Document] = {"open": True}
_Saved = tuple[WebhookDelivery, WebhookResult, datetime | None, datetime]
"""A delivery, its result, the time of the next attempt (None: none follows), the current time."""
INDEXES: Final = {
    "webhook_deliveries": [
        IndexModel(
            [("endpoint", ASCENDING), ("due", ASCENDING), ("_id", ASCENDING)],
            name="open_due",
            partialFilterExpression=_OPEN,
        ),
        IndexModel(
            [("endpoint", ASCENDING), ("subject", ASCENDING), ("seq", ASCENDING)],
            name="open_of_subject",
            partialFilterExpression=_OPEN,
        ),
        IndexModel([("give_up_at", ASCENDING)], name="given_up", partialFilterExpression=_OPEN),
        IndexModel(
            [("endpoint", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)], name="newest"
        ),
        IndexModel(
            [("endpoint", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)],
            name="dead",
            partialFilterExpression={"state": WebhookDeliveryState.DEAD.value},
        ),
        IndexModel(
            [("state", ASCENDING), ("ended_at", ASCENDING)],
            name="ended",
            partialFilterExpression={"open": False},
        ),
        IndexModel([("reader", ASCENDING)], name="reader"),
    ]
}


class WebhookDeliveryRepository:
    def __init__(self, db: Database) -> None:
        self._db, self._all = db, db["webhook_deliveries"]
        self._results = Batcher(self._save_all)

    async def add(self, pairs: Sequence[tuple[WebhookEvent, WebhookId]], now: datetime) -> None:
        """Queues the events for the endpoints. A repeated call adds nothing. A subject's events
        are written in order: a worker that reads one of them finds all earlier ones."""
        ordered = sorted(pairs, key=lambda pair: (pair[0].subject, pair[0].seq))
        waves: list[list[Document]] = []
        for _, of_subject in groupby(ordered, key=lambda pair: pair[0].subject):
            by_event = groupby(of_subject, key=lambda pair: pair[0].seq)
            for wave, (_, same) in enumerate(by_event):
                if wave == len(waves):
                    waves.append([])
                waves[wave] += [
                    delivery_to_document(event, endpoint, now) for event, endpoint in same
                ]
        for documents in waves:
            await insert_new(self._all, documents)
        await self._forget_erased({e.reader_id for e, _ in pairs if e.reader_id is not None})

    async def _forget_erased(self, ids: Collection[ReaderId]) -> None:
        """Anonymises the deliveries that concern readers who were erased after the event."""
        if not ids:
            return
        with translate_errors():
            rows = self._db["readers"].find({"_id": {"$in": sorted(ids)}}, {"_id": 1})
            erased = sorted({*ids} - {row["_id"] async for row in rows})
            if erased:
                await anonymise_webhooks(self._db, {"reader": {"$in": erased}})

    async def lease_next(
        self,
        endpoint_id: WebhookId,
        now: datetime,
        real_now: datetime,
        lease: timedelta,
        limit: int,
    ) -> list[WebhookDelivery]:
        """Leases to the caller the first open deliveries of at most ``limit`` due subjects, for
        a time ``lease``. ``now`` decides what is due; ``real_now``, the machine's time, decides
        whether another lease has run out."""
        mine: Document = {"endpoint": endpoint_id, **_OPEN}
        with translate_errors():
            due = await (
                self._all.find({**mine, "due": {"$lte": now}}, {"subject": 1})
                .hint("open_due")
                .sort([("endpoint", ASCENDING), ("due", ASCENDING), ("_id", ASCENDING)])
                .limit(_PAGE)
                .to_list(None)
            )
            if not due:
                return []
            first = await self._first_of({row["subject"] for row in due}, mine)
            # Leaves out subjects whose last delivery another worker has ended since.
            due = [row for row in due if row["subject"] in first]
            await self._postpone(
                [row for row in due if row["_id"] != first[row["subject"]]["_id"]], first, now
            )
            order = list(dict.fromkeys(row["subject"] for row in due))
            free = [d for s in order if may_be_leased(d := first[s], now, real_now)][:limit]
            return await self._lease(free, now, real_now, lease)

    async def _first_of(self, subjects: Collection[str], mine: Document) -> dict[str, Document]:
        rows = await self._all.aggregate(
            [
                {"$match": {**mine, "subject": {"$in": sorted(subjects)}}},
                {"$sort": {"endpoint": 1, "subject": 1, "seq": 1}},
                {"$group": {"_id": "$subject", "first": {"$first": "$$ROOT"}}},
            ],
            hint="open_of_subject",
        )
        return {row["_id"]: row["first"] for row in await rows.to_list(None)}

    async def _postpone(
        self, behind: Sequence[Document], first: dict[str, Document], now: datetime
    ) -> None:
        later = [row for row in behind if first[row["subject"]]["due"] > now]
        if later:
            await self._all.bulk_write(
                [
                    UpdateOne(
                        {"_id": row["_id"], **_OPEN},
                        {"$set": {"due": first[row["subject"]]["due"]}},
                    )
                    for row in later
                ],
                ordered=False,
            )
            await self._undo_postponing(later, first, now)

    async def _undo_postponing(
        self, postponed: Sequence[Document], first: dict[str, Document], now: datetime
    ) -> None:
        """Makes postponed deliveries due again if the delivery that they wait for had already
        ended when they were postponed, so that its end did not make them due."""
        firsts = sorted({first[row["subject"]]["_id"] for row in postponed})
        still_open: Document = {"_id": {"$in": firsts}, **_OPEN}
        waited_for = {row["subject"] async for row in self._all.find(still_open, {"subject": 1})}
        free = [row["_id"] for row in postponed if row["subject"] not in waited_for]
        if free:
            await self._all.update_many(
                {"_id": {"$in": free}, **_OPEN, "lease_until": None}, {"$set": {"due": now}}
            )

    async def _lease(
        self, rows: Sequence[Document], now: datetime, real_now: datetime, lease: timedelta
    ) -> list[WebhookDelivery]:
        if not rows:
            return []
        holder = new_id()
        leased: Document = {
            "state": WebhookDeliveryState.SENDING.value,
            "lease_until": real_now + lease,
            "holder": holder,
            "due": now + lease,
        }
        # The attempt number guards: a claim since the read has raised it.
        result = await self._all.bulk_write(
            [
                UpdateOne(
                    {
                        "_id": row["_id"],
                        **_OPEN,
                        "attempts": row["attempts"],
                        **unleased(real_now),
                    },
                    {"$set": leased, "$inc": {"attempts": 1}},
                )
                for row in rows
            ],
            ordered=False,
        )
        if result.modified_count != len(rows):
            ids = [row["_id"] for row in rows]
            won = await self._all.find(
                {"_id": {"$in": ids}, "holder": holder}, {"_id": 1}
            ).to_list()
            mine = {row["_id"] for row in won}
            rows = [row for row in rows if row["_id"] in mine]
        return [to_delivery({**row, **leased, "attempts": row["attempts"] + 1}) for row in rows]

    async def save_result(
        self, d: WebhookDelivery, result: WebhookResult, due: datetime | None, now: datetime
    ) -> None:
        """Writes the result of an attempt. Without ``due`` the delivery ends, and the subject's
        next delivery becomes due. A worker whose lease has run out overwrites nothing."""
        await self._results.submit((d, result, due, now))

    async def _save_all(self, results: Sequence[_Saved]) -> list[None]:
        updates: list[UpdateOne | UpdateMany] = []
        ended: dict[tuple[WebhookId, datetime], list[str]] = {}
        for d, result, due, now in results:
            written = {"$set": result_fields(result, due, now)}
            updates.append(UpdateOne({"_id": d.id, "holder": d.holder}, written))
            if due is None:
                ended.setdefault((d.endpoint_id, now), []).append(d.event.subject)
        for (endpoint_id, now), subjects in ended.items():
            behind: Document = {"endpoint": endpoint_id, "subject": {"$in": subjects}, **_OPEN}
            behind |= {"due": {"$gt": now}, "lease_until": None}
            updates.append(UpdateMany(behind, {"$set": {"due": now}}))
        with translate_errors():
            # In this order: one released before its predecessor ends would be postponed again.
            await self._all.bulk_write(updates, ordered=True)
        return [None] * len(results)

    async def release(self, deliveries: Collection[WebhookDelivery], now: datetime) -> None:
        """Puts leased deliveries back into the queue; the lease does not count as an attempt."""
        back: Document = {
            "$set": {
                "state": WebhookDeliveryState.QUEUED.value,
                "lease_until": None,
                "holder": "",
                "due": now,
            },
            "$inc": {"attempts": -1},
        }
        updates = [UpdateOne({"_id": d.id, "holder": d.holder}, back) for d in deliveries]
        if updates:
            with translate_errors():
                await self._all.bulk_write(updates, ordered=False)

    async def give_up(self, now: datetime, real_now: datetime) -> int:
        """Ends open deliveries, also of disabled endpoints, ``GRACE`` after their
        ``give_up_at``; their state is then ``dead``. Returns their number."""
        over: Document = {
            **_OPEN,
            "give_up_at": {"$lte": now - GRACE},
            **unleased(real_now),
        }
        dead: Document = {
            "state": WebhookDeliveryState.DEAD.value,
            "open": False,
            "lease_until": None,
            "holder": "",
            "ended_at": now,
        }
        with translate_errors():
            result = await self._all.update_many(over, {"$set": dead}, hint="given_up")
        return result.modified_count

    async def send_again(self, endpoint_id: WebhookId, id: str | None, now: datetime) -> int:
        """Queues the dead delivery ``id`` again (None: all dead deliveries of the endpoint);
        returns the number queued."""
        which: Document = {
            "endpoint": endpoint_id,
            "state": WebhookDeliveryState.DEAD.value,
            "open": False,
        }
        if id is not None:
            which["_id"] = id
        again: Document = {
            "state": WebhookDeliveryState.QUEUED.value,
            "open": True,
            "due": now,
            "give_up_at": now + GIVE_UP_AFTER,
            "attempts": 0,
        }
        with translate_errors():
            result = await self._all.update_many(which, {"$set": again, "$unset": {"ended_at": ""}})
        return result.modified_count

    async def standing(self, endpoint_id: WebhookId) -> WebhookStanding:
        mine: Document = {"endpoint": endpoint_id, **_OPEN}
        dead: Document = {"endpoint": endpoint_id, "state": WebhookDeliveryState.DEAD.value}
        with translate_errors():
            waiting = await self._all.count_documents(mine, hint="open_due")
            first = [("give_up_at", ASCENDING)]
            oldest = await self._all.find_one(mine, {"queued_at": 1}, sort=first, hint="given_up")
            count = await self._all.count_documents(dead, hint="dead")
        return WebhookStanding(waiting, oldest["queued_at"] if oldest else None, count)

    async def newest(
        self, endpoint_id: WebhookId, limit: int, *, dead: bool = False
    ) -> list[WebhookDelivery]:
        """At most ``limit`` deliveries of the endpoint (dead ones if ``dead``), newest first."""
        query: Document = {"endpoint": endpoint_id}
        if dead:
            query["state"] = WebhookDeliveryState.DEAD.value
        with translate_errors():
            rows = await (
                self._all.find(query)
                .hint("dead" if dead else "newest")
                .sort([("at", DESCENDING), ("_id", DESCENDING)])
                .limit(limit)
                .to_list(None)
            )
        return [to_delivery(row) for row in rows]

    async def delete_of(self, endpoint_id: WebhookId) -> None:
        with translate_errors():
            await self._all.delete_many({"endpoint": endpoint_id})

    async def prune(
        self, delivered_before: datetime, dead_before: datetime, endpoint_ids: Collection[WebhookId]
    ) -> None:
        """Deletes delivered and dead deliveries that ended before these times, and old
        deliveries whose endpoint is not among ``endpoint_ids``."""
        with translate_errors():
            for state, before in (
                (WebhookDeliveryState.DELIVERED, delivered_before),
                (WebhookDeliveryState.DEAD, dead_before),
            ):
                old = {"open": False, "state": state.value, "ended_at": {"$lt": before}}
                await self._all.delete_many(old, hint="ended")
            # Only old ones: an endpoint may have been added since ``endpoint_ids`` was read.
            strays: Document = {"endpoint": {"$nin": sorted(endpoint_ids)}}
            await self._all.delete_many(strays | {"queued_at": {"$lt": delivered_before}})
