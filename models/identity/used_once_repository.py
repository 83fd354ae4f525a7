"""What counts once: the states of sign-ins, and the ids of logout tokens."""

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
    """Fingerprints of what has been used. Their ``_id`` lets each in once."""

    def __init__(self, db: Database) -> None:
        self._all = db["used_once"]

    async def use(self, value: str, until: datetime) -> bool:
        """Use it. False where it was used before. It is remembered until then, when it is void for
        another reason."""
        return await insert_if_new(self._all, {"_id": token_hash(value), "until": until})

    async def give_back(self, value: str) -> None:
        """What it was used for has failed."""
        with translate_errors():
            await self._all.delete_one({"_id": token_hash(value)})

    async def prune(self, now: datetime) -> int:
        with translate_errors():
            result = await self._all.delete_many({"until": {"$lte": now}})
        return result.deleted_count
