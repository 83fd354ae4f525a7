"""Scenarios of sitting together: seats that a reader holds for friends are accepted, given back or
free again after ten minutes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Final

from lab.history.records import stored_party
from lab.proof.acts import (
    ONE,
    THREE,
    TWO,
    begins_party,
    books,
    cancels,
    comes_to,
    ends_party,
    job,
)
from lab.proof.explorer import Player, Scenario
from lab.proof.initial_bookings import nothing, pair_begun, party_begun
from lab.proof.memory_mongo import MemoryStore
from lab.proof.simulated_library import at

_LIVE: Final = frozenset({"reserved", "in_use", "away", "offered"})


def _two_holders(store: MemoryStore) -> str | None:
    """Finds a seat that two bookings have at once, or a booking and a friend for whom it is
    held."""
    documents = store.table("reservations").documents.values()
    holders = [
        (r["seat"], r["start"], r["end"], r["_id"]) for r in documents if r.get("state") in _LIVE
    ]
    for party in (stored_party(row) for row in documents if "asker" in row):
        holders += [(seat, party.start, party.end, party.id) for seat in party.held]
    for (seat, start, end, id), (other, begin, stop, its) in combinations(holders, 2):
        if seat == other and start < stop and begin < end:
            return f"doubles: {seat} is of {id} and of {its}"
    return None


def party_scenarios() -> Sequence[Scenario]:
    return (
        Scenario(
            "a friend accepts in the last moment of a party",
            at(8, 10),
            party_begun,
            lambda r, ids: (
                Player("b", "w1", comes_to(r[1], "b", ids, at(8, 9), TWO)),
                job("end", "w2", lambda w: w.parties.end_due(at(8, 10))),
            ),
            watch=_two_holders,
            after=at(8, 10),
            seats=3,
        ),
        Scenario(
            "a friend accepts while the asker ends the party, another passes by",
            at(8, 5),
            pair_begun,
            lambda r, ids: (
                Player("b", "w1", comes_to(r[1], "b", ids, at(8, 5), None)),
                Player("end", "w2", ends_party(r[0], ids, at(8, 5)), asks_again=False),
                Player("c", "w2", books(r[2], "c", TWO, 10, 11, at(8, 5))),
            ),
            watch=_two_holders,
            after=at(8, 10),
        ),
        Scenario(
            "two friends accept one seat that is held",
            at(8, 5),
            party_begun,
            lambda r, ids: (
                Player("b", "w1", comes_to(r[1], "b", ids, at(8, 5), TWO)),
                Player("c", "w2", comes_to(r[2], "c", ids, at(8, 5), None)),
            ),
            watch=_two_holders,
            after=at(8, 10),
            seats=3,
        ),
        Scenario(
            "two parties for the same seats",
            at(8),
            nothing,
            lambda r, _: (
                Player("a", "w1", begins_party(r[0], "a", ONE, [TWO], at(8))),
                Player("b", "w2", begins_party(r[1], "b", THREE, [TWO], at(8))),
            ),
            watch=_two_holders,
            after=at(8, 10),
            seats=3,
        ),
        Scenario(
            "an asker cancels the own booking while a friend accepts",
            at(8, 5),
            pair_begun,
            lambda r, ids: (
                Player("a", "w1", cancels(r[0], "a", ids["booked"], at(8, 5))),
                Player("b", "w2", comes_to(r[1], "b", ids, at(8, 5), None)),
            ),
            watch=_two_holders,
            after=at(8, 10),
        ),
        Scenario(
            "a party is begun while another reader books one of its seats",
            at(8),
            nothing,
            lambda r, _: (
                Player("a", "w1", begins_party(r[0], "a", ONE, [TWO], at(8))),
                Player("b", "w2", books(r[1], "b", TWO, 10, 11, at(8))),
            ),
            watch=_two_holders,
            after=at(8, 10),
        ),
    )
