from __future__ import annotations

from datetime import datetime

from models.storage.mongo import Database
from models.storage.mongo_errors import translate_errors


class MiniProgramCodeRepository:
    def __init__(self, db: Database) -> None:
        self._all = db["mini_program_codes"]

    async def get(self, scene: str) -> bytes | None:
        with translate_errors():
            document = await self._all.find_one({"_id": scene})
        return bytes(document["picture"]) if document else None

    async def keep(self, scene: str, picture: bytes, now: datetime) -> None:
        """Stores the scene's picture, unless there is one: the first of two workers wins."""
        with translate_errors():
            await self._all.update_one(
                {"_id": scene},
                {"$setOnInsert": {"picture": picture, "created_at": now}},
                upsert=True,
            )
