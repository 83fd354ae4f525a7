from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

from pymongo import ASCENDING

from models.kernel.ids import ReservationId
from models.kernel.time_range import TimeRange
from models.library.entities import VenueId
from models.reservation_store.mapping import from_document
from models.reservation_store.queries import ReservationCollection
from models.reservations.entities import AFTER_OUTAGE, Reservation
from models.reservations.state_machine import ReservationState
from models.storage.mongo import Document
from models.storage.mongo_errors import translate_errors

Deadline = Literal[
    "no_show",
    "expire_leaves",
    "complete",
    "send_reminders",
    "fail_presence_checks",
    "expire_offers",
]
"""A kind of deadline, named after the job that settles it."""
_PRESENT_STATES: Final = [ReservationState.IN_USE.value, ReservationState.AWAY.value]
_DEADLINES: Final[Mapping[Deadline, tuple[list[str], str]]] = {
    "no_show": ([ReservationState.RESERVED.value], "check_in_until"),
    "expire_leaves": ([ReservationState.AWAY.value], "return_by"),
    "complete": (_PRESENT_STATES, "end"),
    "send_reminders": ([], "remind_at"),
    "fail_presence_checks": ([], "presence_due_at"),
    "expire_offers": ([], "held_until"),
}
"""For each deadline: the states in which a reservation has it (an empty list: all states in
which the field is set), and the field that contains the instant."""
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
        query: Document = {
            "state": ReservationState.RESERVED.value,
            "check_in_until": {"$lte": due},
        }
        return await self._due("due_no_show", query | _not_held(held, now), limit)

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
        return await self._due(
            "due_leave_expiry",
            {
                "state": ReservationState.AWAY.value,
                "return_by": {"$lte": due},
                "$expr": {"$lt": ["$return_by", "$end"]},
                **_not_held(held, now),
            },
            limit,
        )

    async def due_for_completion(self, now: datetime, limit: int) -> list[Reservation]:
        """Stays whose end is at ``now`` or earlier. A leave whose ``return_by`` was before the
        end is left to ``due_for_leave_expiry``: records of a gate may still be missing."""
        return await self._due(
            "due_complete",
            {
                "state": {"$in": [ReservationState.IN_USE.value, ReservationState.AWAY.value]},
                "end": {"$lte": now},
                "$or": [
                    {"state": ReservationState.IN_USE.value},
                    {"$expr": {"$gte": ["$return_by", "$end"]}},
                ],
            },
            limit,
        )

    async def due_for_reminder(self, now: datetime, limit: int) -> list[Reservation]:
        cursor = self._all.find({"remind_at": {"$type": "date", "$lte": now}})
        return await self._read(cursor.sort("remind_at", ASCENDING).limit(limit))

    async def due_for_offer_expiry(self, now: datetime, limit: int) -> list[Reservation]:
        cursor = self._all.find({"held_until": {"$type": "date", "$lte": now}})
        return await self._read(cursor.limit(limit))

    async def due_for_presence_check(self, now: datetime, limit: int) -> list[Reservation]:
        cursor = self._all.find(
            {
                "presence_due_at": {"$type": "date", "$lte": now},
                "state": ReservationState.IN_USE.value,
                "end": {"$gt": now},
                # A reader who reported the seat as occupied cannot sit there.
                "report.open": {"$ne": True},
            }
        )
        return await self._read(cursor.limit(limit))

    async def due_for_carry_over(self, now: datetime, limit: int) -> list[Reservation]:
        cursor = self._all.find({"carry_over_at": {"$type": "date", "$lte": now}})
        return await self._read(cursor.limit(limit))

    async def carried_over(self, id: ReservationId) -> None:
        with translate_errors():
            await self._all.update_one({"_id": id}, {"$set": {"carry_over_at": None}})

    async def with_outbox_events(self, limit: int) -> list[Reservation]:
        """Reservations with events in the outbox, the oldest first. Claims, idempotency results
        and history are left out of them: these are half of each document."""
        omitted: Document = {"claims": [], "idempotency_results": [], "history": []}
        with translate_errors():
            rows = (
                await self._all.find(
                    {"outbox.at": {"$type": "date"}}, {**dict.fromkeys(omitted, 0), "changes": 0}
                )
                .sort("outbox.at", ASCENDING)
                .limit(limit)
                .batch_size(limit)
                .to_list(None)
            )
        return [from_document(row | omitted) for row in rows]

    async def oldest_outbox_event(self) -> datetime | None:
        """The oldest outbox event's time; None if all outboxes are empty. Raises: Unavailable."""
        with translate_errors():
            oldest = await self._all.find_one(
                {"outbox.at": {"$type": "date"}},
                {"outbox.at": 1},
                sort=[("outbox.at", ASCENDING)],
            )
        return min(event["at"] for event in oldest["outbox"]) if oldest else None

    async def deadlines_within(self, outage: TimeRange) -> list[Reservation]:
        """Live reservations with a deadline (check-in, return, presence check or offer) that
        lies in the outage or within a minute after it and was not extended for this outage yet."""
        within = {"$gt": outage.start, "$lte": outage.end + AFTER_OUTAGE}
        untouched: Document = {
            "history": {"$not": {"$elemMatch": {"event": "outage", "at": outage.end}}}
        }
        waiting = {"state": ReservationState.RESERVED.value, "check_in_until": within, **untouched}
        away = {"state": ReservationState.AWAY.value, "return_by": within, **untouched}
        rows = await self._due("due_no_show", waiting, 0)
        rows += await self._due("due_leave_expiry", away, 0)
        checked: Document = {
            "presence_due_at": {"$type": "date", **within},
            "state": ReservationState.IN_USE.value,
        }
        offered: Document = {"held_until": {"$type": "date", **within}}
        with translate_errors():
            for query in (checked, offered):
                documents = await self._all.find({**query, **untouched}).to_list(None)
                rows += [from_document(row) for row in documents]
        return rows

    async def next_due(self, after: datetime) -> tuple[datetime, frozenset[Deadline]] | None:
        """The first instant after ``after`` with deadlines, and their kinds. None without any."""
        instants = await self._first_instants({"$gt": after})
        if not instants:
            return None
        first = min(instants.values())
        return first, frozenset(name for name, instant in instants.items() if instant == first)

    async def overdue(self, now: datetime) -> frozenset[Deadline]:
        """The kinds of deadlines with instants at ``now`` or earlier that are not settled yet."""
        return frozenset(await self._first_instants({"$lte": now}))

    async def _first_instants(self, when: Document) -> dict[Deadline, datetime]:
        instants: dict[Deadline, datetime] = {}
        with translate_errors():
            for deadline, (states, field) in _DEADLINES.items():
                query: Document
                if states:
                    query = {"state": {"$in": states}, "live": True, field: when}
                else:
                    query = {field: {"$type": "date", **when}}
                row = await self._all.find_one(query, {field: 1}, sort=[(field, ASCENDING)])
                if row is not None:
                    instants[deadline] = row[field]
        return instants

    async def _due(self, index: str, query: Document, limit: int) -> list[Reservation]:
        """The live reservations that match ``query``. MongoDB gets ``index`` as a hint: all due
        indexes begin with the state, so its planner might choose a wrong one while everything is
        due, keep that choice, and later read every live reservation."""
        return await self._read(self._all.find({**query, "live": True}).hint(index).limit(limit))


def _not_held(held: FrozenVenues, now: datetime | None) -> Document:
    waits: Document = {} if held is True else {"report.open": {"$ne": True}}
    if held is True:
        return {"end": {"$lte": now}}
    if held:
        waits["venue"] = {"$nin": sorted(held)}
    return {"$or": [waits, {"end": {"$lte": now}}]} if now is not None else waits
