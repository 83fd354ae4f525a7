from __future__ import annotations

from datetime import datetime

from pymongo import DESCENDING

from models.policy.entities import Policy
from models.policy.mapping import policy_from_document, policy_to_document
from models.storage.installation import known_fields
from models.storage.mongo import Database, insert_if_new
from models.storage.mongo_errors import translate_errors


class PolicyRepository:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._all = db["policies"]

    async def add_missing(self, policy: Policy, now: datetime) -> None:
        with translate_errors():
            await self._all.update_one(
                {"_id": policy.version},
                {"$setOnInsert": {"at": now, "fields": policy_to_document(policy)}},
                upsert=True,
            )

    async def add(self, policy: Policy, now: datetime) -> bool:
        """Stores the policy as the next version. False if a version with its number exists."""
        return await insert_if_new(
            self._all, {"_id": policy.version, "at": now, "fields": policy_to_document(policy)}
        )

    async def newest(self) -> int | None:
        with translate_errors():
            document = await self._all.find_one({}, {"_id": 1}, sort=[("_id", DESCENDING)])
        return int(document["_id"]) if document else None

    async def farthest_horizon(self) -> int:
        """The largest booking window of any version of the policy or any reader group, in days."""
        ways = [
            f"fields.{way}booking_window_days"
            for way in ("", "rule_sets.values.", "venues.values.")
        ]
        with translate_errors():
            groups = await self._db["versions"].find_one({"_id": "reader_groups"})
            farthest = int((groups or {}).get("farthest", 0))
            for way in ways:
                # MongoDB sorts by the largest element of a list.
                document = await self._all.find_one({}, {"fields": 1}, sort=[(way, DESCENDING)])
                if document is None:
                    return max(farthest, Policy().booking_window_days)
                stored = document["fields"]
                own = [*stored.get("rule_sets", ()), *stored.get("venues", ())]
                values = [stored, *(place["values"] for place in own)]
                windows = [d.get("booking_window_days", 0) for d in values]
                farthest = max(farthest, *windows)
        return farthest

    async def versions(self, limit: int) -> list[tuple[int, datetime]]:
        """The newest versions of the policy, at most ``limit``: number and time of publication."""
        with translate_errors():
            rows = await self._all.find({}, {"at": 1}).sort("_id", -1).limit(limit).to_list(None)
        return [(int(row["_id"]), row["at"]) for row in rows]

    async def get(self, version: int) -> Policy | None:
        with translate_errors():
            document = await self._all.find_one({"_id": version})
        with known_fields(self._db, f"version {version} of the rules"):
            return policy_from_document(document) if document else None
