"""Readers' favourite seats. Two unique indexes decide races. The document id consists of the
reader's id and a number below ``MOST_FAVOURITES``, so a reader cannot have more. Reader and seat
together are unique, so no favourite is stored twice."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from models.kernel.ids import ReaderId
from models.library.entities import SeatId
from models.storage.mongo import Database
from models.storage.mongo_errors import translate_errors

MOST_FAVOURITES: Final = 10
INDEXES: Final = {
    "favourites": [
        IndexModel([("reader", ASCENDING), ("seat", ASCENDING)], name="once", unique=True)
    ]
}


class FavouriteRepository:
    def __init__(self, db: Database) -> None:
        self._all = db["favourites"]

    async def add(self, reader_id: ReaderId, seat_id: SeatId, at: datetime) -> bool:
        """Adds the seat to the reader's favourites. True also if it already was a favourite;
        False if the reader already has ``MOST_FAVOURITES``."""
        document = {"reader": reader_id, "seat": seat_id, "at": at}
        with translate_errors():
            for n in range(MOST_FAVOURITES):
                try:
                    await self._all.insert_one({**document, "_id": f"{reader_id}:{n}"})
                except DuplicateKeyError as error:
                    if "seat" in (error.details or {}).get("keyPattern", {}):
                        return True
                    continue  # the place is taken
                return True
            there = await self._all.find_one({"reader": reader_id, "seat": seat_id}, {"_id": 1})
        return there is not None

    async def remove(self, reader_id: ReaderId, seat_id: SeatId) -> None:
        with translate_errors():
            await self._all.delete_one({"reader": reader_id, "seat": seat_id})
