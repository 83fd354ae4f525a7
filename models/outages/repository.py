from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Final

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from models.outages.entities import Outage
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors

INDEXES: Final[dict[str, list[IndexModel]]] = {}


class OutageRepository:
    def __init__(self, db: Database) -> None:
        self._all = db["outages"]

    async def all(self) -> list[Outage]:
        """Outages that last or whose deadlines are not extended yet; nearly always none."""
        with translate_errors():
            rows = await self._all.find().sort("_id").to_list(None)
        return [Outage(row["_id"], row["start"], row["end"]) for row in rows]

    async def begin(self, what: str, start: datetime) -> None:
        """Records the component ``what`` as out since ``start``; an earlier start stays."""
        first: Document = {"start": start, "end": None}
        with translate_errors(), suppress(DuplicateKeyError):
            await self._all.update_one({"_id": what}, {"$setOnInsert": first}, upsert=True)

    async def end(self, what: str, end: datetime) -> None:
        """Records the end of the outage of the component ``what``. To be called before deadlines
        are extended, so that a repetition after a crash extends them by the same length."""
        with translate_errors():
            await self._all.update_one({"_id": what, "end": None}, {"$set": {"end": end}})

    async def over(self, outage: Outage) -> None:
        with translate_errors():
            await self._all.delete_one({"_id": outage.component, "start": outage.start})
