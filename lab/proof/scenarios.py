"""The scenarios of the explorer: three readers, two seats, two workers, and every operation that
can conflict."""

from __future__ import annotations

from collections.abc import Sequence

from lab.proof.acts import (
    ONE,
    TWO,
    books,
    books_until_closing,
    cancels,
    changes,
    job,
    one_by_one,
    remembers,
    stubborn,
)
from lab.proof.explorer import Player, Scenario
from lab.proof.initial_bookings import booked, both_booked, four_booked, nothing
from lab.proof.line_scenarios import line_scenarios
from lab.proof.party_scenarios import party_scenarios
from lab.proof.room_scenarios import room_scenarios
from lab.proof.season_scenarios import season_scenarios
from lab.proof.simulated_library import at
from lab.proof.stay_scenarios import stay_scenarios


def scenarios() -> Sequence[Scenario]:
    return (
        *_bookings(),
        *_repeated_bookings(),
        *line_scenarios(),
        *stay_scenarios(),
        *party_scenarios(),
        *room_scenarios(),
        *season_scenarios(),
        *_cut_off_primaries(),
    )


def _bookings() -> Sequence[Scenario]:
    return (
        Scenario(
            "three want one seat, one of them at both workers",
            at(8),
            nothing,
            lambda r, _: (
                Player("a", "w1", books(r[0], "a", ONE, 10, 11, at(8))),
                Player("b", "w2", books(r[1], "b", ONE, 10, 11, at(8))),
                Player("c", "w1", books(r[2], "c", ONE, 10, 11, at(8))),
                Player("a again", "w2", books(r[0], "a", ONE, 10, 11, at(8))),
            ),
        ),
        Scenario(
            "one reader wants two seats, another one of them",
            at(8),
            nothing,
            lambda r, _: (
                Player("a", "w1", books(r[0], "a", ONE, 10, 12, at(8))),
                Player("b", "w2", books(r[0], "b", TWO, 11, 13, at(8))),
                Player("c", "w2", books(r[1], "c", TWO, 11, 12, at(8))),
            ),
        ),
        Scenario(
            "a repetition is refused, and the seat is given back",
            at(8),
            booked,
            lambda r, ids: (
                Player("b", "w1", books(r[1], "b", ONE, 10, 11, at(8))),
                Player(
                    "a",
                    "w2",
                    one_by_one(
                        books(r[1], "b", ONE, 10, 11, at(8), repeated=True),
                        cancels(r[0], "a", ids["booked"], at(8)),
                    ),
                ),
            ),
        ),
        Scenario(
            "one changes to the seat that another wants, a third wants the old one",
            at(8),
            booked,
            lambda r, ids: (
                Player("a", "w1", changes(r[0], "a", ids["booked"], TWO, at(8))),
                Player("b", "w2", books(r[1], "b", TWO, 10, 11, at(8))),
                Player("c", "w1", books(r[2], "c", ONE, 10, 11, at(8))),
            ),
        ),
        Scenario(
            "one changes and cancels, another wants the seat",
            at(8),
            booked,
            lambda r, ids: (
                Player("a", "w1", changes(r[0], "a", ids["booked"], TWO, at(8))),
                Player("b", "w2", cancels(r[0], "b", ids["booked"], at(8))),
                Player("c", "w2", books(r[1], "c", ONE, 10, 11, at(8))),
            ),
        ),
    )


def _repeated_bookings() -> Sequence[Scenario]:
    return (
        Scenario(
            "a repetition of a change is refused, and the seat is given back",
            at(8),
            both_booked,
            lambda r, ids: (
                Player("b", "w1", changes(r[1], "b", ids["other"], ONE, at(8))),
                Player(
                    "a",
                    "w2",
                    one_by_one(
                        changes(r[1], "b", ids["other"], ONE, at(8), repeated=True),
                        cancels(r[0], "a", ids["booked"], at(8)),
                    ),
                ),
            ),
        ),
        Scenario(
            "a booking seems to fail, and nobody asks again",
            at(8),
            nothing,
            lambda r, _: (
                Player("a", "w1", books(r[0], "a", ONE, 10, 11, at(8)), asks_again=False),
            ),
        ),
        Scenario(
            "a change seems to fail, and nobody asks again",
            at(8),
            booked,
            lambda r, ids: (
                Player("a", "w1", changes(r[0], "a", ids["booked"], TWO, at(8)), asks_again=False),
            ),
        ),
        Scenario(
            "a day is full but for one booking, and its reader wants two",
            at(8),
            four_booked,
            lambda r, _: (
                Player("a", "w1", books(r[0], "a", ONE, 15, 16, at(8))),
                Player("b", "w2", books(r[0], "b", TWO, 16, 17, at(8))),
            ),
        ),
        Scenario(
            "the last minutes before the closing",
            at(8),
            nothing,
            lambda r, _: (
                Player("a", "w1", books_until_closing(r[0], "a", ONE, 20, at(8))),
                Player("b", "w2", books_until_closing(r[1], "b", ONE, 22, at(8))),
            ),
        ),
        Scenario(
            "a booking is changed twice while its reader is told",
            at(8, 2),
            booked,
            lambda r, ids: (
                Player(
                    "b",
                    "w1",
                    one_by_one(
                        changes(r[0], "a", ids["booked"], TWO, at(8, 1)),
                        changes(r[0], "b", ids["booked"], TWO, at(8, 2), (9, 10)),
                    ),
                ),
                job("tell", "w2", lambda w: w.outbox.dispatch(at(8, 2))),
            ),
        ),
        Scenario(
            "a seat is given back behind the back of a worker that remembers",
            at(8),
            booked,
            lambda r, ids: (
                Player("a", "w1", cancels(r[0], "a", ids["booked"], at(8))),
                Player("b", "w2", remembers(0.5, books(r[1], "b", ONE, 10, 11, at(8)))),
            ),
        ),
    )


def _cut_off_primaries() -> Sequence[Scenario]:
    return (
        Scenario(
            "a primary without its majority answers one who asks twice",
            at(8),
            booked,
            lambda r, ids: (
                Player("a", "w1", stubborn(cancels(r[0], "a", ids["booked"], at(8)))),
                Player("c", "w2", books(r[2], "c", ONE, 10, 11, at(8))),
            ),
            partition=True,
        ),
        Scenario(
            "a change is undone with its primary, and its number is used again",
            at(8),
            booked,
            lambda r, ids: (
                Player(
                    "c",
                    "w1",
                    one_by_one(
                        changes(r[0], "a", ids["booked"], TWO, at(8)),
                        changes(r[0], "c", ids["booked"], TWO, at(8), (12, 13)),
                    ),
                ),
                Player("b", "w2", changes(r[0], "b", ids["booked"], ONE, at(8), (11, 12))),
            ),
            partition=True,
        ),
        Scenario(
            "a primary without its majority is asked again when it is too late",
            at(10, 1),
            nothing,
            lambda r, ids: (
                Player(
                    "a",
                    "w1",
                    stubborn(
                        books(r[0], "a", ONE, 10, 11, at(9, 59)),
                        books(r[0], "a", ONE, 10, 11, at(10, 1), repeated=True),
                    ),
                ),
            ),
            partition=True,
        ),
    )
