from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from models.library.entities import SeatId
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class UndecidedDays:
    """Days, from ``first`` to ``last``, on which nobody can book these seats: the season ``title``
    will give them to its holders."""

    title: str
    seats: frozenset[SeatId]
    first: date
    last: date


class UndecidedDaysRepository:
    """Reads from the seasons which of their days are not written yet."""

    def __init__(self, db: Database) -> None:
        self._all = db["seasons"]

    async def all(self) -> list[UndecidedDays]:
        """All undecided days. Raises: Unavailable."""
        which: Document = {
            "kind": "seats",
            "state": {"$ne": "aborted"},
            "$expr": {"$lt": ["$written", "$last"]},
        }
        with translate_errors():
            fields = dict.fromkeys(("title", "given", "written", "last"), 1)
            rows = await self._all.find(which, fields).to_list(None)
        return [
            UndecidedDays(
                row["title"],
                frozenset(SeatId(one["id"]) for one in row["given"]),
                date.fromisoformat(row["written"]) + _DAY,
                date.fromisoformat(row["last"]),
            )
            for row in rows
        ]
