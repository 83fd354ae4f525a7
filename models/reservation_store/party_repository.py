"""Stores parties. The unique index over ``claims`` guards the seats that they hold, as it guards
those of reservations. Each change requires the id of the previous change."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

from pymongo import ASCENDING

from models.kernel.ids import ReaderId
from models.kernel.zone import Zone
from models.reservation_store.due_queries import due_by
from models.reservation_store.party_mapping import HOLDING, party_document, party_of
from models.reservation_store.queries import ReservationCollection
from models.reservation_store.repository import ReservationRepository
from models.reservations.entities import Reservation
from models.reservations.errors import StaleRevision
from models.reservations.party import Party
from models.storage.mongo import Database, Document, new_id
from models.storage.mongo_errors import translate_errors


class PartyRepository(ReservationCollection):
    def __init__(self, db: Database, reservations: ReservationRepository) -> None:
        super().__init__(db)
        self._reservations = reservations

    async def begin(self, zone: Zone, party: Party, own: Reservation) -> None:
        """Inserts the party and the asker's own booking in one transaction. Raises: ClaimLost;
        Unavailable if neither ever comes to exist, or if that stays unknown."""

        async def insert(session: Any) -> None:
            document = {"writer": self._reservations.writer, **party_document(zone, party)}
            await self._all.insert_one(document, session=session)

        await self._reservations.insert_together(own, insert)

    async def accept(self, zone: Zone, old: Party, new: Party, booking: Reservation) -> Party:
        """Replaces ``old`` by ``new`` and inserts the friend's booking in one transaction: the
        seat goes from the one to the other, and nobody can take it in between. Returns ``new``
        with the id of this change. Raises: StaleRevision; ClaimLost; Unavailable if neither ever
        happens, or if that stays unknown."""
        new = replace(new, change=new_id())

        async def move(session: Any) -> None:
            await self._replace(zone, old, new, session)

        await self._reservations.insert_together(booking, move)
        return new

    async def end(self, zone: Zone, old: Party, new: Party) -> Party:
        """Replaces ``old`` by ``new``, which holds nothing any more; returns it with the id of
        this change. A repetition after an unknown outcome does no harm. Raises: StaleRevision;
        Unavailable."""
        new = replace(new, change=new_id())
        with translate_errors():
            await self._replace(zone, old, new, None)
        return new

    async def _replace(self, zone: Zone, old: Party, new: Party, session: Any) -> None:
        guard = {"_id": old.id, "change": old.change}
        fields = party_document(zone, new)
        del fields["_id"]
        updated = await self._all.find_one_and_update(
            guard, {"$set": fields}, projection={"_id": 1}, session=session
        )
        if updated is None:
            raise StaleRevision()

    async def get(self, id: str) -> Party | None:
        """The party with this id; None if there is none."""
        with translate_errors():
            document = await self._all.find_one({"_id": id, "asker": {"$exists": True}})
        return party_of(document) if document else None

    async def of(self, asker_id: ReaderId, since: date) -> list[Party]:
        """The reader's parties of the day ``since`` and later ones, in the order of their
        making."""
        return await self._many({"asker": asker_id, "day": {"$gte": since.isoformat()}}, 0)

    async def due(self, now: datetime, limit: int) -> list[Party]:
        """At most ``limit`` parties that have held seats until ``now`` or earlier."""
        return await self._many(due_by(now) | HOLDING, limit)

    async def forget(self, before: date) -> int:
        """Deletes the parties of days before ``before``, which hold nothing any more; returns
        their number."""
        past = {"asker": {"$type": "string"}, "day": {"$lt": before.isoformat()}, "live": False}
        with translate_errors():
            return (await self._all.delete_many(past)).deleted_count

    async def _many(self, which: Document, limit: int) -> list[Party]:
        with translate_errors():
            cursor = self._all.find(which).sort("_id", ASCENDING).limit(limit)
            return [party_of(row) for row in await cursor.to_list(None)]
