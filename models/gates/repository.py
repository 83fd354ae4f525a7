from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from models.gates.entities import Gate, GateId
from models.library.entities import VenueId
from models.library.repository import count_up, device_as_seen, require_venue, write_order
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors
from models.storage.transactions import try_transaction


class GateRepository:
    def __init__(self, db: Database, sealer: FieldCipher) -> None:
        self._db, self._all = db, db["gates"]
        self._sealer = sealer

    async def put(self, gates: Sequence[Gate]) -> None:
        """Inserts the gates; of existing ones, updates only the names and venues."""
        with translate_errors():
            for gate in gates:
                await self._all.update_one(
                    {"_id": gate.id},
                    {"$set": {"venue": gate.venue_id, "name": gate.name}},
                    upsert=True,
                )

    async def add(self, gate: Gate) -> bool:
        """Adds a gate without a key. False if the id exists. Raises: VenueChanged if the venue
        was deleted or retired meanwhile."""
        document: Document = {"_id": gate.id, "venue": gate.venue_id, "name": gate.name}

        async def work(session: Any) -> None:
            await require_venue(self._db, gate.venue_id, session)
            await self._all.insert_one(document, session=session)
            await count_up(self._db, session)

        return await try_transaction(self._db, work)

    async def all(self) -> list[Gate]:
        with translate_errors():
            rows = await self._all.find({}, {"key": 0}).sort("_id").to_list(None)
        return [_gate(row) for row in rows]

    async def replace(self, old: Gate, new: Gate) -> bool:
        """Replaces ``old``; deletes a retired gate's key. False if ``old`` is outdated."""
        named = {"venue": new.venue_id, "name": new.name, "order": new.order}
        change: Document = {"$set": {**named, "retired": new.retired}}
        if new.retired:
            change["$unset"] = {"key": ""}
        with translate_errors():
            result = await self._all.update_one(device_as_seen(old), change)
        return bool(result.matched_count)

    async def put_in_order(self, gates: Sequence[Gate]) -> bool:
        """Sets the gates' order. False, without any change, if a gate was changed meanwhile."""

        async def work(session: Any) -> None:
            await write_order(self._all, gates, session)

        return await try_transaction(self._db, work)

    async def delete(self, id: GateId) -> bool:
        """Deletes the gate. False if it has ever reported passages, which refer to it."""
        with translate_errors():
            result = await self._all.delete_one({"_id": id, "last_seen_at": {"$exists": False}})
        return bool(result.deleted_count)

    async def admit(self, id: str, now: datetime) -> bool:
        """Records that the gate began a signed report. False if its key was removed meanwhile."""
        with translate_errors():
            result = await self._all.update_one(
                {"_id": id, "key": {"$type": "string"}}, {"$max": {"last_seen_at": now}}
            )
        return bool(result.matched_count)

    async def issue_key(self, id: GateId, key: str) -> bool:
        """Stores the gate's new key, encrypted. False if the gate is retired or deleted."""
        with translate_errors():
            result = await self._all.update_one(
                {"_id": id, "retired": {"$ne": True}},
                {"$set": {"key": self._sealer.encrypt(key, "gate")}},
            )
        return bool(result.matched_count)

    async def key(self, id: str) -> str | None:
        with translate_errors():
            document = await self._all.find_one({"_id": id}, {"key": 1})
        sealed = document.get("key") if document else None
        return self._sealer.decrypt(sealed, "gate") if sealed else None

    async def heard(
        self, id: str, now: datetime, reported_until: datetime | None, clock_skew: timedelta
    ) -> None:
        """Records a report of the gate. ``reported_until``: the gate claims to have reported all
        passages before this time (None: no claim). The stored `complete_until` never decreases."""
        change: Document = {
            "$set": {"last_seen_at": now, "clock_off_s": clock_skew.total_seconds()},
        }
        if reported_until is not None:
            change["$max"] = {"complete_until": reported_until}
        with translate_errors():
            await self._all.update_one({"_id": id}, change)

    async def reencrypt(self) -> int:
        """Re-encrypts gate keys that were encrypted with older keys; returns their number."""
        current = f"{self._sealer.current}:"
        with translate_errors():
            rows = await self._all.find({"key": {"$type": "string"}}).to_list(None)
            stale = [row for row in rows if not row["key"].startswith(current)]
            for row in stale:
                key = self._sealer.decrypt(row["key"], "gate")
                await self._all.update_one(
                    {"_id": row["_id"], "key": row["key"]},
                    {"$set": {"key": self._sealer.encrypt(key, "gate")}},
                )
        return len(stale)


def _gate(d: Document) -> Gate:
    return Gate(
        GateId(d["_id"]),
        VenueId(d["venue"]),
        d["name"],
        d.get("last_seen_at"),
        d.get("complete_until"),
        timedelta(seconds=d.get("clock_off_s", 0)),
        d.get("retired", False),
        d.get("order"),
    )
