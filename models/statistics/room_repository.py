from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Final

from pymongo import ASCENDING, IndexModel, ReplaceOne

from models.statistics.room_use import DailyRoomUse
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors

_COLLECTION: Final = "daily_room_statistics"
INDEXES: Final = {_COLLECTION: [IndexModel([("day", ASCENDING)], name="by_day")]}


class DailyRoomUseRepository:
    """Stores the daily statistics of rooms, which are kept like those of areas."""

    def __init__(self, db: Database) -> None:
        self._all = db[_COLLECTION]

    async def put(self, days: Sequence[DailyRoomUse]) -> None:
        """Stores the days, replacing earlier statistics of the same days and rooms."""
        if not days:
            return
        documents = [asdict(d) | {"day": d.day.isoformat()} for d in days]
        with translate_errors():
            await self._all.bulk_write(
                [
                    ReplaceOne({"_id": f"{d['day']}:{d['room_id']}"}, d, upsert=True)
                    for d in documents
                ],
                ordered=False,
            )

    async def between(self, first: date, last: date) -> list[DailyRoomUse]:
        """The statistics of the days ``first`` to ``last`` (inclusive), in order of days."""
        query = {"day": {"$gte": first.isoformat(), "$lte": last.isoformat()}}
        with translate_errors():
            rows = await self._all.find(query, {"_id": 0}).sort("day", ASCENDING).to_list(None)
        return [_day(row) for row in rows]


def _day(row: Document) -> DailyRoomUse:
    return DailyRoomUse(**row | {"day": date.fromisoformat(row["day"])})
