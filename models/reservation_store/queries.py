from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from bson.objectid import ObjectId
from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.cursor import AsyncCursor
from pymongo.errors import DuplicateKeyError

from models.kernel.errors import Unavailable
from models.kernel.ids import ReaderId, ReservationId
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import AreaId, SeatId, VenueId
from models.reservation_store.change_stream_repository import BOARD_FIELDS, row_of
from models.reservation_store.mapping import from_document
from models.reservation_store.party_mapping import HOLDING, party_of
from models.reservations.booking_facts import BookingFacts
from models.reservations.entities import Reservation
from models.reservations.errors import ClaimLost, StaleRevision
from models.reservations.occupancy_rows import OccupancyRow
from models.reservations.state_machine import BOOKING_STATES, LIVE, ReservationState
from models.storage.mongo import Database, Document, find_page
from models.storage.mongo_errors import conflicting_key, translate_errors, unconfirmed

_LIVE: Final = sorted(LIVE)
_DAY: Final = timedelta(days=1)
A_RESERVATION: Final[Document] = {"area": {"$exists": True}}
"""The condition of a reservation, which neither a tombstone nor a party meets."""


class ReservationCollection:
    def __init__(self, db: Database) -> None:
        self._all = db["reservations"]

    async def _update(self, id: str, change: str, update: Document) -> None:
        """Applies the update, with the claims in it, if ``change`` was the document's last one.
        Raises: StaleRevision; ClaimLost; Unavailable."""
        try:
            with translate_errors():
                updated = await self._all.find_one_and_update(
                    {"_id": id, "change": change}, update, projection={"_id": 1}
                )
        except DuplicateKeyError as error:
            if unconfirmed(error):
                raise Unavailable() from error
            raise ClaimLost(conflicting_key(error)) from error
        if updated is None:
            raise StaleRevision()

    async def _read(self, cursor: AsyncCursor[Document]) -> list[Reservation]:
        with translate_errors():
            rows = await cursor.to_list(None)
        return [from_document(row) for row in rows]


def _holder_of(claim: str) -> Document:
    # The second part lets MongoDB use the index, which has documents with claims only.
    return {"$and": [{"claims": claim}, {"claims": {"$type": "string"}}]}


def daily_numbers(reservation: Document, day: date) -> set[int]:
    """The daily numbers that the stored reservation holds for ``day``."""
    prefix = f"n:{reservation['reader']}:{day.isoformat()}:"
    of_day = (claim for claim in reservation["claims"] if claim.startswith(prefix))
    return {int(claim.removeprefix(prefix)) for claim in of_day}


class ReservationQueries(ReservationCollection):
    async def count(self, query_state: ReservationState | None = None) -> int:
        """The number of reservations in a state; for None MongoDB's estimate of all (counting
        takes seconds), which after a crash of MongoDB can be wrong until a clean restart."""
        with translate_errors():
            if query_state is None:
                buried = await self._all.count_documents({"tombstone": True})
                return await self._all.estimated_document_count() - buried
            if query_state in LIVE:
                live: Document = {"state": query_state.value, "live": True}
                return await self._all.count_documents(live, hint="occupancy")
            return await self._all.count_documents({"state": query_state.value})

    async def get(self, id: str) -> Reservation | None:
        with translate_errors():
            document = await self._all.find_one({"_id": id, **A_RESERVATION})
        return from_document(document) if document else None

    async def get_own(self, id: str, reader_id: ReaderId) -> Reservation | None:
        reservation = await self.get(id)
        return (
            reservation if reservation is not None and reservation.reader_id == reader_id else None
        )

    async def find_by_claim(self, claim: str) -> Reservation | None:
        with translate_errors():
            document = await self._all.find_one(_holder_of(claim) | A_RESERVATION)
        return from_document(document) if document else None

    async def is_claim_buried(self, claim: str) -> bool:
        """True if a tombstone holds the claim, so that no request can get it any more. (A
        tombstone is a document without a reservation's data.)"""
        with translate_errors():
            tombstone = await self._all.find_one(
                {**_holder_of(claim), "tombstone": True}, projection={"_id": 1}
            )
        return tombstone is not None

    async def taken(self, claims: Collection[str]) -> set[str]:
        """The claims among these that any reservation or other document holds."""
        with translate_errors():
            rows = await self._all.find(
                {"$and": [{"claims": {"$in": [*claims]}}, {"claims": {"$type": "string"}}]},
                {"claims": 1},
            ).to_list(None)
        return {claim for row in rows for claim in row["claims"]}.intersection(claims)

    async def stays_on(
        self, seats: Collection[str], readers: Collection[ReaderId], since: datetime
    ) -> list[Reservation]:
        """The reservations of these readers for these seats that start at ``since`` or later, the
        earliest first."""
        query = {
            "reader": {"$in": [*readers]},
            "start": {"$gte": since},
            "seat": {"$in": [*seats]},
        }
        return await self._read(self._all.find(query).sort("start", ASCENDING))

    async def used_daily_numbers(self, zone: Zone, reader_id: ReaderId, day: date) -> set[int]:
        """The daily numbers (1 up to the daily limit) that the reader's bookings for ``day``
        already hold, read from their claims (``n:``)."""
        return (await self.used_daily_numbers_of(zone, [reader_id], day))[reader_id]

    async def used_daily_numbers_of(
        self, zone: Zone, reader_ids: Collection[ReaderId], day: date
    ) -> dict[ReaderId, set[int]]:
        used: dict[ReaderId, set[int]] = {reader_id: set() for reader_id in reader_ids}
        with translate_errors():
            rows = await self._all.find(
                {
                    "reader": {"$in": list(used)},
                    # An offer made before midnight can be accepted after it. The booking then
                    # starts on the next day, but counts for the day of the offer.
                    "start": {
                        "$gte": zone.midnight(day),
                        "$lt": zone.midnight(day + 2 * _DAY),
                    },
                },
                {"reader": 1, "claims": 1},
            ).to_list(None)
        for row in rows:
            used[row["reader"]] |= daily_numbers(row, day)
        return used

    async def live_of(self, reader_id: ReaderId, since: datetime) -> list[Reservation]:
        """The reader's live reservations that start at ``since`` or later, the earliest first."""
        cursor = self._all.find({"reader": reader_id, "start": {"$gte": since}, "live": True})
        return await self._read(cursor.sort("start", ASCENDING))

    async def recent_of(
        self, reader_id: ReaderId, since: datetime, at_most: int
    ) -> list[Reservation]:
        """At most ``at_most`` of the reader's bookings that start at ``since`` or later, the
        latest first. If there are more, ended ones are left out before live ones."""
        states = {"$in": sorted(state.value for state in BOOKING_STATES)}
        query = {"reader": reader_id, "start": {"$gte": since}, "state": states}
        cursor = self._all.find(query).sort(
            [("live", DESCENDING), ("start", DESCENDING), ("_id", ASCENDING)]
        )
        rows = await self._read(cursor.limit(at_most))
        return sorted(rows, key=lambda r: (r.start, r.id), reverse=True)

    async def on_day(self, zone: Zone, reader_id: ReaderId, day: date) -> list[Reservation]:
        """All of the reader's reservations for that day of use, the earliest start first."""
        of_day = {"$gte": zone.midnight(day), "$lt": zone.instant(day, time(23, 59))}
        cursor = self._all.find({"reader": reader_id, "start": of_day})
        return await self._read(cursor.sort("start", ASCENDING))

    async def near_day(self, zone: Zone, reader_id: ReaderId, day: date) -> list[Reservation]:
        """The reader's reservations for that day of use and the days before and after it, since
        bookings can cross midnight; the earliest start first."""
        near = {
            "$gte": zone.midnight(day - _DAY),
            "$lt": zone.midnight(day + 2 * _DAY),
        }
        cursor = self._all.find({"reader": reader_id, "start": near})
        return await self._read(cursor.sort("start", ASCENDING))

    async def on_seat(self, zone: Zone, seat_id: SeatId, day: date) -> list[Reservation]:
        """All reservations of the seat for that day of use, the earliest start first."""
        live: Document = {"day": day.isoformat(), "state": {"$in": _LIVE}, "seat": seat_id}
        of_day = {"$gte": zone.midnight(day), "$lte": zone.instant(day, time(23, 59))}
        ended: Document = {"seat": seat_id, "start": of_day, "live": False}
        # Live ones first: a reservation that ends between the two reads is read twice, not missed.
        rows = await self._read(self._all.find(live | {"live": True}).hint("occupancy"))
        rows += await self._read(self._all.find(ended).hint("ended_on_seat"))
        return sorted({r.id: r for r in rows}.values(), key=lambda r: (r.start, r.id))

    async def ever_on(self, seats: Collection[SeatId]) -> bool:
        """True if one of the seats was ever booked, even if the booking was cancelled."""
        with translate_errors():
            for live, index in ((True, "occupancy"), (False, "ended_on_seat")):
                query = {"live": live, "seat": {"$in": list(seats)}}
                booked = await self._all.find(query, {"_id": 1}).hint(index).limit(1).to_list(None)
                if booked:
                    return True
        return False

    async def page_of(
        self, reader_id: ReaderId, states: Sequence[ReservationState], skip: int, limit: int
    ) -> tuple[list[Reservation], int]:
        """A page of the reader's bookings in these states, newest first, and the number of all
        of them. Without ``states``, bookings in all states."""
        state_values = sorted(state.value for state in states or BOOKING_STATES)
        query: Document = {"reader": reader_id, "state": {"$in": state_values}}
        rows, total = await find_page(self._all, query, ("start", "created_at"), skip, limit)
        return [from_document(row) for row in rows], total

    async def occupancy_rows(self, day: date) -> list[OccupancyRow]:
        """All live reservations of the day, read from the index alone, and the seats that parties
        hold. Only what a majority has confirmed is read, since a rolled-back row would never
        leave the occupancy."""
        of_day: Document = {"day": day.isoformat(), "live": True}
        with translate_errors():
            rows = (
                await self._all.find(
                    of_day | {"state": {"$in": _LIVE}}, dict.fromkeys(BOARD_FIELDS, 1)
                )
                .hint("occupancy")
                .to_list(None)
            )
            parties = await self._all.find(of_day | HOLDING).hint("occupancy").to_list(None)
        held = (row for party in parties for row in party_of(party).rows() if row.state in LIVE)
        return [*(row_of(row["_id"], row) for row in rows), *held]

    async def booking_facts(self, day: date, made: TimeRange | None) -> AsyncIterator[BookingFacts]:
        """All bookings of a day for the statistics, in order of creation. ``made``: the
        wall-clock time of their creation, compared with the times in document ids, since another
        index would slow every booking. None searches all, for a sandbox whose clock was moved."""
        fields = [
            "area",
            "seat",
            "reader",
            "state",
            "created_at",
            "start",
            "end",
            "checked_in_at",
            "available_from",
            "ended_at",
        ]
        with translate_errors():
            # MongoDB's own batches hold 16 MB, which take up 150 MB in memory.
            cursor = self._made(day, made, dict.fromkeys(fields, 1)).batch_size(1000)
            async for row in cursor:
                if "area" in row:
                    yield BookingFacts(
                        seat_id=SeatId(row["seat"]),
                        area_id=AreaId(row["area"]),
                        reader_id=ReaderId(row["reader"]),
                        state=ReservationState(row["state"]),
                        created_at=row["created_at"],
                        start=row["start"],
                        end=row["end"],
                        checked_in_at=row["checked_in_at"],
                        available_from=row["available_from"],
                        ended_at=row["ended_at"],
                    )

    async def all_on_day(self, day: date, made: TimeRange | None) -> AsyncIterator[Reservation]:
        """All of the day's reservations in the order of creation. ``made``: the wall-clock time
        within which they were created; None searches all."""
        with translate_errors():
            async for row in self._made(day, made, None).batch_size(200):
                if "area" in row:
                    yield from_document(row)

    async def page_of_day(
        self,
        day: date,
        made: TimeRange | None,
        venues: Collection[VenueId] | None,
        fields: Mapping[str, str],
        after: str,
        limit: int,
    ) -> list[Reservation]:
        """At most ``limit`` of the day's reservations in the order of creation, beginning after
        the one with the id ``after``, so that new bookings do not shift a page. ``made``: the
        wall-clock time within which they were created, None for any. ``venues``: None for all.
        ``fields``: stored values that they must have."""
        ids: Document = {"$gt": after} if after else {}
        if made is not None:
            first, last = (str(ObjectId.from_datetime(t)) for t in (made.start, made.end))
            ids = {"$gt": max(after, first), "$lt": last}
        query: Document = {"day": day.isoformat(), **fields, **in_venues(venues)}
        query |= {"_id": ids} if ids else {}
        query = A_RESERVATION | query
        with translate_errors():
            cursor = self._all.find(query).hint("_id_").sort("_id", ASCENDING).limit(limit)
            return await self._read(cursor)

    def _made(self, day: date, made: TimeRange | None, projection: Mapping[str, int] | None) -> Any:
        query: Document = {"day": day.isoformat()}
        if made is not None:
            first, last = (str(ObjectId.from_datetime(t)) for t in (made.start, made.end))
            query["_id"] = {"$gte": first, "$lt": last}
        return self._all.find(query, projection).hint("_id_").sort("_id", ASCENDING)

    async def many(self, ids: Collection[ReservationId]) -> dict[ReservationId, Reservation]:
        with translate_errors():
            rows = await self._all.find({"_id": {"$in": list(ids)}}).to_list(None)
        reservations = (from_document(row) for row in rows if "area" in row)
        return {r.id: r for r in reservations}

    async def venues_of(self, ids: Collection[ReservationId]) -> dict[ReservationId, VenueId]:
        """The venues of these reservations, bookings of rooms included."""
        placed: Document = {"_id": {"$in": list(ids)}, "venue": {"$exists": True}}
        with translate_errors():
            rows = await self._all.find(placed, {"venue": 1}).to_list(None)
        return {row["_id"]: VenueId(row["venue"]) for row in rows}

    async def first_created_at(self) -> datetime | None:
        """The instant at which the oldest stored booking, of a seat or a room, was made; None
        without bookings."""
        fields = ("created_at", "made_at")
        real: Document = {"$or": [{name: {"$exists": True}} for name in fields]}  # no tombstone
        with translate_errors():
            oldest = await self._all.find_one(
                real, dict.fromkeys(fields, 1), sort=[("_id", ASCENDING)]
            )
        return oldest.get("created_at") or oldest["made_at"] if oldest else None

    async def has_live(self, day: date) -> bool:
        """True if the day has a live reservation (booked, checked in, on leave or offered)."""
        query: Document = {"day": day.isoformat(), "state": {"$in": _LIVE}, "live": True}
        with translate_errors():
            return await self._all.find_one(query, {"_id": 1}, hint="occupancy") is not None

    async def with_open_reports(
        self,
        now: datetime,
        skip: int,
        limit: int,
        venues: Collection[VenueId] | None = None,
    ) -> tuple[list[Reservation], int]:
        """A page of reservations with a report waiting for the staff, longest waiting first, and
        the number of all. Ended reservations are left out. ``venues``: None for all."""
        query: Document = {"report.desk": True, "end": {"$gt": now}, **in_venues(venues)}
        with translate_errors():
            total = await self._all.count_documents(query, hint="desk_reports")
        cursor = self._all.find(query).hint("desk_reports").sort("report.at", ASCENDING)
        return await self._read(cursor.skip(skip).limit(limit)), total

    async def waiting_for_patrol(
        self,
        now: datetime,
        skip: int,
        limit: int,
        venues: Collection[VenueId] | None = None,
    ) -> tuple[list[Reservation], int]:
        """A page of reservations whose seats the staff must look at because the reader got no
        push message, longest waiting first, and the number of all. ``venues``: None for all."""
        query: Document = {
            "patrol_at": {"$type": "date"},
            "end": {"$gt": now},
            **in_venues(venues),
        }
        with translate_errors():
            total = await self._all.count_documents(query, hint="patrol")
        cursor = self._all.find(query).hint("patrol").sort("patrol_at", ASCENDING)
        return await self._read(cursor.skip(skip).limit(limit)), total

    async def reported_occupied_seats(self, now: datetime) -> set[SeatId]:
        with translate_errors():
            rows = (
                await self._all.find({"report.desk": True, "end": {"$gt": now}}, {"report.seat": 1})
                .hint("desk_reports")
                .to_list(None)
            )
        return {SeatId(row["report"]["seat"]) for row in rows}

    async def next_on_same_seat(self, r: Reservation) -> Reservation | None:
        """The reader's booking of the same seat that begins when ``r`` ends; None without one."""
        with translate_errors():
            document = await self._all.find_one(
                {
                    "reader": r.reader_id,
                    "start": r.end,
                    "seat": r.seat_id,
                    "state": ReservationState.RESERVED.value,
                }
            )
        return from_document(document) if document else None


def in_venues(venues: Collection[VenueId] | None) -> Document:
    return {"venue": {"$in": list(venues)}} if venues is not None else {}
