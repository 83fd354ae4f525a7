"""Outages of what readers need to check in, from their first sign until they are forgiven."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Final

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from models.outage import Outage
from models.store.client import Database, Document, upstream

INDEXES: Final[dict[str, list[IndexModel]]] = {}


class Outages:
    def __init__(self, db: Database) -> None:
        self._all = db["outages"]

    async def all(self) -> list[Outage]:
        """Those that last, and those whose deadlines have not been moved yet: hardly ever any."""
        with upstream():
            rows = await self._all.find().sort("_id").to_list(None)
        return [Outage(row["_id"], row["start"], row["end"]) for row in rows]

    async def begin(self, what: str, start: datetime) -> None:
        """It is seen to be out; one that is known already began when it began."""
        first: Document = {"start": start, "end": None}
        with upstream(), suppress(DuplicateKeyError):
            await self._all.update_one({"_id": what}, {"$setOnInsert": first}, upsert=True)

    async def end(self, what: str, end: datetime) -> None:
        """It works again. Noted before anything is moved, so that a crash repeats the same."""
        with upstream():
            await self._all.update_one({"_id": what, "end": None}, {"$set": {"end": end}})

    async def over(self, outage: Outage) -> None:
        """Its deadlines have been moved."""
        with upstream():
            await self._all.delete_one({"_id": outage.what, "start": outage.start})
