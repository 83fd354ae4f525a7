"""The sandbox's own state in MongoDB: the clock offset, device keys in clear, invented readers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from models.kernel.ids import ReaderId
from models.storage.installation import ABOUT
from models.storage.mongo import Database, new_id
from models.storage.mongo_errors import translate_errors

_LIFE: Final = "sandbox_life"
_OF_READERS: Final = (
    *("reservations", "messages", "deliveries", "violations"),
    *("suspensions", "waitlist"),
)
_CHECKS: Final = 100
_CHECK_S: Final = 0.05
"""Seconds between two checks whether the writer of invented readers has stopped. ``_CHECKS``
checks leave the writer five seconds to stop."""
_KEPT = frozenset(
    {
        *("venues", "areas", "seat_features", "kiosks", "gates", "rooms"),
        "room_pictures",
        *("sandbox_machines", "leases", ABOUT),
    }
)


class SandboxState:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def offset(self) -> timedelta:
        return (await self.clock())[0]

    async def clock(self) -> tuple[timedelta, str]:
        """The offset of the sandbox's clock from real time, and the id of the last reset."""
        with translate_errors():
            document = await self._db["sandbox_clock"].find_one({"_id": "offset"}) or {}
        return timedelta(milliseconds=document.get("ms", 0)), document.get("reset", "")

    async def set_offset(self, offset: timedelta) -> None:
        with translate_errors():
            await self._db["sandbox_clock"].update_one(
                {"_id": "offset"},
                {"$set": {"ms": round(offset / timedelta(milliseconds=1))}},
                upsert=True,
            )

    async def note_reset(self) -> str:
        """Stores a new id, by which all workers notice the reset; returns it."""
        name = new_id()
        with translate_errors():
            await self._db["sandbox_clock"].update_one(
                {"_id": "offset"}, {"$set": {"reset": name}}, upsert=True
            )
        return name

    async def keep_keys(self, kind: str, keys: Mapping[str, str]) -> None:
        """Stores device keys in clear, for clients that play a kiosk or a gate."""
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

    # --- invented readers (miniapp_server/load_data/living.py) -----------------------------------

    async def may_live(self) -> bool:
        """Whether a demo may write invented readers: the clock was not moved, and there are no
        bookings but those of an earlier demo. Removes the readers of an earlier demo."""
        if await self.offset():
            return False
        with translate_errors():
            if await self._db[_LIFE].find_one({}) is not None:
                await self._remove_invented()
                return True
            return await self._db["reservations"].find_one({}, {"_id": 1}) is None

    async def begin_life(self, writer: str, readers: Sequence[ReaderId]) -> None:
        """Records which readers the demo ``writer`` will write, so that they can be removed."""
        with translate_errors():
            await self._db[_LIFE].insert_one({"_id": writer, "readers": readers, "over": False})

    async def is_alive(self, writer: str) -> bool:
        """True if the demo ``writer`` may write more invented readers; False after its stop."""
        with translate_errors():
            return await self._db[_LIFE].find_one({"_id": writer, "over": False}) is not None

    async def note_stopped(self, writer: str, readers: Sequence[ReaderId]) -> None:
        """Records that the demo ``writer`` has stopped. If its readers were already removed,
        deletes the documents that the demo wrote afterwards."""
        with translate_errors():
            noted = await self._db[_LIFE].update_one({"_id": writer}, {"$set": {"stopped": True}})
            if not noted.matched_count:
                await self._remove_readers(readers)

    async def forget_statistics(self) -> None:
        """Deletes all daily statistics, so that they are computed again."""
        with translate_errors():
            await self._db["daily_statistics"].delete_many({})
            await self._db["daily_room_statistics"].delete_many({})

    async def end_life(self) -> bool:
        """Stops the demo's invented readers and removes them. False if there were none."""
        with translate_errors():
            life = await self._db[_LIFE].find_one_and_update({}, {"$set": {"over": True}})
            if life is None:
                return False
            for _ in range(_CHECKS):
                if await self._db[_LIFE].find_one({"stopped": True}) is not None:
                    break
                await asyncio.sleep(_CHECK_S)
            await self._remove_invented()
        return True

    async def _remove_readers(self, readers: Sequence[ReaderId]) -> None:
        for name in _OF_READERS:
            await self._db[name].delete_many({"reader": {"$in": readers}})
        await self._db["readers"].delete_many({"_id": {"$in": readers}})

    async def _remove_invented(self) -> None:
        async for life in self._db[_LIFE].find({}):
            await self._remove_readers(life["readers"])
        await self._db["daily_statistics"].delete_many({})
        await self._db["daily_room_statistics"].delete_many({})
        await self._db[_LIFE].delete_many({})

    async def wipe(self) -> None:
        """Deletes everything but the library, its devices and the database's metadata. It
        deletes twice, because a job may meanwhile offer a seat just freed to a waiting reader."""
        with translate_errors():
            names = await self._db.list_collection_names()
            for name in names * 2:
                if name not in _KEPT and not name.startswith("system."):
                    await self._db[name].delete_many({})
            await self._db["kiosks"].update_many({}, {"$unset": {"last_seen_at": ""}})
            # Gates' reports refer to the clock before the reset.
            await self._db["gates"].update_many(
                {}, {"$unset": {"last_seen_at": "", "complete_until": ""}}
            )
