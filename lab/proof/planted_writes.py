"""Mistakes in the service's writes: the filters that a repository uses, and the order of its
steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from typing import Any, cast

from pymongo.read_concern import ReadConcern

from lab.proof.simulated_library import Worker
from lab.proof.simulated_mongo import SimulatedCollection
from lab.proof.simulation import Run
from models.kernel.ids import ReaderId, ReservationId
from models.readers.context import RequestContext
from models.reservation_store.repository import ReservationRepository
from models.reservations.claims import ClaimKind
from models.reservations.entities import Reservation
from models.reservations.errors import ClaimLost, InProgress
from models.reservations.state_machine import ReservationState
from models.storage.mongo import Document
from models.storage.transactions import InTransaction, run_transaction
from models.waitlist.entities import WaitlistState

_OPEN = (WaitlistState.WAITING, WaitlistState.OFFERED)


def no_index(run: Run) -> None:
    """The unique index over the claims is missing."""
    table = run.store.table("reservations")
    table.indexes = tuple(index for index in table.indexes if index.name == "_id_")


def by_id_alone(run: Run) -> None:
    """A change is filtered by ``_id`` alone."""
    _guard(run, lambda guard, due: {"_id": guard["_id"]})


def job_without_condition(run: Run) -> None:
    """A job's change is filtered by ``_id`` and state, but neither by its due condition nor by
    the previous change."""

    def guard(whole: Document, due: bool) -> Document:
        return {"_id": whole["_id"], "state": whole["state"]} if due else whole

    _guard(run, guard)


def by_number(run: Run) -> None:
    """A change is guarded by the number of the previous change instead of its id, and reads are
    local. Early versions of the service did both."""
    local_reads(run)
    _guard(run, lambda guard, due: {n: v for n, v in guard.items() if n != "change"})


def local_reads(run: Run) -> None:
    """Reads show writes of a primary without its majority, which will be undone."""
    run.cluster.local_reads = True


def hand_over_in_two_steps(run: Run) -> None:
    """A seat is given back first, and offered to a waiting reader in a second step."""
    for repository in _repositories(run):

        async def replace_and_offer(
            old: Reservation,
            new: Reservation,
            due: Mapping[str, object] | None,
            offer: Reservation,
            claim: InTransaction,
            repository: ReservationRepository = repository,
        ) -> Reservation:
            written = await repository.replace(old, new, due)
            await repository.insert_together(offer, claim)
            return written

        _set(repository, "replace_and_offer", replace_and_offer)


def board_that_accepts(run: Run) -> None:
    """The occupancy in memory decides that a seat is free, and no claim to the seat is inserted."""
    for worker in run.workers.values():
        _set(worker.stored.reservations, "insert", _accepting(worker))


def refusal_that_does_not_last(run: Run) -> None:
    """The refusal of a repetition does not bury the key, so that the first attempt may still
    succeed."""

    async def not_buried(claim: str) -> bool:
        return True

    for repository in _repositories(run):
        _set(repository, "bury_claim", not_buried)


def key_at_local(run: Run) -> None:
    """The reservation that an idempotency key has made is read at local."""
    _at_local(run, "find_by_claim")


def booking_at_local(run: Run) -> None:
    """A single reservation is read at local."""
    _at_local(run, "get")


def _at_local(run: Run, name: str) -> None:
    """Makes this method of the repositories read at local."""
    for repository in _repositories(run):
        local = copy(repository)
        local._all = repository._all.with_options(read_concern=ReadConcern("local"))
        _set(repository, name, getattr(local, name))


def look_instead_of_tombstone(run: Run) -> None:
    """After an insert without an answer the service looks for the reservation and writes no
    tombstone, so that the insert may still arrive."""
    for repository in _repositories(run):

        async def look(id: ReservationId, repository: ReservationRepository = repository) -> bool:
            return await repository._all.find_one({"_id": id}) is None

        _set(repository, "_write_tombstone", look)


def look_instead_of_fence(run: Run) -> None:
    """After a change without an answer the service looks for the change and does not fence it
    off, so that it may still arrive."""
    for repository in _repositories(run):

        async def look(
            old: Reservation, change_id: str, repository: ReservationRepository = repository
        ) -> bool:
            row = await repository._all.find_one({"_id": old.id}) or {}
            return change_id in row.get("changes", ())

        _set(repository, "_fence_revision", look)


def booking_without_key(run: Run) -> None:
    """A booking does not claim its idempotency key."""
    for repository in _repositories(run):
        insert = repository.insert

        async def without(made: Reservation, insert: Callable[..., Any] = insert) -> None:
            await insert(replace(made, claims=made.claims_except(ClaimKind.IDEMPOTENCY)))

        _set(repository, "insert", without)


def old_seat_first(run: Run) -> None:
    """A change of seat gives the old seat back in one step, and takes the new one in the next."""
    for repository in _repositories(run):
        change = repository.replace

        async def in_two(
            old: Reservation,
            new: Reservation,
            due: Mapping[str, object] | None = None,
            change: Callable[..., Any] = change,
            repository: ReservationRepository = repository,
        ) -> Reservation:
            if old.seat_id != new.seat_id:
                await repository._all.update_one(
                    {"_id": old.id}, {"$pull": {"claims": {"$regex": "^s:"}}}
                )
            return cast(Reservation, await change(old, new, due))

        _set(repository, "replace", in_two)


def offer_in_two_transactions(run: Run) -> None:
    """An offer is inserted in one transaction, and its waitlist entry is marked in the next."""
    for worker in run.workers.values():
        insert_together = worker.stored.reservations.insert_together

        async def in_two(
            offer: Reservation,
            claim: InTransaction,
            insert_together: Callable[..., Any] = insert_together,
            worker: Worker = worker,
        ) -> None:
            async def nothing(session: Any) -> None:
                return None

            await insert_together(offer, nothing)
            await run_transaction(worker.db, claim)

        _set(worker.stored.reservations, "insert_together", in_two)


def offer_looked_up_first(run: Run) -> None:
    """A reader who leaves the waitlist gives back the offer that was read before the entry
    closed, not the offer that the entry has when it closes."""
    for worker in run.workers.values():

        async def leave(
            ctx: RequestContext, id: str, *, by_library: bool = False, worker: Worker = worker
        ) -> None:
            entry = await worker.stored.waitlist.get(id)
            assert entry is not None
            offer = await worker.waitlist.offer_of(entry)
            await worker.stored.waitlist.close(id, _OPEN, WaitlistState.WITHDRAWN)
            if offer is not None:
                await worker.waitlist._release_offer(offer, ctx, by_library=by_library)

        _set(worker.waitlist, "leave", leave)


def entry_before_its_seat(run: Run) -> None:
    """A reader who leaves the waitlist gives the offered seat back in a second step, after the
    entry has closed."""
    for worker in run.workers.values():

        async def leave(
            ctx: RequestContext, id: str, *, by_library: bool = False, worker: Worker = worker
        ) -> None:
            left = await worker.stored.waitlist.close(id, _OPEN, WaitlistState.WITHDRAWN)
            offer = await worker.waitlist.offer_of(left) if left is not None else None
            if offer is not None and offer.state is ReservationState.OFFERED:
                await worker.waitlist._release_offer(offer, ctx, by_library=by_library)

        _set(worker.waitlist, "leave", leave)


def any_offer_lapses(run: Run) -> None:
    """An expired offer closes its waitlist entry even if the entry has a newer offer."""
    for worker in run.workers.values():
        close = worker.stored.waitlist.close

        async def whatever(
            *args: Any, close: Callable[..., Any] = close, offer: object = None
        ) -> Any:
            return await close(*args)

        _set(worker.stored.waitlist, "close", whatever)


def outbox_is_emptied(run: Run) -> None:
    """Published events leave the outbox together with events that arrived meanwhile."""
    for repository in _repositories(run):

        async def emptied(
            published: list[Reservation], repository: ReservationRepository = repository
        ) -> None:
            ids = {"_id": {"$in": [r.id for r in published]}}
            await repository._all.update_many(ids, {"$set": {"outbox": []}})

        _set(repository, "remove_outbox_events", emptied)


def key_stays_busy(run: Run) -> None:
    """After a failure the worker goes on to treat the idempotency key as in progress, so that
    repetitions are never answered."""
    for worker in run.workers.values():
        keys = worker.reservations.idempotency

        @contextmanager
        def until_it_succeeds(reader: ReaderId, key: str, keys: Any = keys) -> Iterator[None]:
            if (reader, key) in keys._running:
                raise InProgress()
            keys._running.add((reader, key))
            yield
            keys._running.discard((reader, key))

        _set(keys, "_single_flight", until_it_succeeds)


def _accepting(worker: Worker) -> Callable[[Reservation], Any]:
    insert = worker.stored.reservations.insert

    async def by_the_board(made: Reservation) -> None:
        day = await worker.occupancy.get_day(made.date)
        for row in day.by_seat.get(made.seat_id, ()):
            if row.start < made.end and made.start < row.end:
                raise ClaimLost(next(c for c in made.claims if c.startswith("s:")))
        claims = tuple(claim for claim in made.claims if not claim.startswith("s:"))
        await insert(replace(made, claims=claims))

    return by_the_board


def _guard(run: Run, guard: Callable[[Document, bool], Document]) -> None:
    """Makes ``guard`` reduce the filter of every change of a reservation. Its second argument is
    true for changes with a due condition."""
    for worker in run.workers.values():
        collection: Any = worker.stored.reservations._all
        assert isinstance(collection, SimulatedCollection)
        change = collection.find_one_and_update

        async def weaker(
            query: Document, update: Any, change: Any = change, **options: Any
        ) -> Document | None:
            if "state" in query:
                due = any(isinstance(v, dict) for v in query.values())
                query = guard(query, due)
            row: Document | None = await change(query, update, **options)
            return row

        _set(collection, "find_one_and_update", weaker)


def _repositories(run: Run) -> Iterator[ReservationRepository]:
    for worker in run.workers.values():
        yield worker.stored.reservations


def _set(target: object, name: str, value: object) -> None:
    """Replaces the method of this object alone."""
    setattr(target, name, value)
