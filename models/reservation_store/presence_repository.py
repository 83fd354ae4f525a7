"""The instants at which presence methods last proved a reader's presence, by venue."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from models.library.entities import VenueId
from models.reservations.presence import PresenceMethod, PresenceProof
from models.storage.mongo import Database
from models.storage.mongo_errors import translate_errors

_WRITE_EVERY: Final = timedelta(minutes=5)


class PresenceMethodRepository:
    def __init__(self, db: Database) -> None:
        self._all = db["presence_methods"]
        self._written: dict[tuple[VenueId, PresenceMethod], datetime] = {}

    async def record(self, proof: PresenceProof) -> None:
        """Records that the proof's method worked in its venue, at most once in five minutes."""
        key = proof.venue_id, proof.method
        last = self._written.get(key)
        if last is None or abs(proof.at - last) >= _WRITE_EVERY:
            await self.put(proof.venue_id, proof.method, proof.at)
            self._written[key] = proof.at

    async def put(self, venue_id: VenueId, method: PresenceMethod, at: datetime) -> None:
        """Stores that the method worked in the venue at ``at``. A later stored instant stays."""
        with translate_errors():
            await self._all.update_one({"_id": venue_id}, {"$max": {method.value: at}}, upsert=True)

    async def last_proofs(self) -> dict[VenueId, dict[PresenceMethod, datetime]]:
        with translate_errors():
            rows = await self._all.find().to_list(None)
        return {
            VenueId(row.pop("_id")): {PresenceMethod(name): at for name, at in row.items()}
            for row in rows
        }
