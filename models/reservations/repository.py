"""Reservations: one document each, one insert decides, each change is guarded by the one before.

The guard of everything scarce is the unique index over ``claims`` (docs/locking.md). An outcome
that the driver leaves unknown is resolved here: an insert by a tombstone with the same ``_id``, a
change by a fence. A revision number alone is not the name of a revision: one that was rolled back
leaves its number to another. So each change has an id, and names the one that it was made over.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any, Final, Literal

import pymongo
from bson.objectid import ObjectId
from pymongo import ASCENDING, ReturnDocument, UpdateMany
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError

from models.kernel.errors import ServiceUnavailable
from models.kernel.ids import ReaderId, ReservationId
from models.kernel.time_range import TimeRange, local_instant
from models.library.entities import AreaId, SeatId, VenueId
from models.reservations.booking_facts import BookingFacts
from models.reservations.change_stream_repository import BOARD_FIELDS, row_of
from models.reservations.entities import Reservation
from models.reservations.errors import ClaimConflict, RevisionConflict
from models.reservations.integrity_queries import DoubleBooking, OccupiedSpan, occupied_spans
from models.reservations.mapping import _notice_document, changed_fields, from_document, to_document
from models.reservations.occupancy import OccupancyRow
from models.reservations.state_machine import BOOKING_STATES, LIVE, ReservationState
from models.reservations.transitions import AFTER_OUTAGE
from models.storage.batching import Batcher
from models.storage.mongo import Database, Document, find_page, new_id
from models.storage.mongo_errors import (
    NOT_SENT,
    UNKNOWN_OUTCOME,
    conflicting_key,
    errors_per_document,
    translate_errors,
    unconfirmed,
)
from models.storage.transactions import InTransaction, run_transaction

_LIVE: Final = sorted(LIVE)
_AT_ONCE: Final = timedelta(seconds=10)
"""Longer than a request may take; a double lasts for minutes."""
_CHANGES_KEPT: Final = 8
_SPAN: Final = ("day", "seat", "reader", "placed_at", "start", "end", "ended_at", "available_from")
_SWEEP_BATCH: Final = 5000
_SWEEP_S: Final = 3600.0
Deadline = Literal[
    "no_show",
    "expire_leaves",
    "complete",
    "send_reminders",
    "fail_presence_checks",
    "expire_offers",
]
"""The job that settles it."""
_PRESENT_STATES: Final = [ReservationState.IN_USE.value, ReservationState.AWAY.value]
_DEADLINES: Final[Mapping[Deadline, tuple[list[str], str]]] = {
    "no_show": ([ReservationState.RESERVED.value], "check_in_until"),
    "expire_leaves": ([ReservationState.AWAY.value], "return_by"),
    "complete": (_PRESENT_STATES, "end"),
    "send_reminders": ([], "remind_at"),
    "fail_presence_checks": ([], "presence_due_at"),
    "expire_offers": ([], "held_until"),
}
"""The states (those with the field where there are none) and the field of each deadline, by the job
that settles it."""
FrozenVenues = Literal[True] | frozenset[VenueId]
"""Venues whose deadlines wait; True stands for all."""


class ReservationRepository:
    def __init__(self, db: Database) -> None:
        self._all = db["reservations"]
        self.writer = new_id()
        """Stands in what this process inserts, so that its change stream can leave that out."""
        # Group commit: reservations that arrive together are inserted together, each judged alone.
        self._inserts = Batcher(self._insert_all)
        # Hundreds of tasks on one client starve some of them: measured, a gate of 32 does not.
        self._gate = asyncio.Semaphore(32)

    # --- writes -------------------------------------------------------------------------------

    async def insert(self, made: Reservation) -> None:
        """Insert the reservation with all its claims; one write decides.

        Raises: ClaimConflict; ServiceUnavailable when it is certain that the reservation will never exist, or
        when even that cannot be found out now.
        """
        document = {**to_document(made), "writer": self.writer}
        try:
            await self._inserts.submit(document)
        except NOT_SENT as error:
            raise ServiceUnavailable() from error
        except (DuplicateKeyError, *UNKNOWN_OUTCOME) as error:
            if isinstance(error, DuplicateKeyError):
                lost = conflicting_key(error)
                if lost != made.id:
                    raise ClaimConflict(lost) from error
                # The driver's own retry met the first attempt, or a tombstone: not known either.
            if not await self._insert_was_written(made.id):
                raise ServiceUnavailable() from error
        except PyMongoError as error:
            with translate_errors():
                raise error

    async def _insert_all(self, documents: list[Document]) -> list[Exception | None]:
        """One unordered insert; for each document the error that is its own, or None.

        Never ``insert_one``, whose error hides that no majority has confirmed it.
        """
        try:
            await self._all.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            return errors_per_document(error, len(documents))
        return [None] * len(documents)

    async def _insert_was_written(self, id: ReservationId) -> bool:
        """After an unknown outcome: is the document there, or will it never be?"""
        return not await _retry_until_known(lambda: self._write_tombstone(id))

    async def _write_tombstone(self, id: ReservationId) -> bool:
        """Put a tombstone where the document would be. False: the document is there.

        One write puts it or tells what stands there instead, and its answer waits for the majority
        in both cases: a look afterwards could meet what will be rolled back, or miss what is there.
        """
        with translate_errors():
            stands = await self._all.find_one_and_update(
                {"_id": id},
                {"$setOnInsert": {"tombstone": True}},
                projection={"tombstone": 1},
                upsert=True,
                return_document=ReturnDocument.BEFORE,
            )
        return stands is None or "tombstone" in stands

    async def replace(
        self, old: Reservation, new: Reservation, due: Mapping[str, object] | None = None
    ) -> Reservation:
        """Write ``new`` over ``old`` if nothing changed it since, claims and all, in one update.

        Returns ``new`` with the id of this change, over which the next one can be made.

        ``due`` is a job's condition (``{"end": {"$lte": now}}``), checked by the database in the
        same step.

        Raises: RevisionConflict; ClaimConflict; ServiceUnavailable when it is certain that the change never happens,
        or when even that cannot be found out now.
        """
        change_id = new_id()
        guard, update = _guarded_update(old, new, due, change_id)
        written = replace(new, change=change_id)
        try:
            async with self._gate:
                found = await self._all.find_one_and_update(guard, update, projection={"_id": 1})
        except NOT_SENT as error:
            raise ServiceUnavailable() from error
        except (DuplicateKeyError, *UNKNOWN_OUTCOME) as error:
            if isinstance(error, DuplicateKeyError) and not unconfirmed(error):
                raise ClaimConflict(conflicting_key(error)) from error
            if not await self._change_was_written(old, change_id):
                raise ServiceUnavailable() from error
            return written
        except PyMongoError as error:
            with translate_errors():
                raise error
        if found is None:
            raise RevisionConflict()
        return written

    async def replace_and_offer(
        self,
        old: Reservation,
        new: Reservation,
        due: Mapping[str, object] | None,
        offer: Reservation,
        claim: InTransaction,
    ) -> Reservation:
        """As ``replace``, and the offer of a seat is inserted in the same transaction: of the seat
        that the change gives back, or of another one for its own reader. ``claim`` marks the
        waitlist entry as offered.

        Raises: RevisionConflict; ClaimConflict where the offer is not possible, or the entry waits
        no more; ServiceUnavailable.
        """
        change_id = new_id()
        guard, update = _guarded_update(old, new, due, change_id)

        async def work(session: Any) -> None:
            found = await self._all.find_one_and_update(
                guard, update, projection={"_id": 1}, session=session
            )
            if found is None:
                raise RevisionConflict()
            await claim(session)
            await self._insert_offer(offer, session)

        try:
            await self._together(work)
        except UNKNOWN_OUTCOME as error:
            if not await self._change_was_written(old, change_id):
                raise ServiceUnavailable() from error
        return replace(new, change=change_id)

    async def insert_offer(self, offer: Reservation, claim: InTransaction) -> None:
        """Offer a free seat. Raises: as ``replace_and_offer``."""

        async def work(session: Any) -> None:
            await claim(session)
            await self._insert_offer(offer, session)

        try:
            await self._together(work)
        except UNKNOWN_OUTCOME as error:
            if not await self._insert_was_written(offer.id):
                raise ServiceUnavailable() from error

    async def _insert_offer(self, offer: Reservation, session: Any) -> None:
        document = {**to_document(offer), "writer": self.writer}
        await self._all.insert_one(document, session=session)

    async def _together(self, work: Callable[[Any], Awaitable[None]]) -> None:
        """All of it or nothing; conflicts with other transactions are tried again.

        Raises: ClaimConflict; what ``work`` raises; PyMongoError of unknown outcome.
        """
        try:
            async with self._gate:
                await run_transaction(self._all.database, work)
        except DuplicateKeyError as error:
            raise ClaimConflict(conflicting_key(error)) from error
        except NOT_SENT as error:
            raise ServiceUnavailable() from error
        except UNKNOWN_OUTCOME:
            raise
        except PyMongoError as error:
            with translate_errors():
                raise error

    async def _change_was_written(self, old: Reservation, change_id: str) -> bool:
        """After an unknown outcome: did the change happen, or will it never?"""
        return await _retry_until_known(lambda: self._fence_revision(old, change_id))

    async def _fence_revision(self, old: Reservation, change_id: str) -> bool:
        """Let a change of its own take the place of ``change_id``, if nothing stands over ``old``
        yet; and tell whether ``change_id`` had been written.

        One write does both, and its answer waits for the majority also where it changes nothing.
        """
        unchanged: Document = {"$eq": [{"$ifNull": ["$change", None]}, old.change]}
        if old.change is None:  # from before changes had names
            unchanged = {"$and": [unchanged, {"$eq": ["$rev", old.rev]}]}
        fence: Document = {
            "change": {"$cond": [unchanged, new_id(), "$change"]},
            "rev": {"$cond": [unchanged, {"$add": ["$rev", 1]}, "$rev"]},
        }
        with translate_errors():
            before = await self._all.find_one_and_update(
                {"_id": old.id},
                [{"$set": fence}],
                projection={"change": 1, "changes": 1},
                return_document=ReturnDocument.BEFORE,
            )
        if before is None:
            raise ServiceUnavailable()  # what was read is not there: nothing is known
        return change_id == before.get("change") or change_id in before.get("changes", ())

    async def remove_outbox_events(self, told: Sequence[Reservation]) -> None:
        """Take what these outboxes held when they were read out of them; newer notices stay."""
        if not told:
            return
        named = [(r.id, n.change) for r in told for n in r.outbox if n.change is not None]
        # A change has one name everywhere: one update is for all reservations.
        updates = [
            UpdateMany(
                {"_id": {"$in": [id for id, _ in named]}},
                {"$pull": {"outbox": {"change": {"$in": [change for _, change in named]}}}},
            )
        ]
        updates += [
            UpdateMany({"_id": r.id}, {"$pull": {"outbox": {"seq": n.seq, "change": None}}})
            for r in told
            for n in r.outbox
            if n.change is None  # from before changes had names
        ]
        with translate_errors():
            await self._all.bulk_write(updates, ordered=False)

    async def drop_past_claims(self, before: date, limit: int) -> int:
        """The index holds live claims only: what lies before ``before`` drops all of them."""
        with translate_errors():
            rows = (
                await self._all.find(
                    {
                        "day": {"$lt": before.isoformat()},
                        "claims": {"$type": "string"},
                        "live": False,
                    },
                    {"_id": 1},
                )
                .hint("ended_with_claims")
                .limit(limit)
                .to_list(None)
            )
            ids = [row["_id"] for row in rows]
            if ids:
                await self._all.update_many(
                    {"_id": {"$in": ids}, "live": False}, {"$set": {"claims": []}}
                )
        return len(ids)

    async def drop_tombstones(self, made_before: datetime) -> int:
        """Delete old tombstones: their inserts can no longer arrive. By real time, as ids are."""
        before = str(ObjectId.from_datetime(made_before))
        with translate_errors():
            result = await self._all.delete_many({"tombstone": True, "_id": {"$lt": before}})
        return result.deleted_count

    # --- one ------------------------------------------------------------------------------------

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
            found = await self._all.find_one(
                {"$and": [{"claims": claim}, {"claims": {"$type": "string"}}]}
            )
        return from_document(found) if found else None

    async def release_claim(self, id: ReservationId, claim: str) -> None:
        """Let one claim go (a spent idempotency key)."""
        with translate_errors():
            await self._all.update_one({"_id": id}, {"$pull": {"claims": claim}})

    # --- a reader's -----------------------------------------------------------------------------

    async def used_daily_slots(self, reader_id: ReaderId, day: date) -> set[int]:
        """The k of the reader's ``n:`` claims for that day of use."""
        prefix = f"n:{reader_id}:{day.isoformat()}:"
        with translate_errors():
            rows = await self._all.find(
                {
                    "reader": reader_id,
                    "start": {
                        "$gte": local_instant(day, time(0)),
                        "$lte": local_instant(day, time(23, 59)),
                    },
                },
                {"claims": 1},
            ).to_list(None)
        return {
            int(claim.removeprefix(prefix))
            for row in rows
            for claim in row["claims"]
            if claim.startswith(prefix)
        }

    async def live_of(self, reader_id: ReaderId, since: datetime) -> list[Reservation]:
        """The reader's live reservations that start at ``since`` or later, the earliest first."""
        with translate_errors():
            rows = (
                await self._all.find({"reader": reader_id, "start": {"$gte": since}, "live": True})
                .sort("start", ASCENDING)
                .to_list(None)
            )
        return [from_document(row) for row in rows]

    async def on_day(self, reader_id: ReaderId, day: date) -> list[Reservation]:
        """All of the reader's reservations for that day of use, the earliest start first."""
        with translate_errors():
            rows = (
                await self._all.find(
                    {
                        "reader": reader_id,
                        "start": {
                            "$gte": local_instant(day, time(0)),
                            "$lt": local_instant(day, time(23, 59)),
                        },
                    }
                )
                .sort("start", ASCENDING)
                .to_list(None)
            )
        return [from_document(row) for row in rows]

    async def page_of(
        self, reader_id: ReaderId, states: Sequence[ReservationState], skip: int, limit: int
    ) -> tuple[list[Reservation], int]:
        """The reader's reservations in these states, all bookings where none is given, the newest
        first, and how many there are."""
        wanted = sorted(state.value for state in states or BOOKING_STATES)
        query: Document = {"reader": reader_id, "state": {"$in": wanted}}
        rows, total = await find_page(self._all, query, ("start", "created_at"), skip, limit)
        return [from_document(row) for row in rows], total

    # --- the plan -------------------------------------------------------------------------------

    async def board_rows(self, day: date) -> list[OccupancyRow]:
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
                .hint("board")
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
            return await self._all.find_one(query, {"_id": 1}, hint="board") is not None

    # --- what is due ----------------------------------------------------------------------------

    async def due_for_no_show(
        self,
        due: datetime,
        limit: int,
        held: FrozenVenues = frozenset(),
        now: datetime | None = None,
    ) -> list[Reservation]:
        """Those whose time to check in is over at ``due``; of venues that are ``held``, only those
        that have ended at ``now``."""
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
        """Away beyond ``return_by``; where that is the end itself, completion takes it. ``held``:
        as for no-shows."""
        return await self._due(
            "due_time_out",
            {
                "state": ReservationState.AWAY.value,
                "return_by": {"$lte": due},
                "$expr": {"$lt": ["$return_by", "$end"]},
                **_not_held(held, now),
            },
            limit,
        )

    async def due_for_completion(self, now: datetime, limit: int) -> list[Reservation]:
        """At their end; who should have been back before it is left to the time-out, which may
        still wait for a gate to tell."""
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
        with translate_errors():
            rows = (
                await self._all.find({"remind_at": {"$type": "date", "$lte": now}})
                .sort("remind_at", ASCENDING)
                .limit(limit)
                .to_list(None)
            )
        return [from_document(row) for row in rows]

    async def due_for_offer_expiry(self, now: datetime, limit: int) -> list[Reservation]:
        """Offers whose time is over."""
        with translate_errors():
            rows = (
                await self._all.find({"held_until": {"$type": "date", "$lte": now}})
                .limit(limit)
                .to_list(None)
            )
        return [from_document(row) for row in rows]

    async def due_for_presence_check(self, now: datetime, limit: int) -> list[Reservation]:
        """In use, doubted, and not shown to be by now."""
        with translate_errors():
            rows = (
                await self._all.find(
                    {
                        "presence_due_at": {"$type": "date", "$lte": now},
                        "state": ReservationState.IN_USE.value,
                        "end": {"$gt": now},
                        # Who found the seat taken cannot sit there.
                        "report.open": {"$ne": True},
                    }
                )
                .limit(limit)
                .to_list(None)
            )
        return [from_document(row) for row in rows]

    async def with_open_reports(
        self, now: datetime, skip: int, limit: int
    ) -> tuple[list[Reservation], int]:
        """Those whose report waits for the desk, the longest waiting first, and how many there are.
        Until their time is over: nobody sits there for ever."""
        query: Document = {"report.desk": True, "end": {"$gt": now}}
        with translate_errors():
            total = await self._all.count_documents(query, hint="desk_reports")
            rows = (
                await self._all.find(query)
                .hint("desk_reports")
                .sort("report.at", ASCENDING)
                .skip(skip)
                .limit(limit)
                .to_list(None)
            )
        return [from_document(row) for row in rows], total

    async def reported_occupied_seats(self, now: datetime) -> set[SeatId]:
        """Seats where somebody sits whose they are not, as their readers say."""
        with translate_errors():
            rows = (
                await self._all.find({"report.desk": True, "end": {"$gt": now}}, {"report.seat": 1})
                .hint("desk_reports")
                .to_list(None)
            )
        return {SeatId(row["report"]["seat"]) for row in rows}

    async def due_for_carry_over(self, now: datetime, limit: int) -> list[Reservation]:
        """Completed ones whose reader may sit on the same seat in the next booking too."""
        with translate_errors():
            rows = (
                await self._all.find({"carry_over_at": {"$type": "date", "$lte": now}})
                .limit(limit)
                .to_list(None)
            )
        return [from_document(row) for row in rows]

    async def carried_over(self, id: ReservationId) -> None:
        """The follower has been looked after."""
        with translate_errors():
            await self._all.update_one({"_id": id}, {"$set": {"carry_over_at": None}})

    async def with_outbox_events(self, limit: int) -> list[Reservation]:
        """Reservations that have something to tell, the oldest first.

        Without claims, replays and history, which tell nothing and are half of each document.
        """
        untold: Document = {"claims": [], "idempotency_results": [], "history": []}
        with translate_errors():
            rows = (
                await self._all.find(
                    {"outbox.at": {"$type": "date"}}, {**dict.fromkeys(untold, 0), "changes": 0}
                )
                .sort("outbox.at", ASCENDING)
                .limit(limit)
                .to_list(None)
            )
        return [from_document(row | untold) for row in rows]

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

    async def deadlines_within(self, outage: TimeRange) -> list[Reservation]:
        """Live reservations whose check-in, return, proof or answer was due in the outage or a
        minute after it, as far as they have not been moved for it."""
        within = {"$gt": outage.start, "$lte": outage.end + AFTER_OUTAGE}
        untouched: Document = {
            "history": {"$not": {"$elemMatch": {"event": "outage", "at": outage.end}}}
        }
        waiting = {"state": ReservationState.RESERVED.value, "check_in_until": within, **untouched}
        away = {"state": ReservationState.AWAY.value, "return_by": within, **untouched}
        rows = await self._due("due_no_show", waiting, 0)
        rows += await self._due("due_time_out", away, 0)
        doubted: Document = {
            "presence_due_at": {"$type": "date", **within},
            "state": ReservationState.IN_USE.value,
        }
        offered: Document = {"held_until": {"$type": "date", **within}}
        with translate_errors():
            for query in (doubted, offered):
                found = await self._all.find({**query, **untouched}).to_list(None)
                rows += [from_document(row) for row in found]
        return rows

    async def next_due(self, after: datetime) -> tuple[datetime, frozenset[Deadline]] | None:
        """The first instant after ``after`` at which something here becomes due, and what."""
        found = await self._first_instants({"$gt": after})
        if not found:
            return None
        first = min(found.values())
        return first, frozenset(name for name, instant in found.items() if instant == first)

    async def overdue(self, now: datetime) -> frozenset[Deadline]:
        """What has a deadline at ``now`` or before that was not settled yet."""
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
        """Hinted: all due indexes begin with the state, and the planner takes any of them when what
        it tries first is all due; kept for later, that plan would read every live one."""
        with translate_errors():
            rows = (
                await self._all.find({**query, "live": True}).hint(index).limit(limit).to_list(None)
            )
        return [from_document(row) for row in rows]

    # --- the sweep ------------------------------------------------------------------------------

    async def find_double_bookings(self) -> list[DoubleBooking]:
        """Every pair that held one seat or one reader at once, by [start, actual end).

        Never by claims: a claim is the guard, and the sweep is its judge. Instants are those at
        which requests came, so two that were under way together may overlap by seconds: one gave
        the seat back while the other was already asking for it.
        """
        found: list[DoubleBooking] = []
        before: dict[str, OccupiedSpan] = {}
        async for rows in self._days():
            latest: dict[str, OccupiedSpan] = {}
            for span in sorted(span for row in rows for span in occupied_spans(row)):
                held = latest.get(span.key) or before.get(span.key)
                if held is not None and span.start + _AT_ONCE < held.stop:
                    found.append(DoubleBooking(span.key.partition(" ")[0], held.id, span.id))
                if held is None or span.stop > held.stop:
                    latest[span.key] = span
            before = latest
        return sorted(found, key=lambda double: double.thing, reverse=True)

    async def _days(self) -> AsyncIterator[list[Document]]:
        """All reservations by their day of use: MongoDB sorts them on its disk, and one day is in
        memory at a time, however many there are. Nobody sits through midnight."""
        cursor = (
            self._all.find({"tombstone": {"$exists": False}}, dict.fromkeys(_SPAN, 1))
            .sort("day", ASCENDING)
            .batch_size(_SWEEP_BATCH)  # else MongoDB sends 16 MB at once
            .allow_disk_use(True)
        )
        day: list[Document] = []
        while rows := await self._batch(cursor):
            for row in rows:
                if day and row["day"] != day[0]["day"]:
                    yield day
                    day = []
                day.append(row)
        if day:
            yield day

    async def _batch(self, cursor: Any) -> list[Document]:
        # The sort of millions takes longer than a request may.
        with translate_errors(), pymongo.timeout(_SWEEP_S):
            rows: list[Document] = await cursor.to_list(_SWEEP_BATCH)
        return rows

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


def _not_held(held: FrozenVenues, now: datetime | None) -> Document:
    """Neither an outage nor a report keeps a seat beyond its end."""
    waits: Document = {} if held is True else {"report.open": {"$ne": True}}
    if held is True:
        return {"end": {"$lte": now}}
    if held:
        waits["venue"] = {"$nin": sorted(held)}
    return {"$or": [waits, {"end": {"$lte": now}}]} if now is not None else waits


async def _retry_until_known(settle: Callable[[], Awaitable[bool]]) -> bool:
    """Three tries to settle an unknown outcome: each waits two seconds for a primary, and a
    failover takes longer. Raises: ServiceUnavailable when it stays unknown."""
    for _ in range(2):
        try:
            return await settle()
        except ServiceUnavailable:
            continue
    return await settle()


def _guarded_update(
    old: Reservation, new: Reservation, due: Mapping[str, object] | None, change_id: str
) -> tuple[Document, Document]:
    """The guard and the update that make ``new`` of ``old``."""
    # The last few, since others may change it too before this one's outcome is asked for.
    pushed: Document = {"changes": {"$each": [change_id], "$slice": -_CHANGES_KEPT}}
    if fresh := [notice for notice in new.outbox if notice.seq > old.rev]:
        pushed["outbox"] = {"$each": [_notice_document(n, change_id) for n in fresh]}
    # The change that it was made over names the revision. The number stands beside it for workers
    # of the version before, which count it up and leave the name as it was.
    guard: Document = {
        "_id": old.id,
        "state": old.state.value,
        "rev": old.rev,
        "change": old.change,
    }
    guard |= due or {}
    return guard, {"$set": {**changed_fields(old, new), "change": change_id}, "$push": pushed}
