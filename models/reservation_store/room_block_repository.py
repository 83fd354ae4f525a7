"""Stores blocks of rooms among the reservations: the unique index over ``claims`` guards a room
between blocks and bookings. Each change requires the id of the previous change."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from pymongo import ASCENDING

from models.kernel.ids import ReservationId
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import VenueId
from models.library.rooms import RoomId
from models.reservation_store.queries import ReservationCollection, in_venues
from models.reservation_store.repository import ReservationRepository
from models.reservation_store.room_outbox import block_outbox_of
from models.reservations.entities import HistoryEntry
from models.reservations.errors import ClaimLost
from models.reservations.room_block import RoomBlock
from models.storage.mongo import Database, Document, new_id
from models.storage.mongo_errors import translate_errors

A_BLOCK: Final[Document] = {"state": "block"}
"""The condition of blocks. They have none of the fields by which reservations and bookings of rooms
are looked up: no reader, people, seat or area."""


class RoomBlockRepository(ReservationCollection):
    def __init__(self, db: Database, reservations: ReservationRepository) -> None:
        super().__init__(db)
        self._reservations = reservations

    async def insert_all(self, zone: Zone, blocks: Sequence[RoomBlock]) -> None:
        """Inserts all of the blocks with their claims, or none. Raises: ClaimLost; Unavailable if
        they certainly never come to exist, or if that stays unknown."""
        await self._reservations.insert_documents([self._new(zone, b) for b in blocks])

    async def insert_each(self, zone: Zone, blocks: Sequence[RoomBlock]) -> set[ReservationId]:
        """Inserts each of the blocks whose claims are free; returns their ids. Raises: Unavailable
        if this stays unknown of some."""
        results = await asyncio.gather(
            *(self._reservations.insert_document(self._new(zone, b)) for b in blocks),
            return_exceptions=True,
        )
        for result in results:
            if result is not None and not isinstance(result, ClaimLost):
                raise result
        return {b.id for b, result in zip(blocks, results, strict=True) if result is None}

    def _new(self, zone: Zone, b: RoomBlock) -> Document:
        return {
            "_id": b.id,
            "writer": self._reservations.writer,
            **_fields(zone, b),
            "outbox": block_outbox_of(None, b),
        }

    async def replace(self, zone: Zone, old: RoomBlock, new: RoomBlock) -> RoomBlock:
        """Replaces ``old`` by ``new`` with its claims; returns it with the id of this change. A
        repetition after an unknown outcome does no harm. Raises: StaleRevision; ClaimLost;
        Unavailable."""
        new = replace(new, change=new_id())
        await self._update(old.id, old.change, _change_of(zone, old, new))
        return new

    async def replace_all(self, zone: Zone, changes: Sequence[tuple[RoomBlock, RoomBlock]]) -> None:
        """Replaces the first block of each pair by the second one with its claims, or none. A
        repetition after an unknown outcome does no harm. Raises: StaleRevision; ClaimLost;
        Unavailable."""
        await self._reservations.update_documents(
            [
                (
                    {"_id": old.id, "change": old.change},
                    _change_of(zone, old, replace(new, change=new_id())),
                )
                for old, new in changes
            ]
        )

    async def get(self, id: str) -> RoomBlock | None:
        return next(iter(await self._many({"_id": id})), None)

    async def of_series(self, series: str) -> list[RoomBlock]:
        """All blocks that were made together, the earliest first."""
        return await self._many({"_id": {"$gt": f"{series}-", "$lt": f"{series}."}})

    async def holders(self, claims: Collection[str]) -> list[RoomBlock]:
        """The blocks that have some of the claims, the earliest first."""
        among: Document = {"claims": {"$in": [*claims]}}
        return await self._many({"$and": [among, {"claims": {"$type": "string"}}]})

    async def to_come(
        self, since: date, venues: Collection[VenueId] | None, limit: int
    ) -> list[RoomBlock]:
        """At most ``limit`` blocks of that day and later ones that were not ended, the earliest
        first. ``venues``: None for all."""
        held: Document = {"day": {"$gte": since.isoformat()}, "live": True}
        return await self._many(held | in_venues(venues), limit)

    async def of_rooms(self, day: date, rooms: Collection[RoomId]) -> list[RoomBlock]:
        """The blocks of these rooms, not ended, of the day and of those before and after it, whose
        hours may cross midnight; the earliest first."""
        if not rooms:
            return []
        days = [(day + timedelta(days=n)).isoformat() for n in (-1, 0, 1)]
        return await self._many({"day": {"$in": days}, "room": {"$in": [*rooms]}, "live": True})

    async def between(self, first: date, last: date) -> list[RoomBlock]:
        """All blocks of the days ``first`` to ``last``, also those that were ended."""
        return await self._many({"day": {"$gte": first.isoformat(), "$lte": last.isoformat()}})

    async def drop_past_claims(self, before: date) -> None:
        """Removes the claims of blocks of days before ``before``."""
        past: Document = {"day": {"$lt": before.isoformat()}, "live": True}
        with translate_errors():
            await self._all.update_many(A_BLOCK | past, {"$set": {"claims": [], "live": False}})

    async def forget(self, before: date) -> None:
        """Deletes the blocks of days before ``before``."""
        with translate_errors():
            await self._all.delete_many(A_BLOCK | {"day": {"$lt": before.isoformat()}})

    async def _many(self, which: Document, limit: int = 0) -> list[RoomBlock]:
        with translate_errors():
            cursor = self._all.find(A_BLOCK | which).sort("start", ASCENDING).limit(limit)
            return [_block_of(row) for row in await cursor.to_list(None)]


def _change_of(zone: Zone, old: RoomBlock, new: RoomBlock) -> Document:
    """The update that makes ``new`` of the stored ``old``, with its events."""
    return {
        "$set": _fields(zone, new),
        "$push": {"outbox": {"$each": block_outbox_of(old, new)}},
    }


def _fields(zone: Zone, b: RoomBlock) -> Document:
    return {
        **A_BLOCK,
        "live": b.ended_at is None,
        "day": b.day.isoformat(),
        "start": b.span.start,
        "end": b.span.end,
        "due_at": None,
        "claims": list(b.claims(zone)),
        "venue": b.venue_id,
        "room": b.room_id,
        "change": b.change,
        "title": b.title,
        "buffer": b.buffer // timedelta(minutes=1),
        "ended_at": b.ended_at,
        "history": [{"at": e.at, "event": e.event, "by": e.by, "via": e.via} for e in b.history],
    }


def _block_of(d: Document) -> RoomBlock:
    return RoomBlock(
        id=d["_id"],
        change=d["change"],
        room_id=d["room"],
        venue_id=d["venue"],
        day=date.fromisoformat(d["day"]),
        span=TimeRange(d["start"], d["end"]),
        title=d["title"],
        buffer=timedelta(minutes=d["buffer"]),
        ended_at=d["ended_at"],
        history=tuple(HistoryEntry(e["at"], e["event"], e["by"], e["via"]) for e in d["history"]),
    )
