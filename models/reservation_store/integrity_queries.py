from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import pymongo
from pymongo import ASCENDING

from models.kernel.ids import ReservationId
from models.readers.personal_data_repository import ERASED_READER
from models.reservation_store.queries import A_RESERVATION, ReservationCollection
from models.storage.mongo import Document
from models.storage.mongo_errors import translate_errors

_TOLERATED_OVERLAP: Final = timedelta(seconds=10)
"""Shorter overlaps are not reported: they last as long as a request, double bookings minutes."""
_SPAN: Final[Document] = {
    **dict.fromkeys(("day", "seat", "reader", "room", "start", "end"), 1),
    **dict.fromkeys(("placed_at", "available_from", "ended_at"), 1),
    "history": {"$slice": 1},
}
_HOLDS: Final[Document] = {"$or": [A_RESERVATION, {"room": {"$exists": True}}]}
_SWEEP_BATCH: Final = 5000
_SWEEP_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class DoubleBooking:
    thing: str
    first: ReservationId
    second: ReservationId


class OccupiedSpan(NamedTuple):
    """A time for which reservation ``id`` held the seat, reader or room ``key`` (``seat <id>``,
    say), from ``start`` to before ``stop``."""

    key: str
    start: datetime
    stop: datetime
    id: ReservationId


def occupied_spans(row: Document) -> list[OccupiedSpan]:
    """The times for which a stored reservation held its seat and its reader; empty if it ended
    before these times began. They begin at ``placed_at`` if the start is earlier: a start 现在
    (now) is cut to the minute, and before ``placed_at`` the seat could be another reader's.
    Erased readers share one id, so for them only the seat is returned. Of a booking or block of a
    room it is the stay, without buffer and people, who come and go."""
    if "room" in row:
        start = max(row["start"], row["history"][0]["at"])
        stop = min(row["end"], row["ended_at"] or row["end"])
        key = f"room {row['room']}"
        return [OccupiedSpan(key, start, stop, row["_id"])] if start < stop else []
    start = max(min(row["start"], row.get("available_from") or row["start"]), row["placed_at"])
    stop = min(row["end"], row.get("ended_at") or row["end"])
    if stop <= start:
        return []
    things = ("seat",) if row["reader"] == ERASED_READER else ("seat", "reader")
    return [OccupiedSpan(f"{thing} {row[thing]}", start, stop, row["_id"]) for thing in things]


class IntegrityQueries(ReservationCollection):
    async def find_double_bookings(self) -> list[DoubleBooking]:
        """Every pair of reservations that held one seat, reader or room at the same time. The
        search ignores the claims, since it checks whether they work. Overlaps of seconds do not
        count: one request may release a seat while another asks for it."""
        doubles: list[DoubleBooking] = []
        before: dict[str, OccupiedSpan] = {}
        async for rows in self._days():
            latest: dict[str, OccupiedSpan] = {}
            for span in sorted(span for row in rows for span in occupied_spans(row)):
                held = latest.get(span.key) or before.get(span.key)
                if held is not None and span.start + _TOLERATED_OVERLAP < held.stop:
                    doubles.append(DoubleBooking(span.key.partition(" ")[0], held.id, span.id))
                if held is None or span.stop > held.stop:
                    latest[span.key] = span
            before = latest
        return sorted(doubles, key=lambda double: double.thing, reverse=True)

    async def _days(self) -> AsyncIterator[list[Document]]:
        """Yields all reservations, day by day. MongoDB sorts on disk: memory holds one day only."""
        cursor = (
            self._all.find(_HOLDS, _SPAN)
            .sort("day", ASCENDING)
            .batch_size(_SWEEP_BATCH)  # otherwise MongoDB sends 16 MB at once
            .allow_disk_use(True)
        )
        day: list[Document] = []
        while rows := await self._batch(cursor):
            for row in rows:
                if day and row["day"] != day[0]["day"]:
                    yield day
                    day = []
                day.append(row)
        if day:
            yield day

    async def _batch(self, cursor: Any) -> list[Document]:
        # Sorting millions takes longer than a request may.
        with translate_errors(), pymongo.timeout(_SWEEP_S):
            rows: list[Document] = await cursor.to_list(_SWEEP_BATCH)
        return rows
