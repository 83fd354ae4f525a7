from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from pymongo import ASCENDING

from models.kernel.ids import ReservationId
from models.kernel.time_range import TimeRange
from models.library.entities import VenueId
from models.readers.personal_data_repository import A_ROOM_BOOKING
from models.reservation_store.mapping import from_document
from models.reservation_store.party_mapping import HOLDING
from models.reservation_store.queries import A_RESERVATION, ReservationCollection
from models.reservation_store.room_outbox import RoomEventRecord, event_records
from models.reservations.deadlines import Deadline, deadlines
from models.reservations.entities import AFTER_OUTAGE, Reservation
from models.reservations.state_machine import ReservationState
from models.storage.mongo import Document
from models.storage.mongo_errors import translate_errors

UNDISPATCHED: Final[Document] = {"outbox.at": {"$type": "date"}}
"""The condition of reservations with an event that the outbox dispatcher has yet to handle."""
FrozenVenues = Literal[True] | frozenset[VenueId]
"""Venues whose deadlines do not run now, as readers cannot check in there; True for all venues."""


class DueQueries(ReservationCollection):
    async def due_for_no_show(
        self,
        due: datetime,
        limit: int,
        held: FrozenVenues = frozenset(),
        now: datetime | None = None,
    ) -> list[Reservation]:
        """Bookings whose check-in deadline is at ``due`` or earlier. ``held``: venues whose
        deadlines do not run now. From these venues, and of readers with an open report, only
        bookings that have ended at ``now`` are returned (none if ``now`` is None)."""
        missed: Document = {
            "state": ReservationState.RESERVED.value,
            "check_in_until": {"$lte": due},
        }
        return await self._due(due, missed | _not_held(held, now), limit)

    async def due_for_leave_expiry(
        self,
        due: datetime,
        limit: int,
        held: FrozenVenues = frozenset(),
        now: datetime | None = None,
    ) -> list[Reservation]:
        """Reservations on leave whose ``return_by`` is at ``due`` or earlier, except leaves
        until the end of the stay, which the completion settles. ``held``: venues whose deadlines
        do not run now; from these venues, only stays that have ended at ``now`` are returned."""
        out: Document = {
            "state": ReservationState.AWAY.value,
            "return_by": {"$lte": due},
            "$expr": {"$lt": ["$return_by", "$end"]},
        }
        return await self._due(due, out | _not_held(held, now), limit)

    async def due_for_completion(self, now: datetime, limit: int) -> list[Reservation]:
        """Stays whose end is at ``now`` or earlier. A leave whose ``return_by`` was before the
        end is left to ``due_for_leave_expiry``: records of a gate may still be missing."""
        over: Document = {
            "state": {"$in": [ReservationState.IN_USE.value, ReservationState.AWAY.value]},
            "end": {"$lte": now},
            "$or": [
                {"state": ReservationState.IN_USE.value},
                {"$expr": {"$gte": ["$return_by", "$end"]}},
            ],
        }
        return await self._due(now, over, limit)

    async def due_for_reminder(self, now: datetime, limit: int) -> list[Reservation]:
        return await self._due(now, {"remind_at": {"$lte": now}}, limit)

    async def due_for_offer_expiry(self, now: datetime, limit: int) -> list[Reservation]:
        return await self._due(now, {"held_until": {"$lte": now}}, limit)

    async def due_for_presence_check(self, now: datetime, limit: int) -> list[Reservation]:
        doubted: Document = {
            "presence_due_at": {"$lte": now},
            "state": ReservationState.IN_USE.value,
            "end": {"$gt": now},
            # A reader who reported the seat as occupied cannot sit there.
            "report.open": {"$ne": True},
        }
        return await self._due(now, doubted, limit)

    async def due_for_carry_over(self, now: datetime, limit: int) -> list[Reservation]:
        ended: Document = {
            "state": ReservationState.COMPLETED.value,
            "carry_over_at": {"$lte": now},
        }
        return await self._due(now, ended, limit)

    async def carried_over(self, id: ReservationId) -> None:
        with translate_errors():
            await self._all.update_one(
                {"_id": id}, {"$set": {"carry_over_at": None, "due_at": None}}
            )

    async def with_outbox_events(
        self, limit: int
    ) -> tuple[list[Reservation], list[RoomEventRecord]]:
        """Reservations with events in the outbox, and the events of bookings of rooms; of both
        together at most ``limit``, the oldest first. Claims, idempotency results and history are
        left out: these are half of each document."""
        empty: Document = {"claims": [], "idempotency_results": [], "history": []}
        with translate_errors():
            rows = (
                await self._all.find(UNDISPATCHED, dict.fromkeys((*empty, "changes", "due_at"), 0))
                .sort("outbox.at", ASCENDING)
                .limit(limit)
                .batch_size(limit)
                .to_list(None)
            )
        rooms = [row for row in rows if "room" in row]
        return (
            [from_document(row | empty) for row in rows if "room" not in row],
            [event for row in rooms for event in event_records(row)],
        )

    async def oldest_outbox_event(self) -> datetime | None:
        """The oldest outbox event's time; None if all outboxes are empty. Raises: Unavailable."""
        with translate_errors():
            oldest = await self._all.find_one(
                UNDISPATCHED,
                {"outbox.at": 1},
                sort=[("outbox.at", ASCENDING)],
            )
        return min(event["at"] for event in oldest["outbox"]) if oldest else None

    async def deadlines_within(self, outage: TimeRange) -> list[Reservation]:
        """Live reservations with a deadline (check-in, return, presence check or offer) that
        lies in the outage or within a minute after it and was not extended for this outage yet."""
        within = {"$gt": outage.start, "$lte": outage.end + AFTER_OUTAGE}
        untouched: Document = {
            "history": {"$not": {"$elemMatch": {"event": "outage", "at": outage.end}}},
            "$or": [
                {"state": ReservationState.RESERVED.value, "check_in_until": within},
                {"state": ReservationState.AWAY.value, "return_by": within},
                {"state": ReservationState.IN_USE.value, "presence_due_at": within},
                {"held_until": within},
            ],
        }
        return await self._due(outage.end + AFTER_OUTAGE, untouched)

    async def next_due(self, after: datetime) -> tuple[datetime, frozenset[Deadline]] | None:
        """The first instant after ``after`` with deadlines, and their kinds. None without any."""
        later: Document = {"due_at": {"$type": "date", "$gt": after}}
        with translate_errors():
            row = await self._all.find_one(later, {"due_at": 1}, sort=[("due_at", ASCENDING)])
        instants = {
            instant
            for r in await self._due(after)
            for instant in deadlines(r).values()
            if instant > after
        }
        if row is not None:
            instants.add(row["due_at"])
        if not instants:
            return None
        first = min(instants)
        kinds = {
            kind
            for r in await self._due(first)
            for kind, instant in deadlines(r).items()
            if instant == first
        }
        with translate_errors():
            if await self._all.find_one(due_by(first) | HOLDING, {"_id": 1}):
                kinds.add("end_parties")
            if await self._all.find_one(due_by(first) | A_ROOM_BOOKING, {"_id": 1}):
                kinds.add("rooms")
        return first, frozenset(kinds)

    async def overdue(self, now: datetime) -> frozenset[Deadline]:
        """The kinds of deadlines with instants at ``now`` or earlier that are not settled yet."""
        return frozenset(
            kind
            for r in await self._due(now)
            for kind, instant in deadlines(r).items()
            if instant <= now
        )

    async def _due(
        self, now: datetime, which: Document | None = None, limit: int = 0
    ) -> list[Reservation]:
        """At most ``limit`` (0: all) reservations that match ``which`` and have any deadline at
        ``now`` or earlier, the first due first."""
        cursor = self._all.find(due_by(now) | A_RESERVATION | (which or {})).hint("due")
        return await self._read(cursor.sort("due_at", ASCENDING).limit(limit))


def due_by(now: datetime) -> Document:
    """The condition of reservations with a deadline at ``now`` or earlier."""
    # The type lets MongoDB use the index, which has reservations with a deadline only.
    return {"due_at": {"$type": "date", "$lte": now}}


def _not_held(held: FrozenVenues, now: datetime | None) -> Document:
    waits: Document = {} if held is True else {"report.open": {"$ne": True}}
    if held is True:
        return {"end": {"$lte": now}}
    if held:
        waits["venue"] = {"$nin": sorted(held)}
    return {"$or": [waits, {"end": {"$lte": now}}]} if now is not None else waits
