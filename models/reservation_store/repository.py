"""Reservations: one document each, one insert decides, each change is guarded by the one before.

The guard of everything scarce is the unique index over ``claims`` (docs/locking.md). An outcome
that the driver leaves unknown is resolved here: an insert by a tombstone with the same ``_id``, a
change by a fence. A revision number alone is not the name of a revision: one that was rolled back
leaves its number to another. So each change has an id, and names the one that it was made over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any, Final, Protocol

from bson.objectid import ObjectId
from pymongo import ReturnDocument, UpdateMany
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError

from models.kernel.errors import Unavailable
from models.kernel.ids import ReservationId
from models.kernel.time_range import local_instant
from models.readers.personal_data_repository import ERASED_READER, erase_late_writes
from models.reservation_store.due_queries import DueQueries
from models.reservation_store.integrity_queries import IntegrityQueries
from models.reservation_store.mapping import changed_fields, outbox_document, to_new_document
from models.reservation_store.queries import ReservationQueries
from models.reservations.claims import ClaimKind
from models.reservations.entities import Reservation
from models.reservations.errors import ClaimLost, StaleRevision
from models.storage.batching import Batcher
from models.storage.mongo import Database, Document, insert, new_id
from models.storage.mongo_errors import (
    NOT_SENT,
    UNKNOWN_OUTCOME,
    conflicting_key,
    errors_per_document,
    translate_errors,
    unconfirmed,
)
from models.storage.transactions import InTransaction, run_transaction

_CHANGES_KEPT: Final = 8


class WriteWatcher(Protocol):
    """Who counts the writes. It must be quick."""

    def written(self, old: Reservation | None, new: Reservation) -> None:
        """``new`` is stored, in the place of ``old`` or for the first time."""

    def lost(self, kind: ClaimKind | None) -> None:
        """The index has refused a write, for a claim of that kind."""


class ReservationRepository(ReservationQueries, DueQueries, IntegrityQueries):
    """The writes; and, inherited, all reads."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self._db = db
        self.writer = new_id()
        """Stands in what this process inserts, so that its change stream can leave that out."""
        # Group commit: reservations that arrive together are inserted together, each judged alone.
        self._inserts = Batcher(self._insert_all)
        # Hundreds of tasks on one client starve some of them: measured, a gate of 32 does not.
        self._gate = asyncio.Semaphore(32)
        self._watchers: list[WriteWatcher] = []

    def subscribe(self, watcher: WriteWatcher) -> None:
        """Tell ``watcher`` of each write of this process."""
        self._watchers.append(watcher)

    def _told(self, old: Reservation | None, new: Reservation) -> None:
        for watcher in self._watchers:
            watcher.written(old, new)

    def _conflict(self, claim: str) -> ClaimLost:
        """The error to raise for a claim that lost."""
        lost = ClaimLost(claim)
        for watcher in self._watchers:
            watcher.lost(lost.kind)
        return lost

    async def insert(self, made: Reservation) -> None:
        """Insert the reservation with all its claims; one write decides.

        Raises: ClaimLost; Unavailable when it is certain that the reservation will
        never exist, or when even that cannot be found out now.
        """
        try:
            await self._inserts.submit(to_new_document(made, self.writer))
        except NOT_SENT as error:
            raise Unavailable() from error
        except (DuplicateKeyError, *UNKNOWN_OUTCOME) as error:
            if isinstance(error, DuplicateKeyError):
                lost = conflicting_key(error)
                if lost != made.id:
                    raise self._conflict(lost) from error
                # The driver's own retry met the first attempt, or a tombstone: not known either.
            if not await self._insert_was_written(made.id):
                raise Unavailable() from error
        except PyMongoError as error:
            with translate_errors():
                raise error
        self._told(None, made)

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

        Raises: StaleRevision; ClaimLost; Unavailable when it is certain that the
        change never happens, or when even that cannot be found out now.
        """
        change_id = new_id()
        guard, update = _guarded_update(old, new, due, change_id)
        written = replace(new, change=change_id)
        try:
            async with self._gate:
                found = await self._all.find_one_and_update(guard, update, projection={"_id": 1})
        except NOT_SENT as error:
            raise Unavailable() from error
        except (DuplicateKeyError, *UNKNOWN_OUTCOME) as error:
            if isinstance(error, DuplicateKeyError) and not unconfirmed(error):
                raise self._conflict(conflicting_key(error)) from error
            if not await self._change_was_written(old, change_id):
                raise Unavailable() from error
            self._told(old, written)
            return written
        except PyMongoError as error:
            with translate_errors():
                raise error
        if found is None:
            raise StaleRevision()
        self._told(old, written)
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

        Raises: StaleRevision; ClaimLost where the offer is not possible, or the entry waits
        no more; Unavailable.
        """
        change_id = new_id()
        guard, update = _guarded_update(old, new, due, change_id)

        async def work(session: Any) -> None:
            found = await self._all.find_one_and_update(
                guard, update, projection={"_id": 1}, session=session
            )
            if found is None:
                raise StaleRevision()
            await claim(session)
            await self._insert_offer(offer, session)

        try:
            await self._together(work)
        except UNKNOWN_OUTCOME as error:
            if not await self._change_was_written(old, change_id):
                raise Unavailable() from error
        self._told(old, new)
        self._told(None, offer)
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
                raise Unavailable() from error
        self._told(None, offer)

    async def _insert_offer(self, offer: Reservation, session: Any) -> None:
        await self._all.insert_one(to_new_document(offer, self.writer), session=session)

    async def _together(self, work: Callable[[Any], Awaitable[None]]) -> None:
        """All of it or nothing; conflicts with other transactions are tried again.

        Raises: ClaimLost; what ``work`` raises; PyMongoError of unknown outcome.
        """
        try:
            async with self._gate:
                await run_transaction(self._all.database, work)
        except DuplicateKeyError as error:
            raise self._conflict(conflicting_key(error)) from error
        except NOT_SENT as error:
            raise Unavailable() from error
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
            raise Unavailable()  # what was read is not there: nothing is known
        return change_id == before.get("change") or change_id in before.get("changes", ())

    async def remove_outbox_events(self, told: Sequence[Reservation]) -> None:
        """Take what these outboxes held when they were read out of them; newer notices stay, and so
        does all of a reservation whose reader was erased meanwhile: it is told anew, as nobody's.
        Before it goes, whatever the round before has written of that reader does.
        """
        theirs = [r for r in told if r.reader_id != ERASED_READER]
        nobodys = [r for r in told if r.reader_id == ERASED_READER]
        await erase_late_writes(self._db, [r.id for r in nobodys])
        updates = [
            *_removals(theirs, {"reader": {"$ne": ERASED_READER}}),
            *_removals(nobodys, {}),
            *(
                UpdateMany({"_id": r.id}, {"$pull": {"outbox": {"seq": n.seq, "change": None}}})
                for r in told
                for n in r.outbox
                if n.change is None  # from before changes had names
            ),
        ]
        if updates:
            with translate_errors():
                await self._all.bulk_write(updates, ordered=False)

    async def drop_past_claims(self, before: date, limit: int) -> int:
        """The index holds live claims only: what lies before ``before`` drops all of them."""
        with translate_errors():
            rows = (
                await self._all.find(
                    {
                        "day": {"$lt": before.isoformat()},
                        "end": {"$lte": local_instant(before, time(0))},
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

    async def bury_claim(self, claim: str) -> bool:
        """Put a tombstone that holds the claim. False where somebody holds it, a reservation or a
        tombstone.

        Raises: Unavailable when that cannot be found out now.
        """
        with translate_errors():
            try:
                await insert(self._all, {"_id": new_id(), "tombstone": True, "claims": [claim]})
            except DuplicateKeyError:
                return False
        return True

    async def release_claim(self, id: ReservationId, claim: str) -> None:
        """Let one claim go (a spent idempotency key)."""
        with translate_errors():
            await self._all.update_one({"_id": id}, {"$pull": {"claims": claim}})


async def _retry_until_known(settle: Callable[[], Awaitable[bool]]) -> bool:
    """Three tries to settle an unknown outcome: each waits two seconds for a primary, and a
    failover takes longer. Raises: Unavailable when it stays unknown."""
    for _ in range(2):
        try:
            return await settle()
        except Unavailable:
            continue
    return await settle()


def _removals(told: Sequence[Reservation], still: Document) -> list[UpdateMany]:
    """One update for all of them, as a change has one name everywhere; of those that are ``still``
    so."""
    named = [(r.id, n.change) for r in told for n in r.outbox if n.change is not None]
    if not named:
        return []
    which: Document = {"_id": {"$in": [id for id, _ in named]}, **still}
    changes = [change for _, change in named]
    return [UpdateMany(which, {"$pull": {"outbox": {"change": {"$in": changes}}}})]


def _guarded_update(
    old: Reservation, new: Reservation, due: Mapping[str, object] | None, change_id: str
) -> tuple[Document, Document]:
    """The guard and the update that make ``new`` of ``old``."""
    # The last few, since others may change it too before this one's outcome is asked for.
    pushed: Document = {"changes": {"$each": [change_id], "$slice": -_CHANGES_KEPT}}
    if fresh := [notice for notice in new.outbox if notice.seq > old.rev]:
        pushed["outbox"] = {"$each": [outbox_document(n, change_id) for n in fresh]}
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
