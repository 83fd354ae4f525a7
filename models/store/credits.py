"""The consent ledger: how many messages of each template a reader has allowed.

A hint only: WeChat enforces the truth, so a client that lies costs one refusal (43101).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from pymongo import ASCENDING, IndexModel

from models.message import Template
from models.reservation import ReaderId
from models.store.client import Database, upstream

INDEXES: Final[dict[str, list[IndexModel]]] = {
    "credits": [IndexModel([("reader", ASCENDING)], name="reader")]
}


class Credits:
    def __init__(self, db: Database) -> None:
        self._all = db["credits"]

    async def add(self, reader_id: ReaderId, template: Template) -> None:
        """The reader accepted once: one more message."""
        with upstream():
            await self._all.update_one(
                {"_id": f"{reader_id}:{template}"},
                {"$inc": {"remain": 1}, "$setOnInsert": {"reader": reader_id}},
                upsert=True,
            )

    async def take(self, reader_id: ReaderId, template: Template) -> bool:
        """Use one up; False when none is left."""
        with upstream():
            found = await self._all.find_one_and_update(
                {"_id": f"{reader_id}:{template}", "remain": {"$gt": 0}}, {"$inc": {"remain": -1}}
            )
        return found is not None

    async def known(
        self, wanted: Collection[tuple[ReaderId, Template]]
    ) -> set[tuple[ReaderId, Template]]:
        """Those of the wanted (reader, template) that have any left."""
        keys = {f"{reader_id}:{template}": (reader_id, template) for reader_id, template in wanted}
        with upstream():
            rows = await self._all.find(
                {"_id": {"$in": list(keys)}, "remain": {"$gt": 0}}, {"_id": 1}
            ).to_list(None)
        return {keys[row["_id"]] for row in rows}

    async def empty(self, reader_id: ReaderId, template: Template) -> None:
        """WeChat says there is none."""
        with upstream():
            await self._all.update_one({"_id": f"{reader_id}:{template}"}, {"$set": {"remain": 0}})

    async def of(self, reader_id: ReaderId) -> dict[Template, int]:
        """What is left for each template."""
        with upstream():
            rows = await self._all.find({"reader": reader_id}).to_list(None)
        left = {row["_id"].rsplit(":", 1)[1]: row["remain"] for row in rows}
        return {template: left.get(template.value, 0) for template in Template}

    async def forget(self, reader_id: ReaderId) -> None:
        """Consent was given by a WeChat user; unbinding ends it."""
        with upstream():
            await self._all.delete_many({"reader": reader_id})
