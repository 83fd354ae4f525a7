"""Scenarios on the waitlist: a seat is given back, offered, accepted or declined, or the offer
expires."""

from __future__ import annotations

from collections.abc import Sequence

from lab.proof.acts import (
    ONE,
    accepts,
    books,
    cancels,
    declines,
    gives_back,
    in_turn,
    job,
    leaves_the_line,
    shortens,
)
from lab.proof.explorer import Player, Scenario
from lab.proof.initial_bookings import (
    booked_and_wanted,
    free_and_wanted,
    long_in_use_and_wanted,
    offered,
    offered_one_of_two,
)
from lab.proof.memory_mongo import MemoryStore
from lab.proof.simulated_library import at


def _passed_over(store: MemoryStore) -> str | None:
    """Finds a reader who booked seat one when it was given back, although another reader waits
    for it."""
    rows = [r for r in store.table("reservations").documents.values() if "area" in r]
    waiting = [w for w in store.table("waitlist").documents.values() if w["state"] == "waiting"]
    given_back = any(
        r["state"] == "cancelled" or (r["state"] == "in_use" and r["end"] == at(11)) for r in rows
    )
    for r in rows if waiting and given_back else ():
        own = any(r["reader"] == w["reader"] for w in waiting)
        if r["seat"] == ONE and r["state"] == "reserved" and not own:
            return f"passed over: {r['_id']} took the seat before {waiting[0]['_id']}"
    return None


def line_scenarios() -> Sequence[Scenario]:
    return (
        Scenario(
            "a seat is given back, one waits for it, another passes by",
            at(8),
            booked_and_wanted,
            lambda r, ids: (
                Player("a", "w1", cancels(r[0], "a", ids["booked"], at(8))),
                Player("c", "w2", books(r[2], "c", ONE, 10, 11, at(8))),
            ),
            watch=_passed_over,
            after=at(8),
        ),
        Scenario(
            "the rest of a stay is given back, one waits for it, another passes by",
            at(10, 10),
            long_in_use_and_wanted,
            lambda r, ids: (
                Player("a", "w1", shortens(r[0], "a", ids["booked"], 11, at(10, 10))),
                Player("c", "w2", books(r[2], "c", ONE, 11, 12, at(10, 10))),
            ),
            watch=_passed_over,
            after=at(10, 10),
        ),
        Scenario(
            "a seat is given back while the one who waits for it leaves",
            at(8),
            booked_and_wanted,
            lambda r, ids: (
                Player("a", "w1", cancels(r[0], "a", ids["booked"], at(8))),
                job("b", "w2", leaves_the_line(r[1], at(8))),
            ),
            after=at(8),
        ),
        Scenario(
            "an offer is accepted, lapses, and the next one waits",
            at(8, 10),
            offered,
            lambda r, ids: (
                Player("b", "w1", accepts(r[1], "b", ids["offered"], at(8, 9)), asks_again=False),
                job("lapse", "w2", lambda w: w.waitlist_jobs.expire_offers(at(8, 10))),
            ),
            after=at(8, 10),
        ),
        Scenario(
            "a job finds a free seat for one who waits, another passes by",
            at(8),
            free_and_wanted,
            lambda r, _: (
                job("offer", "w1", lambda w: w.waitlist_jobs.offer_free_seats(at(8))),
                Player("c", "w2", books(r[2], "c", ONE, 10, 11, at(8))),
            ),
            after=at(8),
        ),
        Scenario(
            "an offer is declined while it lapses, and the next one waits",
            at(8, 10),
            offered,
            lambda r, ids: (
                job("b", "w1", declines(r[1], ids["offered"], at(8, 9))),
                job("lapse", "w2", lambda w: w.waitlist_jobs.expire_offers(at(8, 10))),
            ),
            after=at(8, 10),
        ),
        Scenario(
            "an offer is declined while it lapses, and its reader is offered another seat",
            at(8, 10),
            offered_one_of_two,
            lambda r, ids: (
                job(
                    "b",
                    "w1",
                    in_turn(
                        declines(r[1], ids["offered"], at(8, 9)),
                        gives_back(r[2], ids["other"], at(8, 9)),
                    ),
                ),
                job("lapse", "w2", lambda w: w.waitlist_jobs.expire_offers(at(8, 10))),
            ),
            after=at(8, 10),
        ),
    )
