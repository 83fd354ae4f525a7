"""Leases, which give one worker at a time a job or a document."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from pymongo.errors import DuplicateKeyError

from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors


def unleased(real_now: datetime) -> Document:
    """The query condition for a document without a live lease in ``lease_until``."""
    return {"$or": [{"lease_until": None}, {"lease_until": {"$lte": real_now}}]}


def may_be_leased(row: Document, now: datetime, real_now: datetime) -> bool:
    """True if the document ``row`` (a delivery) is due at ``now`` and no worker holds its lease."""
    free = row["lease_until"] is None or row["lease_until"] <= real_now
    return bool(row["due"] <= now and free)


class LeaseRepository:
    """Leases by name, each with one owner. They use real time: the business clock may jump."""

    def __init__(self, db: Database) -> None:
        self._all = db["leases"]

    async def acquire(self, name: str, owner: str, real_now: datetime, length: timedelta) -> bool:
        """Takes or renews the lease ``name`` for ``length``. False if another owner has it."""
        with translate_errors():
            try:
                await self._all.update_one(
                    {"_id": name, "$or": [{"owner": owner}, {"until": {"$lte": real_now}}]},
                    {"$set": {"owner": owner, "until": real_now + length}},
                    upsert=True,
                )
            except DuplicateKeyError:
                return False
        return True

    async def renew(
        self, names: Collection[str], owner: str, real_now: datetime, length: timedelta
    ) -> bool:
        """Renews the owner's leases with these names in one update. False if the owner has lost
        one of them; the lost lease is left unchanged."""
        with translate_errors():
            done = await self._all.update_many(
                {"_id": {"$in": list(names)}, "owner": owner},
                {"$set": {"until": real_now + length}},
            )
        return done.matched_count == len(names)

    async def release(self, name: str, owner: str) -> None:
        with translate_errors():
            await self._all.delete_one({"_id": name, "owner": owner})
