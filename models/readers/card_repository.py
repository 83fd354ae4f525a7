"""Campus cards: which number on a card is which reader. Only hashes are kept of the card."""

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
        """The card is this reader's from now on, whoever had it before."""
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
        """The card is this reader's. False where it is somebody's already."""
        hashes = self._sealer.hashes(card_no, "card")
        card = {"_id": new_id(), "hashes": hashes, "reader": reader_id}
        return await insert_if_new(self._all, card)

    async def reader_of(self, card_no: str) -> ReaderId | None:
        with translate_errors():
            found = await self._all.find_one(
                {"hashes": {"$in": self._sealer.hashes(card_no, "card")}}, {"reader": 1}
            )
        return ReaderId(found["reader"]) if found else None
