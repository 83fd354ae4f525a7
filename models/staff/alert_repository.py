from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from pymongo import ASCENDING, IndexModel

from models.kernel.ids import ReaderId
from models.library.entities import VenueId
from models.staff.alert_kinds import AlertKind, AlertWish
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors

INDEXES: Final[dict[str, list[IndexModel]]] = {
    "staff_alerts": [IndexModel([("until", ASCENDING)], name="until")]
}


class AlertRepository:
    def __init__(self, db: Database) -> None:
        self._all = db["staff_alerts"]

    async def of(self, reader_id: ReaderId) -> AlertWish | None:
        with translate_errors():
            document = await self._all.find_one({"_id": reader_id})
        return _wish(document) if document else None

    async def readers(self) -> list[ReaderId]:
        """The ids of all staff members who have chosen alerts, even if these have expired."""
        with translate_errors():
            rows = await self._all.find({}, {"_id": 1}).to_list(None)
        return [ReaderId(row["_id"]) for row in rows]

    async def live(self, now: datetime) -> list[AlertWish]:
        with translate_errors():
            rows = await self._all.find({"until": {"$gt": now}}).to_list(None)
        return [_wish(row) for row in rows]

    async def choose(
        self,
        reader_id: ReaderId,
        kinds: Collection[AlertKind],
        venues: Collection[VenueId] | None,
        until: datetime,
    ) -> None:
        """Stores the alerts that a staff member chooses; deletes them if ``kinds`` is empty.
        ``venues`` None: the whole library. ``until``: when the alerts end."""
        with translate_errors():
            if not kinds:
                await self._all.delete_one({"_id": reader_id})
                return
            await self._all.update_one(
                {"_id": reader_id},
                {
                    "$set": {
                        "reader": reader_id,
                        "kinds": sorted(kind.value for kind in kinds),
                        **_scope(venues),
                        "until": until,
                    },
                    "$setOnInsert": {"seen": [], "mailed_at": None},
                },
                upsert=True,
            )

    async def keep(
        self,
        reader_id: ReaderId,
        venues: Collection[VenueId] | None,
        until: datetime,
        unless_until: datetime,
    ) -> None:
        """Extends the staff member's alerts to ``until`` and sets their venues. To save writes,
        does nothing if the venues are equal and the alerts last beyond ``unless_until``."""
        scope = _scope(venues)
        stale: Document = {
            "_id": reader_id,
            "$or": [{"until": {"$lt": unless_until}}, {"venues": {"$ne": scope["venues"]}}],
        }
        with translate_errors():
            await self._all.update_one(stale, {"$set": {**scope, "until": until}})

    async def claim(self, wish: AlertWish, now: datetime, seen: Sequence[str]) -> bool:
        """Records that this worker mails the staff member about the items ``seen``. False if
        another worker has mailed since ``wish`` was read."""
        with translate_errors():
            result = await self._all.update_one(
                {"_id": wish.reader_id, "mailed_at": wish.mailed_at},
                {"$set": {"mailed_at": now, "seen": list(seen)}},
            )
        return result.matched_count == 1

    async def give_back(self, wish: AlertWish, now: datetime) -> None:
        """Undoes the ``claim`` made at ``now``, as the mail was not sent: a later run sends it."""
        with translate_errors():
            await self._all.update_one(
                {"_id": wish.reader_id, "mailed_at": now},
                {"$set": {"mailed_at": wish.mailed_at, "seen": list(wish.seen)}},
            )


def _scope(venues: Collection[VenueId] | None) -> Document:
    return {"venues": sorted(venues) if venues is not None else None}


def _wish(d: Document) -> AlertWish:
    return AlertWish(
        reader_id=ReaderId(d["_id"]),
        kinds=frozenset(AlertKind(kind) for kind in d["kinds"]),
        venues=None if d["venues"] is None else frozenset(VenueId(v) for v in d["venues"]),
        seen=tuple(d["seen"]),
        mailed_at=d["mailed_at"],
    )
