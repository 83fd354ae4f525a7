"""Campus cards: which number on a card is which reader. Only hashes are kept of the card."""

from __future__ import annotations

from typing import Final

from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from models.reservation import ReaderId
from models.store.client import Database, insert, new_id, upstream
from models.store.sealing import Sealer

INDEXES: Final = {"cards": [IndexModel([("hashes", ASCENDING)], name="hashes", unique=True)]}


class Cards:
    def __init__(self, db: Database, sealer: Sealer) -> None:
        self._all = db["cards"]
        self._sealer = sealer

    async def put(self, card_no: str, reader_id: ReaderId) -> None:
        """The card is this reader's from now on, whoever had it before."""
        hashes = self._sealer.hashes(card_no, "card")
        with upstream():
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
        with upstream():
            try:
                card = {"_id": new_id(), "hashes": hashes, "reader": reader_id}
                await insert(self._all, card)
            except DuplicateKeyError:
                return False
        return True

    async def reader_of(self, card_no: str) -> ReaderId | None:
        with upstream():
            found = await self._all.find_one(
                {"hashes": {"$in": self._sealer.hashes(card_no, "card")}}, {"reader": 1}
            )
        return ReaderId(found["reader"]) if found else None
