"""Anonymisation of old reservations, which are kept for the statistics."""

from __future__ import annotations

from datetime import datetime
from itertools import takewhile
from typing import Final

from pymongo import ASCENDING

from models.kernel.zone import Zone
from models.readers.personal_data_repository import (
    A_ROOM_BOOKING,
    ERASED_READER,
    anonymise_reservations,
    anonymise_violations,
)
from models.reservation_store.room_block_repository import A_BLOCK
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors
from models.waitlist.entities import WaitlistState

_MARK: Final = "forgotten_reservations"
_OPEN: Final = [WaitlistState.WAITING.value, WaitlistState.OFFERED.value]


class PastRepository:
    """Anonymises old reservations in the order of their ids, that is of creation, each once. A
    document in ``versions`` stores the progress, so no index over the past is needed."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def forget(self, zone: Zone, ended_before: datetime, limit: int) -> int:
        """Anonymises up to ``limit`` reservations that ended before ``ended_before``, and their
        violations; returns the number of reservations. Deletes bookings of rooms, waitlist
        entries, suspensions and draw tickets that are as old. The progress is stored last, so an
        interrupted run can be repeated. Raises: Unavailable."""
        # Blocks are made a year ahead: nothing waits for them.
        not_ahead: Document = {"state": {"$ne": A_BLOCK["state"]}}
        with translate_errors():
            mark = await self._db["versions"].find_one({"_id": _MARK})
            after = mark["until"] if mark else ""
            rows = (
                await self._db["reservations"]
                .find({"_id": {"$gt": after}, **not_ahead}, {"end": 1, "live": 1, "tombstone": 1})
                .sort("_id", ASCENDING)
                .limit(limit)
                .to_list(None)
            )
            past = list(takewhile(lambda row: _is_over(row, ended_before), rows))
            if not past:
                return 0
            until = past[-1]["_id"]
            # An id begins with its reservation's id, or with the time of its creation.
            made: Document = {"_id": {"$gt": after, "$lte": f"{until}~"}}
            not_anonymous: Document = {"reader": {"$ne": ERASED_READER}}
            ids: Document = {"_id": {"$in": [row["_id"] for row in past if "end" in row]}}
            await self._db["reservations"].delete_many(ids | A_ROOM_BOOKING)
            count = await anonymise_reservations(self._db, ids | not_anonymous)
            await anonymise_violations(self._db, made | not_anonymous)
            await self._db["waitlist"].delete_many(made | {"state": {"$nin": _OPEN}})
            await self._db["suspensions"].delete_many(made | {"until": {"$lt": ended_before}})
            drawn: Document = {"day": {"$lt": zone.day(ended_before).isoformat()}}
            await self._db["opening_tickets"].delete_many(drawn)
            await self._db["versions"].update_one(
                {"_id": _MARK}, {"$max": {"until": until}}, upsert=True
            )
        return count


def _is_over(row: Document, before: datetime) -> bool:
    """True if the reservation ended before ``before``, or is a tombstone: a document without
    data, in the place of a reservation that was never made."""
    return bool(row.get("tombstone")) or (not row["live"] and bool(row["end"] < before))
