"""Recorded answers become calls that can be ordered; answers that cannot be ordered are
reported."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from lab.history.recorded import disorders
from lab.history.records import Event, History, Operation, PartyEnd, Promise, Stored, StoredParty
from tests.builders import ZONE

START = datetime(2026, 9, 7, 2, tzinfo=UTC)
END = START + timedelta(hours=1)
EIGHT = datetime(2026, 9, 7, tzinfo=UTC)
PLACE = ("seat", START, END)


def at(seconds: float) -> datetime:
    return EIGHT + timedelta(seconds=seconds)


def booking(id: str, reader: str, *keys: str, booked: float) -> Stored:
    return Stored(
        id=id, reader=reader, seat="seat", state="reserved", created_at=at(booked),
        since=at(booked), start=START, end=END, available_from=None,
        check_in_until=START + timedelta(minutes=30), ended_at=None, claims=frozenset(),
        keys=keys, events=(Event("reserve", at(booked)),), outbox=0,
    )  # fmt: skip


def books(reader: str, key: str, asked_s: float, answered_s: float, id: str = "") -> Operation:
    """A request that was answered with the booking ``id``; without an id it was refused as
    taken."""
    promise = Promise(id, "reserved", *PLACE, START + timedelta(minutes=30)) if id else None
    refusal = "" if promise else "seat_taken"
    return Operation(
        reader, "reserve", key, "", at(asked_s), at(answered_s), promise, refusal, 1, PLACE
    )


def test_two_bookings_of_one_seat_have_no_order() -> None:
    operations = [books("ann", "a", 1, 2, "A"), books("bob", "b", 3, 4, "B")]
    both = [booking("A", "ann", "a", booked=1), booking("B", "bob", "b", booked=3)]
    assert {
        d.thing.split()[0] for d in disorders(History(ZONE, operations=operations, stored=both))
    } == {"seat"}
    assert disorders(History(ZONE, operations=operations[:1], stored=both[:1])) == []


def test_a_refusal_as_taken_needs_a_holder_of_the_seat() -> None:
    refused = books("bob", "b", 3, 4)
    taken = History(
        ZONE,
        operations=[books("ann", "a", 1, 2, "A"), refused],
        stored=[booking("A", "ann", "a", booked=1)],
    )
    assert disorders(taken) == []
    (disorder,) = disorders(History(ZONE, operations=[refused]))
    assert "is refused as taken" in str(disorder)
    # A refusal from memory may rest on a state that is a quarter of a second old.
    ended = replace(
        booking("A", "ann", "a", "c", booked=1),
        state="cancelled",
        ended_at=at(3),
        events=(Event("reserve", at(1)), Event("cancel", at(2.9))),
    )
    cancel = Operation("ann", "cancel", "c", "A", at(2.9), at(3), promise_of(ended), "", 1)
    for asked_s, count in ((3.2, 0), (3.3, 1)):
        late = [books("ann", "a", 1, 2, "A"), cancel, books("bob", "b", asked_s, 4)]
        assert len(disorders(History(ZONE, operations=late, stored=[ended]))) == count


def promise_of(r: Stored) -> Promise:
    return Promise(r.id, r.state, r.seat, r.start, r.end, r.check_in_until)


def test_a_booking_that_appears_after_its_refusal_is_ordered_as_a_call() -> None:
    """Bob's first attempt was under way when its repetition was refused. Then Cid is refused
    because of Bob's booking, and no other reader has the seat by then."""
    ended = replace(
        booking("A", "ann", "a", "c", booked=1),
        state="cancelled",
        ended_at=at(6),
        events=(Event("reserve", at(1)), Event("cancel", at(5))),
    )
    history = History(
        ZONE,
        operations=[
            books("ann", "a", 1, 2, "A"),
            books("bob", "b", 3, 4),
            Operation("ann", "cancel", "c", "A", at(5), at(6), promise_of(ended), "", 1),
            books("cid", "d", 8, 9),
        ],
        stored=[ended, booking("B", "bob", "b", booked=3)],
    )
    assert disorders(history) == []
    history.stored = [ended]
    assert len(disorders(history)) == 1


def test_an_idempotency_key_sent_twice_has_one_effect() -> None:
    twice = [books("ann", "a", 1, 2, "A"), books("ann", "a", 1.5, 4, "A")]
    refused_once = [books("ann", "a", 1, 2), books("ann", "a", 1.5, 4, "A")]
    other = [books("bob", "b", 0, 1, "B")]
    stored = [booking("A", "ann", "a", booked=1)]
    assert disorders(History(ZONE, operations=twice, stored=stored)) == []
    ended = replace(
        booking("B", "bob", "b", booked=0),
        state="completed",
        ended_at=at(3),
        events=(Event("reserve", at(0)), Event("check_in", at(1)), Event("finish", at(3))),
    )
    history = History(ZONE, operations=[*other, *refused_once], stored=[ended, *stored])
    assert disorders(history) == []


def test_an_offer_accepted_twice_is_one_acceptance() -> None:
    """The first request was lost on its way, and its reader asked once more."""
    events = (Event("hold", at(1)), Event("accept", at(5)))
    held = replace(booking("A", "ann", booked=1), events=events)
    lost = Operation("ann", "accept", "", "A", at(2), None, None, "", 1, PLACE)
    again = Operation("ann", "accept", "", "A", at(5), at(6), promise_of(held), "", 1, PLACE)
    assert disorders(History(ZONE, operations=[lost, again], stored=[held])) == []
    # The acceptance was acknowledged, but is not stored.
    ended = replace(held, state="offer_expired", ended_at=at(9))
    ended = replace(ended, events=(events[0], Event("lapse", at(9))))
    assert disorders(History(ZONE, operations=[lost, again], stored=[ended])) != []


def test_events_without_requests_are_ordered_by_each_booking() -> None:
    """Thirty bookings had one seat in turns. No requests and no times are known. Only the order
    of each booking's own events prevents that a booking ends before it begins."""
    ended = [
        replace(
            booking(f"{n:02}", f"r{n}", booked=n),
            state="cancelled",
            ended_at=at(n),
            events=(Event("reserve", at(n)), Event("cancel", at(n))),
        )
        for n in range(30)
    ]
    live = booking("live", "ann", booked=40)
    assert disorders(History(ZONE, stored=[live, *ended]), one_clock=False) == []
    both = [live, booking("second", "bob", booked=41), *ended[:6]]
    assert len(disorders(History(ZONE, stored=both), one_clock=False)) == 1


def test_a_booking_that_staff_moved_is_placed_from_that_move_on() -> None:
    """Bob had the seat before Ann was moved there. Her earlier place was not recorded."""
    ended = replace(
        booking("B", "bob", "b", "c", booked=1),
        state="cancelled",
        ended_at=at(6),
        events=(Event("reserve", at(1)), Event("cancel", at(6))),
    )
    cancel = Operation("bob", "cancel", "c", "B", at(5), at(6), promise_of(ended), "", 1)
    moved = replace(
        booking("A", "ann", "a", booked=0),
        state="in_use",
        available_from=START,
        events=(
            Event("reserve", at(0)),
            Event("check_in", at(2)),
            Event("change", at(8)),
            Event("extend", at(9)),
        ),
    )
    history = History(
        ZONE,
        operations=[books("ann", "a", 0, 0.5, "A"), books("bob", "b", 1, 2, "B"), cancel],
        stored=[moved, ended],
    )
    assert disorders(history) == []


def test_a_held_seat_is_nobody_elses_until_its_friend_accepts_or_it_is_given_back() -> None:
    """Zoe holds the seat from second 2 at the latest. Ann accepts it, or Zoe gives it back."""
    own = replace(booking("Z", "zoe", "z", booked=1), seat="zoe's")
    begun = books("zoe", "z", 1, 2, "Z")
    assert begun.promise is not None
    begun.promise = replace(begun.promise, seat="zoe's")
    held = StoredParty(
        id="Z:party", own="Z", asker="zoe", start=START, end=END, until=at(600), ended_at=at(20),
        seats={"seat": None}, claims=frozenset(),
    )  # fmt: skip
    accepted = replace(held, seats={"seat": "A"})
    accepts = books("ann", "a", 10, 11, "A")
    anns = booking("A", "ann", "a", booked=10)

    def count(party: StoredParty | None, operations: list[Operation], *rows: Stored) -> int:
        ends = {"Z:party": PartyEnd(at(20), at(21))} if party is held else {}
        parties = [party] if party is not None else []
        history = History(ZONE, operations=[begun, *operations], stored=[own, *rows])
        history.parties, history.party_ends = parties, ends
        return len(disorders(history))

    assert count(accepted, [accepts], anns) == 0
    refused = books("bob", "b", 3, 4)
    assert count(accepted, [refused, accepts], anns) == 0
    assert count(None, [refused, accepts], anns) == 1, "nobody had it"
    ended = replace(
        booking("B", "bob", "b", "c", booked=3),
        state="cancelled",
        ended_at=at(6),
        events=(Event("reserve", at(3)), Event("cancel", at(6))),
    )
    cancel = Operation("bob", "cancel", "c", "B", at(5), at(6), promise_of(ended), "", 1)
    between = [books("bob", "b", 3, 4, "B"), cancel, accepts]
    assert count(accepted, between, ended, anns) == 1, "it was held meanwhile"
    assert count(held, [books("bob", "b", 15, 16)]) == 0
    assert count(held, [books("bob", "b", 22, 23)]) == 1, "it was free again"
    bobs = booking("B", "bob", "b", booked=22)
    early = [books("bob", "b", 15, 16, "B")]
    assert count(held, early, replace(bobs, since=at(15))) == 1, "it was still held"
    assert count(held, [books("bob", "b", 22, 23, "B")], bobs) == 0
    assert count(replace(held, ended_at=None), [books("bob", "b", 22, 23, "B")], bobs) == 1
