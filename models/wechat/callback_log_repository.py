"""The log of handled WeChat callbacks. WeChat repeats a callback that gets no timely response."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pymongo import ASCENDING, IndexModel

from models.storage.mongo import Database, insert_if_new
from models.storage.mongo_errors import translate_errors

INDEXES: Final = {"wechat_callbacks": [IndexModel([("at", ASCENDING)], name="at")]}


class WeChatCallbackLog:
    def __init__(self, db: Database) -> None:
        self._all = db["wechat_callbacks"]

    async def first(self, name: str, now: datetime) -> bool:
        """Records the callback; True if it is new. ``name`` identifies it, without an openid."""
        return await insert_if_new(self._all, {"_id": name, "at": now})

    async def forget(self, name: str) -> None:
        """Removes the record of an unhandled callback, so that WeChat's repetition is handled."""
        with translate_errors():
            await self._all.delete_one({"_id": name})

    async def prune(self, before: datetime) -> None:
        with translate_errors():
            await self._all.delete_many({"at": {"$lt": before}})
