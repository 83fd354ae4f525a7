"""The secrets of the openings' draws, and the lists that are published afterwards."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from pymongo import DESCENDING, IndexModel, ReturnDocument

from models.opening_draw.calculation import SECRET_BYTES, commitment
from models.opening_draw.entities import Draw
from models.storage.encryption import FieldCipher
from models.storage.free_text import FreeTexts
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors

INDEXES: Final[dict[str, list[IndexModel]]] = {}


class DrawRepository:
    def __init__(self, db: Database, cipher: FieldCipher) -> None:
        self._all, self._texts = db["opening_draws"], FreeTexts("opening_draws", cipher)

    async def commit(self, opens_at: datetime, now: datetime) -> Draw:
        """The draw of this opening. Commits to a new secret if there is none yet: all workers get
        the same one. Raises: Unavailable."""
        secret = secrets.token_hex(SECRET_BYTES)
        new: Document = {
            "commitment": commitment(secret),
            "committed_at": now,
            "secret": self._texts.seal("secret", secret),
            "lists": [],
        }
        with translate_errors():
            document = await self._all.find_one_and_update(
                {"_id": opens_at},
                {"$setOnInsert": new},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        assert document is not None
        return self._draw(document)

    async def record(self, draw: Draw, day: date, round: int, applications: Sequence[str]) -> None:
        """Stores the list of a round, unless it has been stored. Raises: Unavailable."""
        of: Document = {"day": day.isoformat(), "round": round}
        with translate_errors():
            await self._all.update_one(
                {"_id": draw.opens_at, "lists": {"$not": {"$elemMatch": of}}},
                {"$push": {"lists": of | {"applications": list(applications)}}},
            )

    async def get(self, opens_at: datetime) -> Draw | None:
        with translate_errors():
            document = await self._all.find_one({"_id": opens_at})
        return self._draw(document) if document is not None else None

    async def latest(self, limit: int) -> list[Draw]:
        """At most ``limit`` draws without their lists, the last opening first."""
        with translate_errors():
            rows = self._all.find({}, {"lists": 0}).sort("_id", DESCENDING).limit(limit)
            return [self._draw(row) for row in await rows.to_list(None)]

    async def remove_before(self, instant: datetime) -> None:
        with translate_errors():
            await self._all.delete_many({"_id": {"$lt": instant}})

    def _draw(self, d: Document) -> Draw:
        return Draw(
            opens_at=d["_id"],
            commitment=d["commitment"],
            committed_at=d["committed_at"],
            secret=self._texts.open("secret", d.get("secret")),
            lists={
                (date.fromisoformat(one["day"]), one["round"]): one["applications"]
                for one in d.get("lists", ())
            },
        )
