"""Values that may be used only once: the states of sign-ins, the ids of logout tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pymongo import ASCENDING, IndexModel

from models.storage.encryption import token_hash
from models.storage.mongo import Database, insert_if_new
from models.storage.mongo_errors import translate_errors

INDEXES: Final[dict[str, list[IndexModel]]] = {
    "used_once": [IndexModel([("until", ASCENDING)], name="until")]
}


class UsedOnceRepository:
    """Stores the hashes of used values as unique document ids, until the values expire."""

    def __init__(self, db: Database) -> None:
        self._all = db["used_once"]

    async def use(self, value: str, until: datetime) -> bool:
        """Marks the value as used until it expires at ``until``; False if it was used before."""
        return await insert_if_new(self._all, {"_id": token_hash(value), "until": until})

    async def give_back(self, value: str) -> None:
        """Allows the value again, after its use has failed."""
        with translate_errors():
            await self._all.delete_one({"_id": token_hash(value)})

    async def prune(self, now: datetime) -> int:
        with translate_errors():
            result = await self._all.delete_many({"until": {"$lte": now}})
        return result.deleted_count
