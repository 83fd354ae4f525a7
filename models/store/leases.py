"""Who runs a job, since when the service is up, and when each job last went well."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from models.store.client import Database, upstream

INDEXES: Final[dict[str, list[IndexModel]]] = {}


class Leases:
    """One holder a name, by real time: the business clock may jump, a lease may not."""

    def __init__(self, db: Database) -> None:
        self._all = db["leases"]

    async def acquire(self, name: str, owner: str, real_now: datetime, length: timedelta) -> bool:
        """Take or renew the lease. False while another holds it."""
        with upstream():
            try:
                await self._all.update_one(
                    {"_id": name, "$or": [{"owner": owner}, {"until": {"$lte": real_now}}]},
                    {"$set": {"owner": owner, "until": real_now + length}},
                    upsert=True,
                )
            except DuplicateKeyError:
                return False
        return True

    async def release(self, name: str, owner: str) -> None:
        with upstream():
            await self._all.delete_one({"_id": name, "owner": owner})


class Heartbeat:
    """The last business instant at which the service was seen alive."""

    def __init__(self, db: Database) -> None:
        self._all = db["heartbeat"]

    async def last(self) -> datetime | None:
        with upstream():
            found = await self._all.find_one({"_id": "service"})
        return found["at"] if found else None

    async def outage(self, start: datetime, end: datetime) -> tuple[datetime, datetime]:
        """Note the outage; where one is noted already (its forgiving was cut off), that one."""
        with upstream():
            await self._all.update_one(
                {"_id": "outage"}, {"$setOnInsert": {"start": start, "end": end}}, upsert=True
            )
            found = await self._all.find_one({"_id": "outage"})
        return (found["start"], found["end"]) if found else (start, end)

    async def forgiven(self) -> None:
        with upstream():
            await self._all.delete_one({"_id": "outage"})

    async def beat(self, now: datetime) -> None:
        with upstream():
            await self._all.update_one({"_id": "service"}, {"$set": {"at": now}}, upsert=True)
