"""Reports on one channel's deliveries: their numbers, the failures, and the failures that WeChat
reports only after it accepted a message."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pymongo import DESCENDING

from models.kernel.ids import ReaderId
from models.messages.delivery_queue_repository import DeliveryQueue
from models.messages.entities import DeliveryState, Message, Template
from models.messages.mapping import DEFAULT_EXPIRY
from models.messages.period_queries import period_query
from models.storage.mongo import Document, aggregate_groups
from models.storage.mongo_errors import translate_errors

_NAMELESS_S: Final = 600
"""Seconds for which a sent message may match WeChat's failure report that has no message id."""


class ChannelDeliveries(DeliveryQueue):
    async def failed_late(
        self, reader_id: ReaderId, template: Template, msgid: str, code: int, words: str
    ) -> bool:
        """Records that WeChat could not deliver a message that it had taken. Returns True if a
        delivery matches.

        WeChat may report this before the delivery is stored as sent. So a delivery that is still
        being sent is marked, and is later stored as failed instead of sent. A sent delivery with
        this ``msgid`` is stored as failed. If neither exists, the last one without an id that was
        sent within ``_NAMELESS_S`` is stored as failed.
        """
        failure = {"msgid": msgid, "code": code, "words": words}
        sending: Document = {
            "channel": self.channel.value,
            "reader": reader_id,
            "open": True,
            "state": DeliveryState.SENDING.value,
            "template": template.value,
        }
        sent: Document = {
            "channel": self.channel.value,
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
            delivery = await self._all.find_one_and_update({**sent, "msgid": msgid}, failed)
            if delivery is None and not marked.matched_count:
                delivery = await self._all.find_one_and_update(sent | nameless, failed, sort=newest)
        return delivery is not None or marked.matched_count > 0

    async def counts(
        self, since: datetime, wall_clock: bool
    ) -> list[tuple[Template, DeliveryState, str | None, int]]:
        """The number of deliveries since ``since`` by template, state and (if expired) reason."""
        why = {"$cond": [{"$eq": ["$state", DeliveryState.EXPIRED.value]}, "$reason", None]}
        group: Document = {
            "_id": {"template": "$template", "state": "$state", "reason": {"$ifNull": [why, None]}},
            "n": {"$sum": 1},
        }
        since_then = period_query(since, wall_clock) | {"channel": self.channel.value}
        rows = await aggregate_groups(self._all, since_then, group)
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
        """The number of failed deliveries since ``since`` by the channel's last error code and
        the reason, most frequent first."""
        group: Document = {
            "_id": {"code": {"$last": "$codes"}, "reason": {"$ifNull": ["$reason", None]}},
            "n": {"$sum": 1},
        }
        rows = await aggregate_groups(self._all, self._failed_since(since), group)
        failures = [(row["_id"].get("code"), row["_id"]["reason"], row["n"]) for row in rows]
        return sorted(failures, key=lambda one: (-one[2], one[0] or 0, one[1] or ""))

    async def failed(
        self, since: datetime, limit: int
    ) -> list[tuple[Message, int, tuple[int, ...], str]]:
        """The last failed deliveries, each as: message, number of attempts, the channel's error
        codes, the channel's error text."""
        with translate_errors():
            rows = (
                await self._all.find(self._failed_since(since))
                .sort([("at", DESCENDING), ("_id", DESCENDING)])
                .limit(limit)
                .to_list(None)
            )
        messages = await self._messages.many([row["message"] for row in rows])
        return [
            (message, row["attempts"], tuple(row["codes"]), row.get("words", ""))
            for row in rows
            if (message := messages.get(row["message"])) is not None
        ]

    async def retryable_failures(self, since: datetime, now: datetime, limit: int) -> list[Message]:
        """The messages of failed deliveries that have not expired yet, newest first."""
        query = self._failed_since(since) | {
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
        messages = await self._messages.many([row["message"] for row in rows])
        return [messages[row["message"]] for row in rows if row["message"] in messages]

    def _failed_since(self, since: datetime) -> Document:
        return {
            "channel": self.channel.value,
            "state": DeliveryState.FAILED.value,
            "at": {"$gte": since},
        }
