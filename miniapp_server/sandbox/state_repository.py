"""What the sandbox itself keeps: the clock's offset, and the demo machines' keys in clear."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from models.storage.installation import ABOUT
from models.storage.mongo import Database, new_id
from models.storage.mongo_errors import translate_errors

_KEPT = frozenset({"venues", "areas", "kiosks", "gates", "sandbox_machines", "leases", ABOUT})


class SandboxState:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def offset(self) -> timedelta:
        return (await self.clock())[0]

    async def clock(self) -> tuple[timedelta, str]:
        """(the clock's offset, the name of the last reset: it is another after each)."""
        with translate_errors():
            found = await self._db["sandbox_clock"].find_one({"_id": "offset"}) or {}
        return timedelta(milliseconds=found.get("ms", 0)), found.get("reset", "")

    async def set_offset(self, offset: timedelta) -> None:
        with translate_errors():
            await self._db["sandbox_clock"].update_one(
                {"_id": "offset"},
                {"$set": {"ms": round(offset / timedelta(milliseconds=1))}},
                upsert=True,
            )

    async def note_reset(self) -> str:
        """Returns its name."""
        name = new_id()
        with translate_errors():
            await self._db["sandbox_clock"].update_one(
                {"_id": "offset"}, {"$set": {"reset": name}}, upsert=True
            )
        return name

    async def keep_keys(self, kind: str, keys: Mapping[str, str]) -> None:
        """The keys of demo machines, so that a newcomer can play kiosk or gate."""
        with translate_errors():
            for id, key in keys.items():
                await self._db["sandbox_machines"].update_one(
                    {"_id": f"{kind}:{id}"},
                    {"$set": {"kind": kind, "id": id, "key": key}},
                    upsert=True,
                )

    async def keys(self, kind: str) -> dict[str, str]:
        with translate_errors():
            rows = await self._db["sandbox_machines"].find({"kind": kind}).sort("_id").to_list(None)
        return {row["id"]: row["key"] for row in rows}

    async def wipe(self) -> None:
        """Everything but the library, its machines, and what the database says about itself."""
        with translate_errors():
            for name in await self._db.list_collection_names():
                if name not in _KEPT and not name.startswith("system."):
                    await self._db[name].delete_many({})
            await self._db["kiosks"].update_many({}, {"$unset": {"last_seen_at": ""}})
            # What gates said stands on a clock that is gone.
            await self._db["gates"].update_many(
                {}, {"$unset": {"last_seen_at": "", "complete_until": ""}}
            )
