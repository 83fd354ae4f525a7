"""The consent ledger: how many messages of each WeChat template a reader has allowed. The numbers
may be wrong: WeChat has its own count, and refuses a message beyond that count (43101).

A long-term template (长期订阅) is accepted once, for any number of messages. This acceptance ends
when WeChat reports that the reader refuses the template.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from models.kernel.ids import ReaderId
from models.messages.entities import WECHAT_TEMPLATES, Template
from models.storage.mongo import Database, Document, aggregate_groups, new_id
from models.storage.mongo_errors import translate_errors

MOST_REPORTED: Final = 5
"""Reports of a client allow at most this many messages of a template."""
_STORED_TAKES: Final = 4
INDEXES: Final[dict[str, list[IndexModel]]] = {
    "message_consents": [IndexModel([("reader", ASCENDING)], name="reader")]
}


ConsentKey = tuple[ReaderId, Template]


@dataclass(frozen=True, slots=True)
class ConsentTotals:
    """The consents of all readers to one template. `left`: messages still allowed. `readers`:
    readers with any left. `standing`: readers who have accepted it as a long-term template."""

    left: int = 0
    readers: int = 0
    standing: int = 0


class ConsentRepository:
    def __init__(self, db: Database) -> None:
        self._all = db["message_consents"]

    async def add(self, reader_id: ReaderId, template: Template) -> None:
        """Allows one more message of the template, after the reader has accepted it, up to
        ``MOST_REPORTED``."""
        for _ in range(2):  # after a concurrent first insert the second try updates
            with translate_errors():
                try:
                    await self._all.update_one(
                        {"_id": f"{reader_id}:{template}", "remain": {"$lt": MOST_REPORTED}},
                        {"$inc": {"remain": 1}, "$setOnInsert": {"reader": reader_id}},
                        upsert=True,
                    )
                    return
                except DuplicateKeyError:
                    continue

    async def ensure_one(self, reader_id: ReaderId, template: Template) -> None:
        """Makes sure that at least one message is allowed. It does not add one, since a client
        may have reported the same acceptance before."""
        with translate_errors():
            await self._all.update_one(
                {"_id": f"{reader_id}:{template}"},
                {"$max": {"remain": 1}, "$setOnInsert": {"reader": reader_id}},
                upsert=True,
            )

    async def accept_for_good(self, reader_id: ReaderId, template: Template) -> None:
        """Stores the acceptance of a long-term template, under a new mark: what ended an earlier
        acceptance does not end this one."""
        with translate_errors():
            await self._all.update_one(
                {"_id": f"{reader_id}:{template}"},
                {
                    "$set": {"standing": new_id()},
                    "$setOnInsert": {"reader": reader_id, "remain": 0},
                },
                upsert=True,
            )

    async def standing(self, consents: Collection[ConsentKey]) -> dict[ConsentKey, str]:
        """The marks of long-term acceptances in force among these (reader, template) pairs."""
        keys = _keys(consents)
        with translate_errors():
            rows = await self._all.find(
                {"_id": {"$in": list(keys)}, "standing": {"$exists": True}}, {"standing": 1}
            ).to_list(None)
        return {keys[row["_id"]]: row["standing"] for row in rows}

    async def end_standing(self, ended: Mapping[ConsentKey, str]) -> None:
        """Ends the long-term acceptances that WeChat has refused, if their marks are still
        stored: a later acceptance has a new mark."""
        with translate_errors():
            for (reader_id, template), mark in ended.items():
                await self._all.update_one(
                    {"_id": f"{reader_id}:{template}", "standing": mark},
                    {"$unset": {"standing": ""}},
                )

    async def refuse(self, reader_id: ReaderId, template: Template) -> None:
        """Deletes all consent to the template, after WeChat reported that the reader refuses it."""
        with translate_errors():
            await self._all.update_one(
                {"_id": f"{reader_id}:{template}"},
                {"$set": {"remain": 0}, "$unset": {"standing": ""}},
            )

    async def consume(self, consents: Collection[ConsentKey]) -> set[ConsentKey]:
        """Uses up one message of each (reader, template) pair with any left; returns the pairs."""
        keys = _keys(consents)
        mark = new_id()
        taken = {
            "$inc": {"remain": -1},
            # Marks what this call changed. Some stay, as others may consume before the query below.
            "$push": {"takes": {"$each": [mark], "$slice": -_STORED_TAKES}},
        }
        with translate_errors():
            result = await self._all.update_many(
                {"_id": {"$in": list(keys)}, "remain": {"$gt": 0}}, taken
            )
            if result.modified_count == len(keys):
                return set(keys.values())
            rows = await self._all.find(
                {"_id": {"$in": list(keys)}, "takes": mark}, {"_id": 1}
            ).to_list(None)
        return {keys[row["_id"]] for row in rows}

    async def restore(self, taken: Collection[ConsentKey]) -> None:
        """Gives back consents of unsent messages, except to readers whose binding has ended."""
        if not taken:
            return
        with translate_errors():
            await self._all.update_many(
                {"_id": {"$in": list(_keys(taken))}}, {"$inc": {"remain": 1}}
            )

    async def with_consent(self, consents: Collection[ConsentKey]) -> set[ConsentKey]:
        """The (reader, template) pairs among ``consents`` for which a message is still allowed."""
        keys = _keys(consents)
        with translate_errors():
            rows = await self._all.find(
                {"_id": {"$in": list(keys)}, "remain": {"$gt": 0}}, {"_id": 1}
            ).to_list(None)
        return {keys[row["_id"]] for row in rows}

    async def clear(self, spent: Collection[ConsentKey]) -> None:
        """Sets these (reader, template) pairs to zero allowed messages, as WeChat reported."""
        if not spent:
            return
        with translate_errors():
            await self._all.update_many(
                {"_id": {"$in": list(_keys(spent))}}, {"$set": {"remain": 0}}
            )

    async def remaining(
        self, reader_id: ReaderId, long_term: Collection[Template] = ()
    ) -> dict[Template, int]:
        """The number of messages still allowed, by template. For a template in ``long_term``: 1
        if accepted, else 0."""
        with translate_errors():
            rows = await self._all.find({"reader": reader_id}).to_list(None)
        rows_by_template = {row["_id"].rsplit(":", 1)[1]: row for row in rows}
        left: dict[Template, int] = {template: 0 for template in WECHAT_TEMPLATES}
        for template in left:
            if row := rows_by_template.get(template.value):
                left[template] = int("standing" in row) if template in long_term else row["remain"]
        return left

    async def totals(self) -> dict[Template, ConsentTotals]:
        has_any: Document = {"$cond": [{"$gt": ["$remain", 0]}, 1, 0]}
        stands: Document = {"$cond": [{"$gt": ["$standing", ""]}, 1, 0]}
        group: Document = {
            "_id": {"$last": {"$split": ["$_id", ":"]}},
            "left": {"$sum": "$remain"},
            "readers": {"$sum": has_any},
            "standing": {"$sum": stands},
        }
        allowed: Document = {"$or": [{"remain": {"$gt": 0}}, {"standing": {"$exists": True}}]}
        groups = await aggregate_groups(self._all, allowed, group)
        rows = {r["_id"]: ConsentTotals(r["left"], r["readers"], r["standing"]) for r in groups}
        return {name: rows.get(name.value, ConsentTotals()) for name in WECHAT_TEMPLATES}

    async def forget(self, reader_id: ReaderId) -> None:
        """Deletes all consents of a reader whose binding to a WeChat user has ended."""
        with translate_errors():
            await self._all.delete_many({"reader": reader_id})


def _keys(consents: Collection[ConsentKey]) -> dict[str, ConsentKey]:
    return {f"{reader_id}:{template}": (reader_id, template) for reader_id, template in consents}
