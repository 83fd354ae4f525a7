"""Writes reservations. The unique index over ``claims`` guards everything scarce
(docs/locking.md). Each change requires the id of the previous change; a revision number would
not do, since another change may get the same number after a rollback. If the driver does not
know whether a write happened, the repository settles the outcome: for an insert by a tombstone,
a document without data under the same ``_id``; for a change by a fence, an empty change."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final, Protocol

from bson.objectid import ObjectId
from pymongo import ReturnDocument, UpdateMany
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError

from models.kernel.errors import Unavailable
from models.kernel.ids import ReservationId
from models.kernel.zone import Zone
from models.readers.personal_data_repository import A_ROOM_BOOKING, ERASED_READER, erase_late_writes
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
    """An observer that is notified of each write of a reservation. Its methods must be quick."""

    def written(self, old: Reservation | None, new: Reservation) -> None:
        """Called when ``new`` is stored: in place of ``old``, or with None as a new document."""

    def lost(self, kind: ClaimKind | None) -> None:
        """Called if the unique index refuses a claim of this kind (None: the key is no claim)."""


class ReservationRepository(ReservationQueries, DueQueries, IntegrityQueries):
    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self._db = db
        self.writer = new_id()
        """Marks this process's inserts, so that its own change stream can skip them."""
        # Group commit: reservations that arrive together are inserted together, but succeed or fail
        # one by one.
        self._inserts = Batcher(self._insert_all)
        # Hundreds of concurrent tasks on one client starve some of them; 32 do not (measured).
        self._gate = asyncio.Semaphore(32)
        self._watchers: list[WriteWatcher] = []

    def subscribe(self, watcher: WriteWatcher) -> None:
        self._watchers.append(watcher)

    def _report_write(self, old: Reservation | None, new: Reservation) -> None:
        for watcher in self._watchers:
            watcher.written(old, new)

    def _conflict(self, claim: str) -> ClaimLost:
        lost = ClaimLost(claim)
        for watcher in self._watchers:
            watcher.lost(lost.kind)
        return lost

    async def insert(self, made: Reservation) -> None:
        """Inserts the reservation with its claims. Raises: ClaimLost; Unavailable if the
        reservation certainly never comes to exist, or if that stays unknown."""
        await self.insert_document(to_new_document(made, self.writer))
        self._report_write(None, made)

    async def insert_document(self, document: Document) -> None:
        """Inserts a document with its claims. Raises: as ``insert``."""
        id: ReservationId = document["_id"]
        try:
            await self._inserts.submit(document)
        except NOT_SENT as error:
            raise Unavailable() from error
        except (DuplicateKeyError, *UNKNOWN_OUTCOME) as error:
            if isinstance(error, DuplicateKeyError):
                lost = conflicting_key(error)
                if lost != id:
                    raise self._conflict(lost) from error
                # The driver's retry met its own first attempt, or a tombstone: the outcome is
                # unknown too.
            if not await self._insert_was_written(id):
                raise Unavailable() from error
        except PyMongoError as error:
            with translate_errors():
                raise error

    async def _insert_all(self, documents: list[Document]) -> list[Exception | None]:
        """Inserts the documents in one unordered write; returns for each document its own error,
        or None. Even a single document is written like this: the error of ``insert_one`` does
        not show whether a majority has confirmed the conflicting document."""
        try:
            await self._all.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            return errors_per_document(error, len(documents))
        return [None] * len(documents)

    async def _insert_was_written(self, id: ReservationId) -> bool:
        """Settles an insert of unknown outcome: the document exists (True) or never can (False)."""
        return not await _retry_until_known(lambda: self._write_tombstone(id))

    async def _write_tombstone(self, id: ReservationId) -> bool:
        """Inserts a tombstone, which blocks the id of a document whose insert has an unknown
        outcome. False if the document exists. One majority write both checks and blocks: a
        separate read could show a document that is rolled back later."""
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
        """Replaces ``old`` by ``new`` with its claims, if ``old`` is still unchanged and, for a
        job, the condition ``due`` is met (``{"end": {"$lte": now}}``). Returns ``new`` with the id
        of this change, which the next change requires.

        Raises: StaleRevision; ClaimLost; Unavailable if the change certainly never happens, or if
        that stays unknown.
        """
        change_id = new_id()
        guard, update = _guarded_update(old, new, due, change_id)
        written = replace(new, change=change_id)
        try:
            async with self._gate:
                updated = await self._all.find_one_and_update(guard, update, projection={"_id": 1})
        except NOT_SENT as error:
            raise Unavailable() from error
        except (DuplicateKeyError, *UNKNOWN_OUTCOME) as error:
            if isinstance(error, DuplicateKeyError) and not unconfirmed(error):
                raise self._conflict(conflicting_key(error)) from error
            if not await self._change_was_written(old, change_id):
                raise Unavailable() from error
            self._report_write(old, written)
            return written
        except PyMongoError as error:
            with translate_errors():
                raise error
        if updated is None:
            raise StaleRevision()
        self._report_write(old, written)
        return written

    async def replace_and_offer(
        self,
        old: Reservation,
        new: Reservation,
        due: Mapping[str, object] | None,
        offer: Reservation,
        claim: InTransaction,
    ) -> Reservation:
        """Replaces ``old`` by ``new`` and inserts ``offer`` in one transaction. ``offer`` holds the
        seat that ``old`` releases, or another seat for the reader of ``old``. ``claim``: the step
        that marks the waitlist entry as offered. ``due``: a job's condition that the stored
        document of ``old`` must meet.

        Raises: StaleRevision; ClaimLost if the offer's seat is taken or the entry no longer waits;
        Unavailable.
        """
        change_id = new_id()
        guard, update = _guarded_update(old, new, due, change_id)

        async def work(session: Any) -> None:
            updated = await self._all.find_one_and_update(
                guard, update, projection={"_id": 1}, session=session
            )
            if updated is None:
                raise StaleRevision()
            await claim(session)
            await self._insert_one(offer, session)

        try:
            await self._together(work)
        except UNKNOWN_OUTCOME as error:
            if not await self._change_was_written(old, change_id):
                raise Unavailable() from error
        self._report_write(old, new)
        self._report_write(None, offer)
        return replace(new, change=change_id)

    async def insert_together(self, made: Reservation, step: InTransaction) -> None:
        """Takes the step and inserts the reservation in one transaction. Raises: ClaimLost; the
        errors of ``step``; Unavailable if the transaction certainly never takes place, or if
        that stays unknown."""

        async def work(session: Any) -> None:
            await step(session)
            await self._insert_one(made, session)

        await self._insert_in(work, made.id)
        self._report_write(None, made)

    async def insert_all(self, made: Sequence[Reservation], step: InTransaction) -> None:
        """Takes the step and inserts all of the reservations in one transaction. Raises: ClaimLost;
        the errors of ``step``; Unavailable, also if it is unknown whether it took place."""

        async def work(session: Any) -> None:
            await step(session)
            documents = [to_new_document(r, self.writer) for r in made]
            try:
                if documents:
                    await self._all.insert_many(documents, session=session)
            except BulkWriteError as error:
                raise next(filter(None, errors_per_document(error, len(made)))) from error

        with translate_errors():
            await self._together(work)
        for r in made:
            self._report_write(None, r)

    async def replace_all(
        self, changes: Sequence[tuple[Reservation, Reservation]], step: InTransaction
    ) -> None:
        """Takes the step and replaces the first reservation of each pair by the second one in one
        transaction. Raises: StaleRevision; ClaimLost; the errors of ``step``; Unavailable, also if
        it is unknown whether it took place."""
        updates = [_guarded_update(old, new, None, new_id()) for old, new in changes]
        await self.update_documents(updates, step)
        for old, new in changes:
            self._report_write(old, new)

    async def update_documents(
        self, updates: Sequence[tuple[Document, Document]], step: InTransaction | None = None
    ) -> None:
        """Takes the step and applies the updates, each to the document that its guard matches, in
        one transaction. Raises: as ``replace_all``."""

        async def work(session: Any) -> None:
            if step is not None:
                await step(session)
            for guard, update in updates:
                updated = await self._all.find_one_and_update(
                    guard, update, projection={"_id": 1}, session=session
                )
                if updated is None:
                    raise StaleRevision()

        with translate_errors():
            await self._together(work)

    async def insert_documents(self, documents: Sequence[Document]) -> None:
        """Inserts all of the documents with their claims, or none. Raises: as ``insert``."""

        async def work(session: Any) -> None:
            for document in documents:
                await self._all.insert_one(document, session=session)

        await self._insert_in(work, documents[0]["_id"])

    async def _insert_in(self, work: InTransaction, id: ReservationId) -> None:
        """Runs ``work``, which inserts the document with this id, in a transaction. Raises: as
        ``insert_together``."""
        try:
            await self._together(work)
        except UNKNOWN_OUTCOME as error:
            if not await self._insert_was_written(id):
                raise Unavailable() from error

    async def _insert_one(self, made: Reservation, session: Any) -> None:
        await self._all.insert_one(to_new_document(made, self.writer), session=session)

    async def _together(self, work: Callable[[Any], Awaitable[None]]) -> None:
        """Runs ``work`` in a transaction, and repeats it after a conflict with another
        transaction. Raises: ClaimLost; the errors of ``work``; Unavailable; a PyMongoError in
        ``UNKNOWN_OUTCOME`` if it is unknown whether the transaction took place."""
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
        """Settles a change of unknown outcome: it was written (True) or never can be (False)."""
        return await _retry_until_known(lambda: self._fence_revision(old, change_id))

    async def _fence_revision(self, old: Reservation, change_id: str) -> bool:
        """Writes an empty change over ``old``, so that the change ``change_id`` can no longer be
        written over it. True if ``change_id`` was written before. A single write does this; its
        answer waits for the majority even if it changes nothing."""
        unchanged: Document = {"$eq": [{"$ifNull": ["$change", None]}, old.change]}
        if old.change is None:  # stored before changes had ids
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
            raise Unavailable()  # the document that was read is gone: nothing is certain
        return change_id == before.get("change") or change_id in before.get("changes", ())

    async def remove_outbox_events(self, dispatched: Sequence[Reservation]) -> None:
        """Removes from the outboxes the events that were there when these reservations were
        read. Events of a reader who was erased since then stay: the next run dispatches them
        without the reader, and first erases what this run has written about the reader."""
        of_readers = [r for r in dispatched if r.reader_id != ERASED_READER]
        of_erased = [r for r in dispatched if r.reader_id == ERASED_READER]
        await erase_late_writes(self._db, [r.id for r in of_erased])
        updates = [
            *_removals(of_readers, {"reader": {"$ne": ERASED_READER}}),
            *_removals(of_erased, {}),
            *(
                UpdateMany({"_id": r.id}, {"$pull": {"outbox": {"seq": n.seq, "change": None}}})
                for r in dispatched
                for n in r.outbox
                if n.change is None  # stored before changes had ids
            ),
        ]
        if updates:
            with translate_errors():
                await self._all.bulk_write(updates, ordered=False)

    async def drop_past_claims(self, zone: Zone, before: date, limit: int) -> int:
        """Removes the claims of at most ``limit`` ended reservations of days before ``before``,
        which keeps the unique index small; returns the number of reservations. Those of rooms
        keep theirs for longer, to count the bookings of a week."""
        with translate_errors():
            rows = (
                await self._all.find(
                    {
                        "state": {"$ne": A_ROOM_BOOKING["state"]},
                        "day": {"$lt": before.isoformat()},
                        "end": {"$lte": zone.midnight(before)},
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
        """Deletes tombstones written before ``made_before`` (wall-clock time): the inserts that
        they block can no longer arrive. Returns their number."""
        before = str(ObjectId.from_datetime(made_before))
        with translate_errors():
            result = await self._all.delete_many({"tombstone": True, "_id": {"$lt": before}})
        return result.deleted_count

    async def bury_claim(self, claim: str) -> bool:
        """Inserts a tombstone that holds the claim, so that no request can get it. False if a
        document already holds the claim. Raises: Unavailable if the outcome is unknown."""
        with translate_errors():
            try:
                await insert(self._all, {"_id": new_id(), "tombstone": True, "claims": [claim]})
            except DuplicateKeyError:
                return False
        return True

    async def release_claim(self, id: ReservationId, claim: str) -> None:
        with translate_errors():
            await self._all.update_one({"_id": id}, {"$pull": {"claims": claim}})


async def _retry_until_known(settle: Callable[[], Awaitable[bool]]) -> bool:
    """Calls ``settle`` up to three times: each call waits two seconds for a primary, and a
    failover takes longer. Raises: Unavailable if the outcome is unknown even then."""
    for _ in range(2):
        try:
            return await settle()
        except Unavailable:
            continue
    return await settle()


def _removals(dispatched: Sequence[Reservation], condition: Document) -> list[UpdateMany]:
    """At most one update, which removes these reservations' outbox events where the document
    also matches ``condition``. One suffices: the changes that wrote the events have unique ids."""
    changes_by_id = [(r.id, n.change) for r in dispatched for n in r.outbox if n.change is not None]
    if not changes_by_id:
        return []
    which: Document = {"_id": {"$in": [id for id, _ in changes_by_id]}, **condition}
    changes = [change for _, change in changes_by_id]
    return [UpdateMany(which, {"$pull": {"outbox": {"change": {"$in": changes}}}})]


def _guarded_update(
    old: Reservation, new: Reservation, due: Mapping[str, object] | None, change_id: str
) -> tuple[Document, Document]:
    # The last few ids stay: other changes may follow before the outcome of this one is settled.
    pushed: Document = {"changes": {"$each": [change_id], "$slice": -_CHANGES_KEPT}}
    if fresh := [notice for notice in new.outbox if notice.seq > old.rev]:
        pushed["outbox"] = {"$each": [outbox_document(n, change_id) for n in fresh]}
    # The id of the last change identifies the revision. The number is compared too, because workers
    # of the previous release increase it without setting an id.
    guard: Document = {
        "_id": old.id,
        "state": old.state.value,
        "rev": old.rev,
        "change": old.change,
    }
    guard |= due or {}
    return guard, {"$set": {**changed_fields(old, new), "change": change_id}, "$push": pushed}
