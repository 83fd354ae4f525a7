"""Requests each free seat for a reader who has no other booking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from lab.history.records import Probe, StoredParty, stored_party
from lab.proof.memory_mongo import MemoryStore
from lab.proof.memory_query import Document
from lab.proof.simulated_library import SimulatedLibrary, at, context, wish
from lab.proof.simulated_loop import run_alone
from models.kernel.errors import DomainError
from models.reservations.claims import ClaimKind

_LIVE: Final = frozenset({"reserved", "in_use", "away", "offered"})


class SeatProbe:
    """Books each free seat on a copy of the store. Each state of the store is tried once. The
    reader is the library's last one, who takes part in no scenario."""

    def __init__(self, library: SimulatedLibrary) -> None:
        self._library = library
        self._seats = [seat.id for seat in library.loaded.reference.catalog.seats.values()]
        self._tried: set[frozenset[str]] = set()

    def look(self, store: MemoryStore, now: datetime, hours: Sequence[int]) -> Sequence[Probe]:
        """Requests at ``now`` every seat that the store has free in one of the ``hours``.
        Returns the answers; none if this state was tried before. The store does not change."""
        documents = store.table("reservations").documents.values()
        rows = [r for r in documents if "area" in r]
        seats = ClaimKind.SEAT.prefix
        claims = frozenset(c for row in rows for c in row["claims"] if c.startswith(seats))
        state = claims | {f"{r['_id']} {r['state']} {r['start']} {r['end']}" for r in rows}
        parties = [stored_party(row) for row in documents if "asker" in row]
        state |= {f"{party.id} {party.held}" for party in parties}
        if state in self._tried:
            return ()
        self._tried.add(state)
        return [*self._answers(store, rows, parties, now, hours)]

    def _answers(
        self,
        store: MemoryStore,
        rows: Sequence[Document],
        parties: Sequence[StoredParty],
        now: datetime,
        hours: Sequence[int],
    ) -> Iterator[Probe]:
        reader = self._library.readers[-1]
        for seat in self._seats:
            for hour in hours:
                start, end = at(hour), at(hour + 1)
                if start < now or any(_has(row, seat, start, end) for row in rows):
                    continue
                if any(seat in p.held and p.start < end and start < p.end for p in parties):
                    continue
                worker, refusal = self._library.worker_on(store.copy()), ""
                ctx = context(reader, now)
                try:
                    run_alone(worker.reservations.create(ctx, seat, wish(hour, hour + 1)))
                except DomainError as error:
                    refusal = error.code
                yield Probe(reader.id, seat, start, refusal, now)


def _has(row: Document, seat: str, start: datetime, end: datetime) -> bool:
    """True if the reservation has the seat during a part of the time."""
    begin = min(row["start"], row["available_from"] or row["start"])
    live = row["seat"] == seat and row["state"] in _LIVE
    return live and begin < end and start < row["end"]
