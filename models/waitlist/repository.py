"""Waitlist entries. A unique index over their claims lets a reader have one entry in line for
each half hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from models.kernel.ids import ReaderId, ReservationId
from models.kernel.zone import Zone
from models.library.entities import AreaId, SeatId
from models.reservations.claims import ClaimKind
from models.reservations.entities import Reservation
from models.reservations.errors import ClaimLost
from models.storage.mongo import Database, Document, find_page, insert
from models.storage.mongo_errors import conflicting_key, translate_errors
from models.storage.transactions import InTransaction
from models.waitlist.entities import (
    MOST_ALERTS,
    EndReason,
    WaitlistEnd,
    WaitlistEntry,
    WaitlistState,
)
from models.waitlist.errors import AlreadyAlerted, AlreadyWaiting, TooManyAlerts

INDEXES: Final = {
    "waitlist": [
        IndexModel(
            [("claims", ASCENDING)],
            name="claims",
            unique=True,
            partialFilterExpression={"claims": {"$type": "string"}},
        ),
        IndexModel(
            [("area", ASCENDING), ("created_at", ASCENDING), ("_id", ASCENDING)],
            name="waiting_for",
            partialFilterExpression={"state": WaitlistState.WAITING.value},
        ),
        IndexModel(
            [("created_at", ASCENDING), ("_id", ASCENDING)],
            name="open",
            partialFilterExpression={"open": True},
        ),
        IndexModel(
            [("ended.at", ASCENDING)],
            # An entry has `ended` until its reader has been notified of its end.
            name="untold",
            partialFilterExpression={"ended.at": {"$exists": True}},
        ),
        IndexModel(
            [("reader", ASCENDING), ("created_at", DESCENDING), ("_id", DESCENDING)], name="reader"
        ),
    ]
}


_NO_ALERT: Final = {"$in": [0, None]}
"""The query for ``alert`` that matches entries in line, not free-seat alerts. Entries older than
these alerts lack the field."""


class WaitlistRepository:
    def __init__(self, db: Database) -> None:
        self._all = db["waitlist"]

    async def join(self, zone: Zone, entry: WaitlistEntry) -> None:
        """Adds an entry in line. Raises: AlreadyWaiting if the reader has an entry for a part of
        its time."""
        with translate_errors():
            try:
                await insert(self._all, entry_document(zone, entry))
            except DuplicateKeyError as error:
                raise AlreadyWaiting() from error

    async def add_alert(self, zone: Zone, entry: WaitlistEntry) -> WaitlistEntry:
        """Stores a free-seat alert under the first number (1 to 5) that the reader has free;
        returns it with the number. Raises: AlreadyAlerted if the reader has an equal alert;
        TooManyAlerts."""
        for number in range(1, MOST_ALERTS + 1):
            alert = replace(entry, alert=number)
            with translate_errors():
                try:
                    await insert(self._all, entry_document(zone, alert))
                except DuplicateKeyError as error:
                    if conflicting_key(error) != alert.claims(zone)[0]:
                        raise AlreadyAlerted() from error
                    continue
            return alert
        raise TooManyAlerts(most=MOST_ALERTS)

    def offering(
        self, zone: Zone, offer: Reservation, new_entry: WaitlistEntry | None = None
    ) -> InTransaction:
        """The step of a transaction that marks the entry of ``offer`` as offered. ``new_entry``:
        this entry, if it is not stored yet; the step inserts it first. If the entry no longer
        waits, the step raises ClaimLost. If the reader has another entry for that time, it raises
        DuplicateKeyError, which the transaction turns into a ClaimLost of the same kind."""

        async def mark(session: Any) -> None:
            if new_entry is not None:
                await self._all.insert_one(entry_document(zone, new_entry), session=session)
            offered = await self._all.update_one(
                {"_id": offer.waitlist_entry_id, "state": WaitlistState.WAITING.value},
                {"$set": {"state": WaitlistState.OFFERED.value, "offer": offer.id}},
                session=session,
            )
            if not offered.matched_count:
                # No index has this claim: it only gives the error its kind.
                raise ClaimLost(f"{ClaimKind.WAITLIST.prefix}{offer.waitlist_entry_id}")

        return mark

    async def get(self, id: str) -> WaitlistEntry | None:
        with translate_errors():
            document = await self._all.find_one({"_id": id})
        return _entry(document) if document else None

    async def waiting_for(
        self, area_id: AreaId, start: datetime, end: datetime
    ) -> list[WaitlistEntry]:
        """The entries in line for the area whose time overlaps with that from ``start`` to
        before ``end``, the first in line first. Free-seat alerts are left out."""
        with translate_errors():
            rows = (
                await self._all.find(
                    {
                        "area": area_id,
                        "state": WaitlistState.WAITING.value,
                        "alert": _NO_ALERT,
                        "start": {"$lt": end},
                        "end": {"$gt": start},
                    }
                )
                .hint("waiting_for")
                .sort([("created_at", ASCENDING), ("_id", ASCENDING)])
                .to_list(None)
            )
        return [_entry(row) for row in rows]

    async def iterate_open(self, after: WaitlistEntry | None, limit: int) -> list[WaitlistEntry]:
        """At most ``limit`` entries that wait or have an offer, alerts included, the oldest
        first. They begin after the entry ``after``; with None, with the oldest."""
        query: Document = {"open": True}
        if after is not None:
            query["$or"] = [
                {"created_at": {"$gt": after.created_at}},
                {"created_at": after.created_at, "_id": {"$gt": after.id}},
            ]
        with translate_errors():
            rows = (
                await self._all.find(query)
                .hint("open")
                .sort([("created_at", ASCENDING), ("_id", ASCENDING)])
                .limit(limit)
                .to_list(None)
            )
        return [_entry(row) for row in rows]

    async def position_of(self, entry: WaitlistEntry) -> int:
        """The number of entries in line for the same area that are older than ``entry`` and
        overlap with its time."""
        with translate_errors():
            return await self._all.count_documents(
                {
                    "area": entry.area_id,
                    "state": WaitlistState.WAITING.value,
                    "alert": _NO_ALERT,
                    "start": {"$lt": entry.end},
                    "end": {"$gt": entry.start},
                    "$or": [
                        {"created_at": {"$lt": entry.created_at}},
                        {"created_at": entry.created_at, "_id": {"$lt": entry.id}},
                    ],
                }
            )

    async def open_of(self, reader_id: ReaderId) -> list[WaitlistEntry]:
        with translate_errors():
            rows = (
                await self._all.find({"reader": reader_id, "open": True})
                .hint("reader")
                .sort([("created_at", DESCENDING), ("_id", DESCENDING)])
                .to_list(None)
            )
        return [_entry(row) for row in rows]

    async def page_of(
        self, reader_id: ReaderId, skip: int, limit: int
    ) -> tuple[list[WaitlistEntry], int]:
        rows, total = await find_page(
            self._all, {"reader": reader_id}, ("created_at", "_id"), skip, limit
        )
        return [_entry(row) for row in rows], total

    async def close(
        self,
        id: str,
        states: Sequence[WaitlistState],
        state: WaitlistState,
        end: WaitlistEnd | None = None,
        *,
        offer: ReservationId | None = None,
    ) -> WaitlistEntry | None:
        """Gives the entry the final ``state`` and releases its claims, if its state is one of
        ``states`` and, where ``offer`` is given, it has this offer. Returns the entry as it was
        before, or None if it was not changed. ``end``: stored as ``ended`` until the reader has
        been notified of it."""
        change, guard = _closed(state), Document()
        if offer is not None:
            guard["offer"] = offer
        if end is not None:
            change["$set"]["ended"] = {
                "at": end.at,
                "reason": end.reason.value,
                "suspended_until": end.suspended_until,
            }
        with translate_errors():
            before = await self._all.find_one_and_update(
                {"_id": id, "state": {"$in": [s.value for s in states]}, **guard},
                change,
            )
        return _entry(before) if before else None

    async def withdraw(self, entry: WaitlistEntry) -> bool:
        """Closes the entry for a reader who leaves the waitlist. False if the entry was changed
        since it was read."""
        with translate_errors():
            before = await self._all.find_one_and_update(
                {"_id": entry.id, "state": entry.state.value, "offer": entry.offer},
                _closed(WaitlistState.WITHDRAWN),
            )
        return before is not None

    async def decline(self, id: str, seat_id: SeatId, offer: ReservationId) -> None:
        """Lets the entry of a declined offer wait again at its place in line, but no longer for
        the declined seat. Without effect if the entry has another offer by now."""
        with translate_errors():
            await self._all.update_one(
                {"_id": id, "offer": offer},
                {
                    "$set": {"state": WaitlistState.WAITING.value, "offer": None},
                    "$addToSet": {"declined": seat_id},
                },
            )

    async def wait_again(self, id: str, offer: ReservationId) -> bool:
        """Lets the entry of an offer that the library has withdrawn wait again at its place in
        line, also for the same seat. False if the entry has another offer by now."""
        with translate_errors():
            result = await self._all.update_one(
                {"_id": id, "offer": offer},
                {"$set": {"state": WaitlistState.WAITING.value, "offer": None}},
            )
        return bool(result.matched_count)

    async def ended_unnotified(self, limit: int) -> list[tuple[WaitlistEntry, WaitlistEnd]]:
        """At most ``limit`` entries whose readers have yet to be notified of the end, each with
        this end."""
        with translate_errors():
            rows = (
                await self._all.find({"ended.at": {"$exists": True}})
                .hint("untold")
                .limit(limit)
                .to_list(None)
            )
        return [(_entry(row), _end(row["ended"])) for row in rows]

    async def mark_notified(self, ids: Sequence[str]) -> None:
        """Marks the readers as notified, so ``ended_unnotified`` no longer returns the entries."""
        if ids:
            with translate_errors():
                await self._all.update_many({"_id": {"$in": list(ids)}}, {"$unset": {"ended": ""}})


def entry_document(zone: Zone, w: WaitlistEntry) -> Document:
    return {
        "_id": w.id,
        "reader": w.reader_id,
        "area": w.area_id,
        "seats": sorted(w.seats),
        "marks": sorted(w.features),
        "start": w.start,
        "end": w.end,
        "created_at": w.created_at,
        "state": w.state.value,
        "open": True,
        "declined": [],
        "offer": None,
        "alert": w.alert,
        "claims": list(w.claims(zone)),
    }


def _closed(state: WaitlistState) -> Document:
    return {"$set": {"state": state.value, "claims": [], "open": False, "offer": None}}


def _entry(d: Document) -> WaitlistEntry:
    return WaitlistEntry(
        id=d["_id"],
        reader_id=ReaderId(d["reader"]),
        area_id=AreaId(d["area"]),
        seats=frozenset(SeatId(seat) for seat in d["seats"]),
        features=frozenset(d["marks"]),
        start=d["start"],
        end=d["end"],
        created_at=d["created_at"],
        state=WaitlistState(d["state"]),
        declined=frozenset(SeatId(seat) for seat in d["declined"]),
        offer=ReservationId(d["offer"]) if d["offer"] else None,
        alert=d.get("alert", 0),
    )


def _end(d: Document) -> WaitlistEnd:
    return WaitlistEnd(d["at"], EndReason(d["reason"]), d["suspended_until"])
