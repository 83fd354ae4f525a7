"""Stores bookings of rooms. The unique index over ``claims`` guards room and people, as it guards
seats and readers. Each change requires the id of the previous change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from pymongo import ASCENDING, UpdateOne

from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import VenueId
from models.library.rooms import RoomId
from models.readers.personal_data_repository import A_ROOM_BOOKING, erase_late_writes
from models.reservation_store.due_queries import due_by
from models.reservation_store.queries import ReservationCollection, in_venues
from models.reservation_store.repository import ReservationRepository
from models.reservation_store.room_mapping import room_booking_of, room_document
from models.reservation_store.room_outbox import RoomEventRecord, outbox_of
from models.reservations.booking_facts import RoomBookingFacts
from models.reservations.entities import AFTER_OUTAGE
from models.reservations.room_booking import RoomBooking, RoomState
from models.storage.encryption import FieldCipher
from models.storage.free_text import FreeTexts
from models.storage.mongo import Database, Document, find_page, new_id
from models.storage.mongo_errors import translate_errors
from models.text_checks.repository import due_check


def past_rooms_of(reader_id: ReaderId) -> Document:
    """The condition of the ended bookings of rooms in which the reader took part."""
    return A_ROOM_BOOKING | {"people": reader_id, "live": False}


def live_rooms_of(reader_id: ReaderId, now: datetime) -> Document:
    """The condition of the bookings of rooms in which the reader takes part, to come or under
    way."""
    return A_ROOM_BOOKING | {"people": reader_id, "live": True, "end": {"$gt": now}}


class RoomBookingRepository(ReservationCollection):
    def __init__(
        self, db: Database, reservations: ReservationRepository, cipher: FieldCipher
    ) -> None:
        super().__init__(db)
        self._reservations, self._texts = reservations, FreeTexts("reservations", cipher)

    async def insert(self, zone: Zone, booking: RoomBooking) -> None:
        """Inserts the booking with its claims. Raises: ClaimLost; Unavailable if the booking
        certainly never comes to exist, or if that stays unknown."""
        document = room_document(zone, self._texts, booking) | {"outbox": outbox_of(None, booking)}
        if booking.purpose:
            document["check"] = due_check(booking.made_at)
        await self._reservations.insert_document(
            {"_id": booking.id, "writer": self._reservations.writer, **document}
        )

    async def replace(self, zone: Zone, old: RoomBooking, new: RoomBooking) -> RoomBooking:
        """Replaces ``old`` by ``new`` with its claims; returns it with the id of this change. A
        repetition after an unknown outcome does no harm. Raises: StaleRevision; ClaimLost;
        Unavailable."""
        new = replace(new, change=new_id())
        fields = room_document(zone, self._texts, new)
        del fields["_id"]
        if new.purpose != old.purpose:
            fields["check"] = due_check(new.history[-1].at) if new.purpose else None
        update: Document = {"$set": fields, "$push": {"outbox": {"$each": outbox_of(old, new)}}}
        await self._update(old.id, old.change, update)
        return new

    async def get(self, id: str) -> RoomBooking | None:
        return next(iter(await self._many({"_id": id}, 1)), None)

    async def holder(self, claim: str) -> RoomBooking | None:
        """The booking of a room that has the claim; None if another document has it, or none."""
        return next(iter(await self.holders([claim])), None)

    async def holders(self, claims: Collection[str]) -> list[RoomBooking]:
        """The bookings of rooms that have some of the claims, the earliest start first."""
        among: Document = {"claims": {"$in": [*claims]}}
        # The second condition lets MongoDB use the index.
        return await self._many({"$and": [among, {"claims": {"$type": "string"}}]})

    async def of(self, reader_id: ReaderId, since: datetime) -> list[RoomBooking]:
        """The bookings of rooms that end after ``since`` and in which the reader takes part, the
        earliest first."""
        return await self._many({"people": reader_id, "end": {"$gt": since}})

    async def past_of(
        self, reader_id: ReaderId, skip: int, limit: int
    ) -> tuple[list[RoomBooking], int]:
        """A page of the ended bookings of rooms in which the reader took part, the latest first,
        and the number of all of them."""
        newest_by = ("start", "made_at")
        rows, total = await find_page(self._all, past_rooms_of(reader_id), newest_by, skip, limit)
        return [room_booking_of(self._texts, row) for row in rows], total

    async def requests(self, today: date, venues: Collection[VenueId] | None) -> list[RoomBooking]:
        """The requests for today or later that wait for an answer, the earliest start first.
        ``venues``: None for all."""
        waiting: Document = {
            "day": {"$gte": today.isoformat()},
            "live": True,
            "room_state": RoomState.REQUESTED.value,
        }
        return await self._many(waiting | in_venues(venues))

    async def live_from(self, day: date) -> list[RoomBooking]:
        """All live bookings of the day before ``day``, which may go over midnight, and of later
        ones, the earliest start first."""
        first = (day - timedelta(days=1)).isoformat()
        return await self._many({"day": {"$gte": first}, "live": True})

    async def occupancies(
        self, first: date, last: date, venues: Collection[VenueId] | None, limit: int
    ) -> list[RoomBooking]:
        """At most ``limit`` (0: all) bookings of these days, both included, that hold a room for a
        stay to come or in progress, the earliest start first. ``venues``: None for all."""
        held: Document = {
            "day": {"$gte": first.isoformat(), "$lte": last.isoformat()},
            "live": True,
            "room_state": {"$in": [RoomState.RESERVED.value, RoomState.IN_USE.value]},
        }
        return await self._many(held | in_venues(venues), limit)

    async def of_room(self, room_id: RoomId, first: date) -> list[RoomBooking]:
        """The bookings of that day and later that hold the room for a stay to come or in progress,
        the earliest first."""
        held: Document = {"day": {"$gte": first.isoformat()}, "live": True, "room": room_id}
        return await self._many(held)

    async def facts(self, zone: Zone, first: date, last: date) -> AsyncIterator[RoomBookingFacts]:
        """The bookings of these days, both included, the earliest start first."""
        span = {"$gte": zone.midnight(first), "$lt": zone.midnight(last + timedelta(days=1))}
        fields = (
            *("day", "room", "venue", "people", "room_state", "made_at"),
            *("start", "end", "checked_in_at", "ended_at"),
        )
        with translate_errors():
            cursor = (
                self._all.find(A_ROOM_BOOKING | {"start": span}, dict.fromkeys(fields, 1))
                .hint("people_in_rooms")
                .sort([("start", ASCENDING), ("_id", ASCENDING)])
                .batch_size(1000)
            )
            async for row in cursor:
                yield RoomBookingFacts(
                    day=date.fromisoformat(row["day"]),
                    room_id=RoomId(row["room"]),
                    venue_id=VenueId(row["venue"]),
                    booker=ReaderId(row["people"][0]),
                    people=len(row["people"]),
                    state=RoomState(row["room_state"]),
                    made_at=row["made_at"],
                    start=row["start"],
                    end=row["end"],
                    checked_in_at=row["checked_in_at"],
                    ended_at=row["ended_at"],
                )

    async def taken(self, claims: Collection[str]) -> set[str]:
        """The claims among these that a document has."""
        among: Document = {"claims": {"$in": [*claims]}}
        with translate_errors():
            rows = await self._all.find(
                {"$and": [among, {"claims": {"$type": "string"}}]}, {"claims": 1}
            ).to_list(None)
        return {claim for row in rows for claim in row["claims"] if claim in claims}

    async def due(self, now: datetime, limit: int) -> list[RoomBooking]:
        """At most ``limit`` bookings with a deadline at ``now`` or earlier."""
        return await self._many(due_by(now), limit)

    async def deadlines_within(self, outage: TimeRange) -> list[RoomBooking]:
        """Live bookings with a deadline of check-in or confirmation in the outage, or within a
        minute after it, that was not extended for this outage yet."""
        within = {"$gt": outage.start, "$lte": outage.end + AFTER_OUTAGE}
        untouched: Document = {
            "history": {"$not": {"$elemMatch": {"event": "outage", "at": outage.end}}},
            "$or": [{"check_in_until": within}, {"confirm_by": within}],
        }
        return await self._many(due_by(outage.end + AFTER_OUTAGE) | untouched)

    async def remove_outbox_events(self, dispatched: Sequence[RoomEventRecord]) -> None:
        """Removes the events from the outboxes."""
        updates = [
            UpdateOne({"_id": event.booking_id}, {"$pull": {"outbox": {"seq": event.seq}}})
            for event in dispatched
        ]
        if updates:
            with translate_errors():
                await self._all.bulk_write(updates, ordered=False)

    async def drop_past_claims(self, before: date) -> None:
        """Removes the claims of ended bookings of days before ``before``."""
        past: Document = {
            "day": {"$lt": before.isoformat()},
            "claims": {"$type": "string"},
            "live": False,
        }
        with translate_errors():
            await self._all.update_many(
                A_ROOM_BOOKING | past, {"$set": {"claims": []}}, hint="ended_with_claims"
            )

    async def erase_late_writes(self, booking: RoomBooking) -> None:
        """Erases what was recorded about the booking's booker after they were erased. Raises:
        Unavailable."""
        await erase_late_writes(self._all.database, [booking.id])

    async def _many(self, which: Document, limit: int = 0) -> list[RoomBooking]:
        with translate_errors():
            cursor = self._all.find(A_ROOM_BOOKING | which).sort("start", ASCENDING).limit(limit)
            return [room_booking_of(self._texts, row) for row in await cursor.to_list(None)]
