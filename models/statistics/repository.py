"""Stores the daily statistics. They are small, so they can be kept for years."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Final

from pymongo import ASCENDING, IndexModel, ReplaceOne

from models.library.entities import AreaId
from models.statistics.daily import AreaDay
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors

INDEXES: Final = {
    "daily_statistics": [IndexModel([("day", ASCENDING), ("area_id", ASCENDING)], name="by_day")]
}


class DailyStatisticsRepository:
    def __init__(self, db: Database) -> None:
        self._all = db["daily_statistics"]

    async def put(self, days: Sequence[AreaDay]) -> None:
        """Stores the days, replacing earlier statistics of the same days and areas."""
        with translate_errors():
            await self._all.bulk_write(
                [ReplaceOne({"_id": _id(d)}, _document(d), upsert=True) for d in days],
                ordered=False,
            )

    async def last(self) -> date | None:
        """The last day that has statistics; None if there is none."""
        with translate_errors():
            document = await self._all.find_one({}, {"day": 1}, sort=[("day", -1)], hint="by_day")
        return date.fromisoformat(document["day"]) if document else None

    async def between(self, first: date, last: date) -> list[AreaDay]:
        """The statistics of the days ``first`` to ``last`` (inclusive), in order of days."""
        query = {"day": {"$gte": first.isoformat(), "$lte": last.isoformat()}}
        with translate_errors():
            rows = await self._all.find(query).sort("day", ASCENDING).to_list(None)
        return [_day(row) for row in rows]


def _id(d: AreaDay) -> str:
    return f"{d.day.isoformat()}:{d.area_id}"


def _document(d: AreaDay) -> Document:
    return {**asdict(d), "_id": _id(d), "day": d.day.isoformat(), "used": list(d.used)}


def _day(row: Document) -> AreaDay:
    fields = {name: value for name, value in row.items() if name != "_id"}
    fields |= {"day": date.fromisoformat(row["day"]), "area_id": AreaId(row["area_id"])}
    return AreaDay(**fields | {"used": tuple(row["used"])})
