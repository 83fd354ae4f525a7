"""Reading reservations: one, a reader's, a day's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from bson.objectid import ObjectId
from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.cursor import AsyncCursor

from models.kernel.ids import ReaderId, ReservationId
from models.kernel.time_range import TimeRange, local_instant
from models.library.entities import AreaId, SeatId, VenueId
from models.reservation_store.change_stream_repository import BOARD_FIELDS, row_of
from models.reservation_store.mapping import from_document
from models.reservations.booking_facts import BookingFacts
from models.reservations.entities import Reservation
from models.reservations.occupancy_rows import OccupancyRow
from models.reservations.state_machine import BOOKING_STATES, LIVE, ReservationState
from models.storage.mongo import Database, Document, find_page
from models.storage.mongo_errors import translate_errors

_LIVE: Final = sorted(LIVE)
_DAY: Final = timedelta(days=1)


class ReservationCollection:
    """The collection of reservations."""

    def __init__(self, db: Database) -> None:
        self._all = db["reservations"]

    async def _read(self, found: AsyncCursor[Document]) -> list[Reservation]:
        """What a search finds. Raises: Unavailable."""
        with translate_errors():
            rows = await found.to_list(None)
        return [from_document(row) for row in rows]


def _holder_of(claim: str) -> Document:
    # The second part lets MongoDB use the index, which has documents with claims only.
    return {"$and": [{"claims": claim}, {"claims": {"$type": "string"}}]}


class ReservationQueries(ReservationCollection):
    """What is read of reservations for readers, the staff and statistics."""

    async def count(self, query_state: ReservationState | None = None) -> int:
        """How many there are, of one state or of all.

        All of them: by MongoDB's own number, as counting millions takes seconds; right except after
        a crash of its, until it has been restarted cleanly. An ended state is counted one by one.
        """
        with translate_errors():
            if query_state is None:
                buried = await self._all.count_documents({"tombstone": True})
                return await self._all.estimated_document_count() - buried
            query: Document = {"state": query_state.value}
            if query_state in LIVE:
                query |= {"live": True}
            return await self._all.count_documents(query)

    async def get(self, id: str) -> Reservation | None:
        with translate_errors():
            found = await self._all.find_one({"_id": id, "tombstone": {"$exists": False}})
        return from_document(found) if found else None

    async def get_own(self, id: str, reader_id: ReaderId) -> Reservation | None:
        found = await self.get(id)
        return found if found is not None and found.reader_id == reader_id else None

    async def find_by_claim(self, claim: str) -> Reservation | None:
        """Who holds the claim now."""
        with translate_errors():
            found = await self._all.find_one({**_holder_of(claim), "tombstone": {"$exists": False}})
        return from_document(found) if found else None

    async def is_claim_buried(self, claim: str) -> bool:
        """Is it held by a tombstone, so that nobody gets it?"""
        with translate_errors():
            found = await self._all.find_one(
                {**_holder_of(claim), "tombstone": True}, projection={"_id": 1}
            )
        return found is not None

    async def used_daily_slots(self, reader_id: ReaderId, day: date) -> set[int]:
        """The k of the reader's ``n:`` claims for that day of use."""
        return (await self.used_daily_slots_of([reader_id], day))[reader_id]

    async def used_daily_slots_of(
        self, reader_ids: Collection[ReaderId], day: date
    ) -> dict[ReaderId, set[int]]:
        """As ``used_daily_slots``, of each of the readers, in one query."""
        used: dict[ReaderId, set[int]] = {reader_id: set() for reader_id in reader_ids}
        with translate_errors():
            rows = await self._all.find(
                {
                    "reader": {"$in": list(used)},
                    # An offer of a night can be accepted after midnight: it begins then, and
                    # counts for the day of the offer.
                    "start": {
                        "$gte": local_instant(day, time(0)),
                        "$lt": local_instant(day + 2 * _DAY, time(0)),
                    },
                },
                {"reader": 1, "claims": 1},
            ).to_list(None)
        for row in rows:
            prefix = f"n:{row['reader']}:{day.isoformat()}:"
            of_day = [c for c in row["claims"] if c.startswith(prefix)]
            used[row["reader"]].update(int(c.removeprefix(prefix)) for c in of_day)
        return used

    async def latest_of(
        self, reader_id: ReaderId, states: Collection[ReservationState]
    ) -> Reservation | None:
        """The one of the reader's reservations in these states that began last."""
        query = {"reader": reader_id, "state": {"$in": [state.value for state in states]}}
        found = await self._read(self._all.find(query).sort("start", DESCENDING).limit(1))
        return found[0] if found else None

    async def live_of(self, reader_id: ReaderId, since: datetime) -> list[Reservation]:
        """The reader's live reservations that start at ``since`` or later, the earliest first."""
        found = self._all.find({"reader": reader_id, "start": {"$gte": since}, "live": True})
        return await self._read(found.sort("start", ASCENDING))

    async def recent_of(
        self, reader_id: ReaderId, since: datetime, at_most: int
    ) -> list[Reservation]:
        """The reader's bookings that start at ``since`` or later, the latest first; the live ones
        before the others, where there are more than ``at_most``."""
        states = {"$in": sorted(state.value for state in BOOKING_STATES)}
        query = {"reader": reader_id, "start": {"$gte": since}, "state": states}
        found = self._all.find(query).sort(
            [("live", DESCENDING), ("start", DESCENDING), ("_id", ASCENDING)]
        )
        rows = await self._read(found.limit(at_most))
        return sorted(rows, key=lambda r: (r.start, r.id), reverse=True)

    async def on_day(self, reader_id: ReaderId, day: date) -> list[Reservation]:
        """All of the reader's reservations for that day of use, the earliest start first."""
        of_day = {"$gte": local_instant(day, time(0)), "$lt": local_instant(day, time(23, 59))}
        found = self._all.find({"reader": reader_id, "start": of_day})
        return await self._read(found.sort("start", ASCENDING))

    async def near_day(self, reader_id: ReaderId, day: date) -> list[Reservation]:
        """All of the reader's reservations for that day of use and for the days beside it, whose
        nights touch it, the earliest start first."""
        near = {
            "$gte": local_instant(day - _DAY, time(0)),
            "$lt": local_instant(day + 2 * _DAY, time(0)),
        }
        found = self._all.find({"reader": reader_id, "start": near})
        return await self._read(found.sort("start", ASCENDING))

    async def on_seat(self, seat_id: SeatId, day: date) -> list[Reservation]:
        """All reservations of the seat for that day of use, the earliest start first."""
        live: Document = {"day": day.isoformat(), "state": {"$in": _LIVE}, "seat": seat_id}
        of_day = {"$gte": local_instant(day, time(0)), "$lte": local_instant(day, time(23, 59))}
        ended: Document = {"seat": seat_id, "start": of_day, "live": False}
        # In this order: one that ends in between is found twice, and not missed.
        rows = await self._read(self._all.find(live | {"live": True}).hint("occupancy"))
        rows += await self._read(self._all.find(ended).hint("ended_on_seat"))
        return sorted({r.id: r for r in rows}.values(), key=lambda r: (r.start, r.id))

    async def ever_on(self, seats: Collection[SeatId]) -> bool:
        """Was one of the seats booked once, however the booking ended?"""
        with translate_errors():
            for live, index in ((True, "occupancy"), (False, "ended_on_seat")):
                wanted = {"live": live, "seat": {"$in": list(seats)}}
                found = await self._all.find(wanted, {"_id": 1}).hint(index).limit(1).to_list(None)
                if found:
                    return True
        return False

    async def page_of(
        self, reader_id: ReaderId, states: Sequence[ReservationState], skip: int, limit: int
    ) -> tuple[list[Reservation], int]:
        """The reader's reservations in these states, all bookings where none is given, the newest
        first, and how many there are."""
        wanted = sorted(state.value for state in states or BOOKING_STATES)
        query: Document = {"reader": reader_id, "state": {"$in": wanted}}
        rows, total = await find_page(self._all, query, ("start", "created_at"), skip, limit)
        return [from_document(row) for row in rows], total

    async def occupancy_rows(self, day: date) -> list[OccupancyRow]:
        """All live reservations of the day, from the index alone.

        Those of a majority, as the change stream tells them: what another server's failure could
        still undo, nobody would take back.
        """
        with translate_errors():
            rows = (
                await self._all.find(
                    {"day": day.isoformat(), "state": {"$in": _LIVE}, "live": True},
                    dict.fromkeys(BOARD_FIELDS, 1),
                )
                .hint("occupancy")
                .to_list(None)
            )
        return [row_of(row["_id"], row) for row in rows]

    async def booking_facts(self, day: date, made: TimeRange | None) -> AsyncIterator[BookingFacts]:
        """All bookings of a day, as statistics want them, in the order in which they were made.

        Found by the time that ids begin with, since an index for it would cost every booking:
        ``made`` is when they can have been made, by the wall clock. None: at any time, where the
        service's clock is another one (a sandbox's).
        """
        shown = [
            "area",
            "seat",
            "state",
            "created_at",
            "start",
            "end",
            "checked_in_at",
            "available_from",
            "ended_at",
        ]
        with translate_errors():
            # MongoDB's own batches hold 16 MB, which are 150 in memory.
            found = self._made(day, made, dict.fromkeys(shown, 1)).batch_size(1000)
            async for row in found:
                if "area" in row:  # a tombstone has nothing
                    yield BookingFacts(
                        seat_id=SeatId(row["seat"]),
                        area_id=AreaId(row["area"]),
                        state=ReservationState(row["state"]),
                        created_at=row["created_at"],
                        start=row["start"],
                        end=row["end"],
                        checked_in_at=row["checked_in_at"],
                        available_from=row["available_from"],
                        ended_at=row["ended_at"],
                    )

    async def all_on_day(self, day: date, made: TimeRange | None) -> AsyncIterator[Reservation]:
        """The same, with all that is known of them."""
        with translate_errors():
            async for row in self._made(day, made, None).batch_size(200):
                if "area" in row:
                    yield from_document(row)

    async def page_of_day(
        self,
        day: date,
        made: TimeRange | None,
        venues: Collection[VenueId] | None,
        wanted: Mapping[str, str],
        after: str,
        limit: int,
    ) -> list[Reservation]:
        """At most ``limit`` of the day's reservations in these venues (None: in all), in the order
        in which they were made, those only that were made after ``after``: a booking that comes
        meanwhile moves no page. ``made`` as for ``booking_facts``; ``wanted`` are values of fields
        that they have.
        """
        ids: Document = {"$gt": after} if after else {}
        if made is not None:
            first, last = (str(ObjectId.from_datetime(t)) for t in (made.start, made.end))
            ids = {"$gt": max(after, first), "$lt": last}
        query: Document = {"day": day.isoformat(), **wanted, **_in_venues(venues)}
        query |= {"_id": ids} if ids else {}
        # A tombstone has no seat.
        query.setdefault("area", {"$exists": True})
        with translate_errors():
            found = self._all.find(query).hint("_id_").sort("_id", ASCENDING).limit(limit)
            return await self._read(found)

    def _made(self, day: date, made: TimeRange | None, shown: Mapping[str, int] | None) -> Any:
        query: Document = {"day": day.isoformat()}
        if made is not None:
            first, last = (str(ObjectId.from_datetime(t)) for t in (made.start, made.end))
            query["_id"] = {"$gte": first, "$lt": last}
        return self._all.find(query, shown).hint("_id_").sort("_id", ASCENDING)

    async def many(self, ids: Collection[ReservationId]) -> dict[ReservationId, Reservation]:
        """Those of them that there are."""
        with translate_errors():
            rows = await self._all.find({"_id": {"$in": list(ids)}}).to_list(None)
        found = (from_document(row) for row in rows if "area" in row)
        return {r.id: r for r in found}

    async def first_created_at(self) -> datetime | None:
        """When the first booking was made that there is; None where there is none."""
        real: Document = {"created_at": {"$exists": True}}  # and no tombstone
        with translate_errors():
            found = await self._all.find_one(real, {"created_at": 1}, sort=[("_id", ASCENDING)])
        return found["created_at"] if found else None

    async def has_live(self, day: date) -> bool:
        """Is a booking of that day still under way, or not settled yet?"""
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
        """Those whose report waits for the desk, the longest waiting first, and how many there are;
        in these ``venues``, if given. Until their time is over: nobody sits there for ever."""
        query: Document = {"report.desk": True, "end": {"$gt": now}, **_in_venues(venues)}
        with translate_errors():
            total = await self._all.count_documents(query, hint="desk_reports")
        found = self._all.find(query).hint("desk_reports").sort("report.at", ASCENDING)
        return await self._read(found.skip(skip).limit(limit)), total

    async def waiting_for_patrol(
        self,
        now: datetime,
        skip: int,
        limit: int,
        venues: Collection[VenueId] | None = None,
    ) -> tuple[list[Reservation], int]:
        """Those that somebody of the staff has to look at, the longest waiting first, and how many
        there are; in these ``venues``, if given."""
        query: Document = {
            "patrol_at": {"$type": "date"},
            "end": {"$gt": now},
            **_in_venues(venues),
        }
        with translate_errors():
            total = await self._all.count_documents(query, hint="patrol")
        found = self._all.find(query).hint("patrol").sort("patrol_at", ASCENDING)
        return await self._read(found.skip(skip).limit(limit)), total

    async def reported_occupied_seats(self, now: datetime) -> set[SeatId]:
        """Seats where somebody sits whose they are not, as their readers say."""
        with translate_errors():
            rows = (
                await self._all.find({"report.desk": True, "end": {"$gt": now}}, {"report.seat": 1})
                .hint("desk_reports")
                .to_list(None)
            )
        return {SeatId(row["report"]["seat"]) for row in rows}

    async def next_on_same_seat(self, r: Reservation) -> Reservation | None:
        """The reader's next reservation on the same seat that begins when this one ends."""
        with translate_errors():
            found = await self._all.find_one(
                {
                    "reader": r.reader_id,
                    "start": r.end,
                    "seat": r.seat_id,
                    "state": ReservationState.RESERVED.value,
                }
            )
        return from_document(found) if found else None


def _in_venues(venues: Collection[VenueId] | None) -> Document:
    return {"venue": {"$in": list(venues)}} if venues is not None else {}
