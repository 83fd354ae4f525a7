"""Eight mistakes that a booking service can make, each planted into the service as it runs.

The explorer must find every one of them: what finds no bug that is there proves nothing by finding
none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from models.reservations.entities import Reservation
from models.reservations.errors import ClaimConflict
from models.reservations.repository import ReservationRepository
from models.storage.mongo import Document
from models.storage.transactions import InTransaction
from scripts.proof.simulated_library import Worker
from scripts.proof.simulated_mongo import SimulatedCollection
from scripts.proof.simulation import Run

Plant = Callable[[Run], None]


def no_index(run: Run) -> None:
    """The unique index over the claims is missing."""
    table = run.store.table("reservations")
    table.indexes = tuple(index for index in table.indexes if index.name == "_id_")


def by_id_alone(run: Run) -> None:
    """A change asks for the ``_id`` and for nothing else."""
    _guard(run, lambda guard, due: {"_id": guard["_id"]})


def job_without_condition(run: Run) -> None:
    """A job's change asks for ``_id`` and state: neither for its condition nor for the change
    before."""

    def guard(whole: Document, due: bool) -> Document:
        return {"_id": whole["_id"], "state": whole["state"]} if due else whole

    _guard(run, guard)


def by_number(run: Run) -> None:
    """A change is guarded by the number of the one before instead of its id, and reads are local,
    as both were once."""
    local_reads(run)
    _guard(run, lambda guard, due: {n: v for n, v in guard.items() if n != "change"})


def local_reads(run: Run) -> None:
    """Reads show what a primary without its majority will lose again."""
    run.cluster.local_reads = True


def hand_over_in_two_steps(run: Run) -> None:
    """A seat is given back first, and offered to who waits for it afterwards."""
    for worker in run.workers.values():
        repository = worker.stored.reservations

        async def replace_and_offer(
            old: Reservation,
            new: Reservation,
            due: Mapping[str, object] | None,
            offer: Reservation,
            claim: InTransaction,
            repository: ReservationRepository = repository,
        ) -> Reservation:
            written = await repository.replace(old, new, due)
            await repository.insert_offer(offer, claim)
            return written

        _set(repository, "replace_and_offer", replace_and_offer)


def board_that_accepts(run: Run) -> None:
    """The occupancy decides that a seat is free, and the index is not asked about the seat."""
    for worker in run.workers.values():
        _set(worker.stored.reservations, "insert", _accepting(worker))


def refusal_that_does_not_last(run: Run) -> None:
    """A repetition is refused, and the attempt that it repeats may still succeed."""

    async def not_buried(claim: str) -> bool:
        return True

    for worker in run.workers.values():
        _set(worker.stored.reservations, "bury_claim", not_buried)


PLANTS: Final[Mapping[str, tuple[Plant, Sequence[str]]]] = {
    "no index": (no_index, ("doubles",)),
    "update by _id alone": (by_id_alone, ("",)),
    "reads at local": (local_reads, ("lost",)),
    "a job without its due condition": (job_without_condition, ("early",)),
    "a change guarded by number": (by_number, ("orphaned", "doubles")),
    "a hand-over in two steps": (hand_over_in_two_steps, ("passed over",)),
    "a board that accepts": (board_that_accepts, ("doubles",)),
    "a refusal that does not last": (refusal_that_does_not_last, ("late",)),
}
"""Each with the harm that it must do: local reads alone lose, but never mix two changes."""


def _accepting(worker: Worker) -> Callable[[Reservation], Any]:
    insert = worker.stored.reservations.insert

    async def by_the_board(made: Reservation) -> None:
        day = await worker.occupancy.get_day(made.date)
        for row in day.by_seat.get(made.seat_id, ()):
            if row.start < made.end and made.start < row.end:
                raise ClaimConflict(next(c for c in made.claims if c.startswith("s:")))
        kept = tuple(claim for claim in made.claims if not claim.startswith("s:"))
        await insert(replace(made, claims=kept))

    return by_the_board


def _guard(run: Run, guard: Callable[[Document, bool], Document]) -> None:
    """Let every change of a reservation ask for what ``guard`` leaves of its filter."""
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
            found: Document | None = await change(query, update, **options)
            return found

        _set(collection, "find_one_and_update", weaker)


def _set(target: object, name: str, value: object) -> None:
    """Put it in the place of the method, of this object alone."""
    setattr(target, name, value)
