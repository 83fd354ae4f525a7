"""The consent ledger: how many messages of each template a reader has allowed.

A hint only: WeChat enforces the truth, so a client that lies costs refusals (43101), and no more
than ``MOST_REPORTED`` of each template.

A long-term template (长期订阅) is accepted once: the accept stands, and no message uses it up,
until WeChat says that the reader does not want it any more.
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
"""A client's reports lead to no more than so many messages of a template."""
_TAKES_KEPT: Final = 4
INDEXES: Final[dict[str, list[IndexModel]]] = {
    "message_consents": [IndexModel([("reader", ASCENDING)], name="reader")]
}


ConsentKey = tuple[ReaderId, Template]


@dataclass(frozen=True, slots=True)
class ConsentTotals:
    """Of a template: messages that may still be sent, and readers who allow any; readers whose
    accept of it as a long-term one stands."""

    left: int = 0
    readers: int = 0
    standing: int = 0


class ConsentRepository:
    def __init__(self, db: Database) -> None:
        self._all = db["message_consents"]

    async def add(self, reader_id: ReaderId, template: Template) -> None:
        """The reader accepted once: one more message, unless there are as many as are kept."""
        for _ in range(2):  # two first ones at once: the second try finds the winner's
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
        """WeChat says that the reader accepted, perhaps what the client has reported already."""
        with translate_errors():
            await self._all.update_one(
                {"_id": f"{reader_id}:{template}"},
                {"$max": {"remain": 1}, "$setOnInsert": {"reader": reader_id}},
                upsert=True,
            )

    async def accept_for_good(self, reader_id: ReaderId, template: Template) -> None:
        """The reader accepted a long-term template: the accept stands, under a mark of its own."""
        with translate_errors():
            await self._all.update_one(
                {"_id": f"{reader_id}:{template}"},
                {
                    "$set": {"standing": new_id()},
                    "$setOnInsert": {"reader": reader_id, "remain": 0},
                },
                upsert=True,
            )

    async def standing(self, wanted: Collection[ConsentKey]) -> dict[ConsentKey, str]:
        """The marks of those of the wanted long-term (reader, template) that are accepted."""
        keys = _keys(wanted)
        with translate_errors():
            rows = await self._all.find(
                {"_id": {"$in": list(keys)}, "standing": {"$exists": True}}, {"standing": 1}
            ).to_list(None)
        return {keys[row["_id"]]: row["standing"] for row in rows}

    async def end_standing(self, ended: Mapping[ConsentKey, str]) -> None:
        """WeChat refused a message that was sent under these marks. An accept that came meanwhile
        has another mark, and stands."""
        with translate_errors():
            for (reader_id, template), mark in ended.items():
                await self._all.update_one(
                    {"_id": f"{reader_id}:{template}", "standing": mark},
                    {"$unset": {"standing": ""}},
                )

    async def refuse(self, reader_id: ReaderId, template: Template) -> None:
        """WeChat says that the reader has refused it: nothing is allowed, for good or once."""
        with translate_errors():
            await self._all.update_one(
                {"_id": f"{reader_id}:{template}"},
                {"$set": {"remain": 0}, "$unset": {"standing": ""}},
            )

    async def consume(self, wanted: Collection[ConsentKey]) -> set[ConsentKey]:
        """Use one up of each. Those of the wanted (reader, template) that had one left."""
        keys = _keys(wanted)
        mark = new_id()
        taken = {
            "$inc": {"remain": -1},
            # Tells which ones were ours; the last few, since others may take before we look.
            "$push": {"takes": {"$each": [mark], "$slice": -_TAKES_KEPT}},
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
        """They were not used. Consent that has ended since stays ended."""
        if not taken:
            return
        with translate_errors():
            await self._all.update_many(
                {"_id": {"$in": list(_keys(taken))}}, {"$inc": {"remain": 1}}
            )

    async def with_consent(self, wanted: Collection[ConsentKey]) -> set[ConsentKey]:
        """Those of the wanted (reader, template) that have any left."""
        keys = _keys(wanted)
        with translate_errors():
            rows = await self._all.find(
                {"_id": {"$in": list(keys)}, "remain": {"$gt": 0}}, {"_id": 1}
            ).to_list(None)
        return {keys[row["_id"]] for row in rows}

    async def clear(self, spent: Collection[ConsentKey]) -> None:
        """WeChat says there are none."""
        if not spent:
            return
        with translate_errors():
            await self._all.update_many(
                {"_id": {"$in": list(_keys(spent))}}, {"$set": {"remain": 0}}
            )

    async def remaining(
        self, reader_id: ReaderId, long_term: Collection[Template] = ()
    ) -> dict[Template, int]:
        """What is left for each template; for a long-term one 1 while its accept stands."""
        with translate_errors():
            rows = await self._all.find({"reader": reader_id}).to_list(None)
        kept = {row["_id"].rsplit(":", 1)[1]: row for row in rows}
        left: dict[Template, int] = {template: 0 for template in WECHAT_TEMPLATES}
        for template in left:
            if row := kept.get(template.value):
                left[template] = int("standing" in row) if template in long_term else row["remain"]
        return left

    async def totals(self) -> dict[Template, ConsentTotals]:
        """What all readers allow of each template."""
        has_any: Document = {"$cond": [{"$gt": ["$remain", 0]}, 1, 0]}
        stands: Document = {"$cond": [{"$gt": ["$standing", ""]}, 1, 0]}
        group: Document = {
            "_id": {"$last": {"$split": ["$_id", ":"]}},
            "left": {"$sum": "$remain"},
            "readers": {"$sum": has_any},
            "standing": {"$sum": stands},
        }
        allowed: Document = {"$or": [{"remain": {"$gt": 0}}, {"standing": {"$exists": True}}]}
        found = await aggregate_groups(self._all, allowed, group)
        rows = {r["_id"]: ConsentTotals(r["left"], r["readers"], r["standing"]) for r in found}
        return {name: rows.get(name.value, ConsentTotals()) for name in WECHAT_TEMPLATES}

    async def forget(self, reader_id: ReaderId) -> None:
        """Consent was given by a WeChat user; unbinding ends it."""
        with translate_errors():
            await self._all.delete_many({"reader": reader_id})


def _keys(wanted: Collection[ConsentKey]) -> dict[str, ConsentKey]:
    return {f"{reader_id}:{template}": (reader_id, template) for reader_id, template in wanted}
