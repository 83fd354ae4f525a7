"""Recorded calls become a history that is checked for a possible order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from lab.history.recorded import disorders
from lab.history.records import Event, History, Operation, Stored, Told

START = datetime(2026, 9, 7, 2, tzinfo=UTC)
END = START + timedelta(hours=1)
EIGHT = datetime(2026, 9, 7, tzinfo=UTC)
WANTED = ("seat", START, END)


def at(seconds: float) -> datetime:
    return EIGHT + timedelta(seconds=seconds)


def stored_booking(id: str, reader: str, *keys: str, booked: float) -> Stored:
    return Stored(
        id=id, reader=reader, seat="seat", state="reserved", created_at=at(booked),
        since=at(booked), start=START, end=END, available_from=None,
        check_in_until=START + timedelta(minutes=30), ended_at=None, claims=frozenset(),
        keys=keys, events=(Event("reserve", at(booked)),), outbox=0,
    )  # fmt: skip


def books(reader: str, key: str, asked_at: float, answered: float, id: str = "") -> Operation:
    """A booking call: answered with reservation ``id``, or refused as taken without one."""
    answer = Told(id, "reserved", *WANTED, START + timedelta(minutes=30)) if id else None
    refusal = "" if answer else "seat_taken"
    return Operation(
        reader, "reserve", key, "", at(asked_at), at(answered), answer, refusal, 1, WANTED
    )


def test_two_successful_bookings_of_one_seat_have_no_order() -> None:
    bookings = [books("ann", "a", 1, 2, "A"), books("bob", "b", 3, 4, "B")]
    both = [stored_booking("A", "ann", "a", booked=1), stored_booking("B", "bob", "b", booked=3)]
    assert {d.thing.split()[0] for d in disorders(History(operations=bookings, stored=both))} == {
        "seat"
    }
    assert disorders(History(operations=bookings[:1], stored=both[:1])) == []


def test_a_refusal_needs_a_booking_that_holds_the_seat() -> None:
    refused = books("bob", "b", 3, 4)
    taken = History(
        operations=[books("ann", "a", 1, 2, "A"), refused],
        stored=[stored_booking("A", "ann", "a", booked=1)],
    )
    assert disorders(taken) == []
    (disorder,) = disorders(History(operations=[refused]))
    assert "is refused as taken" in str(disorder)
    # A quarter of a second is granted to what is refused from memory.
    gone = replace(
        stored_booking("A", "ann", "a", "c", booked=1),
        state="cancelled",
        ended_at=at(3),
        events=(Event("reserve", at(1)), Event("cancel", at(2.9))),
    )
    cancel = Operation("ann", "cancel", "c", "A", at(2.9), at(3), told_of(gone), "", 1)
    for asked_at, count in ((3.2, 0), (3.3, 1)):
        late = [books("ann", "a", 1, 2, "A"), cancel, books("bob", "b", asked_at, 4)]
        assert len(disorders(History(operations=late, stored=[gone]))) == count


def told_of(r: Stored) -> Told:
    return Told(r.id, r.state, r.seat, r.start, r.end, r.check_in_until)


def test_a_booking_that_appears_after_its_refusal_is_ordered_as_a_call() -> None:
    """Bob's first attempt was under way when its repetition was refused; then Cid is refused
    because of Bob's booking while no other booking holds the seat."""
    gone = replace(
        stored_booking("A", "ann", "a", "c", booked=1),
        state="cancelled",
        ended_at=at(6),
        events=(Event("reserve", at(1)), Event("cancel", at(5))),
    )
    history = History(
        operations=[
            books("ann", "a", 1, 2, "A"),
            books("bob", "b", 3, 4),
            Operation("ann", "cancel", "c", "A", at(5), at(6), told_of(gone), "", 1),
            books("cid", "d", 8, 9),
        ],
        stored=[gone, stored_booking("B", "bob", "b", booked=3)],
    )
    assert disorders(history) == []
    history.stored = [gone]
    assert len(disorders(history)) == 1


def test_an_idempotency_key_sent_twice_has_one_effect() -> None:
    twice = [books("ann", "a", 1, 2, "A"), books("ann", "a", 1.5, 4, "A")]
    refused_once = [books("ann", "a", 1, 2), books("ann", "a", 1.5, 4, "A")]
    other = [books("bob", "b", 0, 1, "B")]
    stored = [stored_booking("A", "ann", "a", booked=1)]
    assert disorders(History(operations=twice, stored=stored)) == []
    gone = replace(
        stored_booking("B", "bob", "b", booked=0),
        state="completed",
        ended_at=at(3),
        events=(Event("reserve", at(0)), Event("check_in", at(1)), Event("finish", at(3))),
    )
    history = History(operations=[*other, *refused_once], stored=[gone, *stored])
    assert disorders(history) == []


def test_an_offer_accepted_twice_is_one_acceptance() -> None:
    """The first request was lost, and its reader sent it again."""
    events = (Event("hold", at(1)), Event("accept", at(5)))
    held = replace(stored_booking("A", "ann", booked=1), events=events)
    lost = Operation("ann", "accept", "", "A", at(2), None, None, "", 1, WANTED)
    again = Operation("ann", "accept", "", "A", at(5), at(6), told_of(held), "", 1, WANTED)
    assert disorders(History(operations=[lost, again], stored=[held])) == []
    # Told of it, and nothing stored says so.
    gone = replace(held, state="offer_expired", ended_at=at(9))
    gone = replace(gone, events=(events[0], Event("lapse", at(9))))
    assert disorders(History(operations=[lost, again], stored=[gone])) != []


def test_changes_by_jobs_are_ordered_by_each_bookings_history() -> None:
    """Thirty successive bookings of one seat, changed by jobs at unknown times: they are out of
    order only if a booking's own events were ignored."""
    ended = [
        replace(
            stored_booking(f"{n:02}", f"r{n}", booked=n),
            state="cancelled",
            ended_at=at(n),
            events=(Event("reserve", at(n)), Event("cancel", at(n))),
        )
        for n in range(30)
    ]
    live = stored_booking("live", "ann", booked=40)
    assert disorders(History(stored=[live, *ended]), one_clock=False) == []
    both = [live, stored_booking("second", "bob", booked=41), *ended[:6]]
    assert len(disorders(History(stored=both), one_clock=False)) == 1


def test_a_booking_moved_by_another_actor_is_ordered_from_then_on() -> None:
    """Bob had the seat before Ann was moved there; Ann's previous seat was not recorded."""
    gone = replace(
        stored_booking("B", "bob", "b", "c", booked=1),
        state="cancelled",
        ended_at=at(6),
        events=(Event("reserve", at(1)), Event("cancel", at(6))),
    )
    cancel = Operation("bob", "cancel", "c", "B", at(5), at(6), told_of(gone), "", 1)
    moved = replace(
        stored_booking("A", "ann", "a", booked=0),
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
        operations=[books("ann", "a", 0, 0.5, "A"), books("bob", "b", 1, 2, "B"), cancel],
        stored=[moved, gone],
    )
    assert disorders(history) == []
