"""Scenarios of rooms: two want one, requests are answered and withdrawn, others confirm, bookings
are changed, and people come or do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from lab.history.records import stored_room_booking
from lab.history.room_judge import taken_twice
from lab.proof.acts import ONE, books, job
from lab.proof.explorer import Player, Scenario
from lab.proof.initial_bookings import nothing
from lab.proof.memory_mongo import MemoryStore
from lab.proof.room_acts import (
    approves,
    blocks_room,
    books_room,
    changes_room,
    confirms,
    enters,
    gives_room_back,
    group_room_booked,
    quiet_room_booked,
    room_requested,
    settles_rooms,
)
from lab.proof.simulated_library import ASKED, GROUP, QUIET, at

_DAYS: Final = 2
"""The days of each series of blocks."""
_LIVE: Final = frozenset({"reserved", "in_use", "away", "offered"})


def two_room_holders(store: MemoryStore) -> str | None:
    """Finds a room that two bookings have at once, buffers included, and a reader in two
    places."""
    documents = store.table("reservations").documents.values()
    bookings = [stored_room_booking(row) for row in documents if "room" in row]
    stays = [
        (r["_id"], r["reader"], r["start"], r["end"])
        for r in documents
        if "area" in r and r["state"] in _LIVE
    ]
    return next((f"doubles: {text}" for text in taken_twice(bookings, stays)), None)


def half_a_series(store: MemoryStore) -> str | None:
    """Finds a room that two have at once, and a series of two days of which only one is
    blocked."""
    documents = store.table("reservations").documents.values()
    days = Counter(row["_id"].partition("-")[0] for row in documents if row.get("state") == "block")
    half = [series for series, number in days.items() if number != _DAYS]
    return f"half: one day of {half[0]}" if half else two_room_holders(store)


def room_scenarios() -> Sequence[Scenario]:
    return (
        Scenario(
            "two want a room one after the other, and it stays empty in between",
            at(8),
            nothing,
            lambda r, _: (
                Player("a", "w1", books_room(r[0], "a", QUIET, 10, 11, at(8))),
                Player("b", "w2", books_room(r[1], "b", QUIET, 11, 12, at(8))),
            ),
            watch=two_room_holders,
        ),
        Scenario(
            "a request for a room is approved while it is withdrawn, another wants the room",
            at(8, 30),
            room_requested,
            lambda r, ids: (
                Player("desk", "w1", approves("desk", ids, at(8, 30))),
                Player("a", "w2", gives_room_back(r[0], "a", ids, at(8, 30))),
                Player("b", "w1", books_room(r[1], "b", ASKED, 10, 11, at(8, 30))),
            ),
            watch=two_room_holders,
            after=at(8, 30),
        ),
        Scenario(
            "the last person confirms in the last moment, another wants the room",
            at(9),
            group_room_booked,
            lambda r, ids: (
                Player("b", "w1", confirms(r[1], "b", ids, at(8, 59))),
                job("release", "w2", lambda w: settles_rooms(w, at(9))),
                Player("c", "w2", books_room(r[2], "c", GROUP, 10, 11, at(9))),
            ),
            watch=two_room_holders,
            after=at(9),
        ),
        Scenario(
            "a reader confirms a room and books a seat for the same time",
            at(8),
            quiet_room_booked,
            lambda r, ids: (
                Player("room", "w1", confirms(r[1], "room", ids, at(8))),
                Player("seat", "w2", books(r[1], "seat", ONE, 10, 11, at(8))),
            ),
            watch=two_room_holders,
        ),
        Scenario(
            "the library blocks a room on two days, all or none, another wants it on the second",
            at(8),
            nothing,
            lambda r, _: (
                Player("series", "w1", blocks_room("series", QUIET, _DAYS, at(8))),
                Player("b", "w2", books_room(r[1], "b", QUIET, 35, 36, at(8))),
            ),
            watch=half_a_series,
        ),
        Scenario(
            "a room is changed while another confirms, and a third wants the new time",
            at(8),
            quiet_room_booked,
            lambda r, ids: (
                Player("a", "w1", changes_room(r[0], "a", ids, QUIET, 12, 13, at(8))),
                Player("b", "w2", confirms(r[1], "b", ids, at(8))),
                Player("c", "w2", books_room(r[2], "c", QUIET, 13, 14, at(8))),
            ),
            watch=two_room_holders,
            after=at(8),
        ),
        Scenario(
            "people come to a room in the last moment, and the no-show",
            at(10, 30),
            quiet_room_booked,
            lambda r, ids: (
                Player("a", "w1", enters(r[0], "a", ids, at(10, 29))),
                job("miss", "w2", lambda w: settles_rooms(w, at(10, 30))),
                job("miss again", "w1", lambda w: settles_rooms(w, at(10, 30))),
            ),
            watch=two_room_holders,
            after=at(10, 30),
        ),
    )
