"""Scenarios of check-ins, leaves and renewals, and of jobs at the same deadlines."""

from __future__ import annotations

from collections.abc import Sequence

from lab.proof.acts import (
    ONE,
    books,
    books_now,
    checks_in,
    comes_again,
    ends_leaves,
    extends,
    job,
    misses,
    returns,
)
from lab.proof.explorer import Player, Scenario
from lab.proof.initial_bookings import away, booked, in_use
from lab.proof.simulated_library import at


def stay_scenarios() -> Sequence[Scenario]:
    return (
        Scenario(
            "a check-in in the last moment, and the release",
            at(10, 30),
            booked,
            lambda r, ids: (
                Player("a", "w1", checks_in(r[0], "a", ids["booked"], at(10, 29))),
                job("miss", "w2", lambda w: misses(w, at(10, 30))),
                job("miss again", "w1", lambda w: misses(w, at(10, 30))),
            ),
        ),
        Scenario(
            "somebody stays longer in the last moment",
            at(11),
            in_use,
            lambda r, ids: (
                Player("a", "w1", extends(r[0], "a", ids["booked"], 12, at(10, 59))),
                job("end", "w2", lambda w: w.deadlines.complete(at(11))),
                Player("b", "w2", books(r[1], "b", ONE, 11, 12, at(10, 59))),
            ),
        ),
        Scenario(
            "a return in the last moment, and the end of the leave",
            at(10, 35),
            away,
            lambda r, ids: (
                Player("a", "w1", returns(r[0], "a", ids["booked"], at(10, 34))),
                job("end", "w2", lambda w: ends_leaves(w, at(10, 35))),
            ),
        ),
        Scenario(
            "a check-in before the start, another one wants the seat until then",
            at(9, 40),
            booked,
            lambda r, ids: (
                Player("a", "w1", checks_in(r[0], "a", ids["booked"], at(9, 40))),
                Player("b", "w2", books_now(r[1], "b", ONE, 10, at(9, 40))),
            ),
        ),
        Scenario(
            "the service was away over a deadline, and its jobs come first",
            at(10, 40),
            booked,
            lambda r, ids: (
                Player(
                    "a",
                    "w1",
                    comes_again(r[0], "a", ids["booked"], at(10, 29), at(10, 40), at_once=False),
                ),
                job("beat", "w1", lambda w: w.extension.record_heartbeat(at(10, 40))),
                job("miss", "w2", lambda w: w.deadlines.no_show(at(10, 40))),
            ),
            alive_until=at(10, 20),
            shared=frozenset({"heartbeat"}),
        ),
        Scenario(
            "the service was away over a deadline, and a reader is back at once",
            at(10, 40),
            booked,
            lambda r, ids: (
                Player("a", "w1", comes_again(r[0], "a", ids["booked"], at(10, 29), at(10, 40))),
                job("miss", "w2", lambda w: w.deadlines.no_show(at(10, 40))),
            ),
            alive_until=at(10, 20),
            shared=frozenset({"heartbeat"}),
        ),
    )
