"""The consent ledger: how many messages of each template a reader has allowed.

A hint only: WeChat enforces the truth, so a client that lies costs refusals (43101), and no more
than ``MOST_REPORTED`` of each template.
"""

from __future__ import annotations

from collections.abc import Collection
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

    async def consume(
        self, wanted: Collection[tuple[ReaderId, Template]]
    ) -> set[tuple[ReaderId, Template]]:
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

    async def restore(self, taken: Collection[tuple[ReaderId, Template]]) -> None:
        """They were not used. Consent that has ended since stays ended."""
        if not taken:
            return
        with translate_errors():
            await self._all.update_many(
                {"_id": {"$in": list(_keys(taken))}}, {"$inc": {"remain": 1}}
            )

    async def with_consent(
        self, wanted: Collection[tuple[ReaderId, Template]]
    ) -> set[tuple[ReaderId, Template]]:
        """Those of the wanted (reader, template) that have any left."""
        keys = _keys(wanted)
        with translate_errors():
            rows = await self._all.find(
                {"_id": {"$in": list(keys)}, "remain": {"$gt": 0}}, {"_id": 1}
            ).to_list(None)
        return {keys[row["_id"]] for row in rows}

    async def clear(self, spent: Collection[tuple[ReaderId, Template]]) -> None:
        """WeChat says there are none."""
        if not spent:
            return
        with translate_errors():
            await self._all.update_many(
                {"_id": {"$in": list(_keys(spent))}}, {"$set": {"remain": 0}}
            )

    async def remaining(self, reader_id: ReaderId) -> dict[Template, int]:
        """What is left for each template."""
        with translate_errors():
            rows = await self._all.find({"reader": reader_id}).to_list(None)
        left = {row["_id"].rsplit(":", 1)[1]: row["remain"] for row in rows}
        return {template: left.get(template.value, 0) for template in WECHAT_TEMPLATES}

    async def totals(self) -> dict[Template, tuple[int, int]]:
        """What is left for each template: messages, and readers who have any."""
        group: Document = {
            "_id": {"$last": {"$split": ["$_id", ":"]}},
            "left": {"$sum": "$remain"},
            "readers": {"$sum": 1},
        }
        found = await aggregate_groups(self._all, {"remain": {"$gt": 0}}, group)
        rows = {row["_id"]: (row["left"], row["readers"]) for row in found}
        return {template: rows.get(template.value, (0, 0)) for template in WECHAT_TEMPLATES}

    async def forget(self, reader_id: ReaderId) -> None:
        """Consent was given by a WeChat user; unbinding ends it."""
        with translate_errors():
            await self._all.delete_many({"reader": reader_id})


def _keys(
    wanted: Collection[tuple[ReaderId, Template]],
) -> dict[str, tuple[ReaderId, Template]]:
    return {f"{reader_id}:{template}": (reader_id, template) for reader_id, template in wanted}
