"""Campus cards and their readers. Card numbers are stored as keyed hashes only."""

from __future__ import annotations

from typing import Final

from pymongo import ASCENDING, IndexModel

from models.kernel.ids import ReaderId
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database, insert_if_new, new_id
from models.storage.mongo_errors import translate_errors

INDEXES: Final = {"cards": [IndexModel([("hashes", ASCENDING)], name="hashes", unique=True)]}


class CardRepository:
    def __init__(self, db: Database, sealer: FieldCipher) -> None:
        self._all = db["cards"]
        self._sealer = sealer

    async def put(self, card_no: str, reader_id: ReaderId) -> None:
        """Assigns the card to the reader, even if it was another reader's."""
        hashes = self._sealer.hashes(card_no, "card")
        with translate_errors():
            await self._all.update_one(
                {"hashes": {"$in": hashes}},
                {
                    "$set": {"reader": reader_id},
                    "$setOnInsert": {"_id": new_id(), "hashes": hashes},
                },
                upsert=True,
            )

    async def give(self, card_no: str, reader_id: ReaderId) -> bool:
        """Assigns the card to the reader; False if it is assigned already."""
        hashes = self._sealer.hashes(card_no, "card")
        card = {"_id": new_id(), "hashes": hashes, "reader": reader_id}
        return await insert_if_new(self._all, card)

    async def reader_of(self, card_no: str) -> ReaderId | None:
        with translate_errors():
            card = await self._all.find_one(
                {"hashes": {"$in": self._sealer.hashes(card_no, "card")}}, {"reader": 1}
            )
        return ReaderId(card["reader"]) if card else None
