"""The judge finds each kind of planted harm to rooms and to those who are in them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lab.history.judge import judge
from lab.history.records import Event, History, Operation, Promise, StoredRoomBooking, Violation
from lab.history.room_judge import taken_twice
from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange
from models.library.rooms import RoomId
from models.reservations.claims import reader_claims, room_claims, room_week_claim
from tests.builders import LI, MONDAY, ZHANG, ZONE, hours, on

SPAN, NEXT, AFTER = (hours(f"{n}:00", f"{n + 1}:00") for n in (14, 15, 16))
ROOM, WANG = RoomId("quiet"), ReaderId("c" * 24)
HALF_AN_HOUR = timedelta(minutes=30)


def booking(id: str, span: TimeRange, *people: ReaderId) -> StoredRoomBooking:
    """A booking made at eight of a room that is empty for half an hour after each stay."""
    with_buffer = TimeRange(span.start, span.end + HALF_AN_HOUR)
    claims = {claim for person in people for claim in reader_claims(ZONE, person, span)}
    return StoredRoomBooking(
        id=id, room=ROOM, people=people, state="reserved", start=span.start, end=span.end,
        buffer=HALF_AN_HOUR, least=2, check_in_until=span.start + HALF_AN_HOUR, ended_at=None,
        claims=frozenset({*claims, *room_claims(ZONE, ROOM, with_buffer),
                          room_week_claim(people[0], MONDAY, 1)}),
        events=(Event("reserve", on("08:00")),), untold=False,
    )  # fmt: skip


def tap(b: StoredRoomBooking, reader: str, verb: str, refusal: str = "") -> Operation:
    promise = Promise(b.id, b.state, b.room, b.start, b.end, b.check_in_until)
    requested, answer = (b.room, b.start, b.end), None if refusal else promise
    at, answered = on("08:00"), on("08:01")
    return Operation(reader, verb, verb, b.id, at, answered, answer, refusal, 1, requested)


GROUPS = booking("g", SPAN, ZHANG, LI)
ENDED = replace(GROUPS, state="released", people=(ZHANG,), claims=frozenset(), ended_at=on("13:00"))


def history(*rooms: StoredRoomBooking) -> History:
    """A history in which Zhang has booked the room, and Li takes part."""
    return History(
        ZONE,
        rooms=rooms,
        room_operations=[tap(GROUPS, ZHANG, "book"), tap(GROUPS, LI, "confirm")],
        parties_end=on("20:00"),
    )


def test_a_room_whose_people_come_harms_nobody() -> None:
    assert judge(history(GROUPS, booking("w", AFTER, WANG))) == []


@pytest.mark.parametrize(
    ("rooms", "kind"),
    [
        pytest.param((), "lost", id="the booking is missing"),
        pytest.param((booking("g", SPAN, ZHANG),), "lost", id="Li takes no part"),
        pytest.param((booking("g", AFTER, ZHANG, LI),), "lost", id="it is at another time"),
        pytest.param((GROUPS, booking("w", NEXT, WANG)), "doubles", id="the buffer is another's"),
        pytest.param(
            (GROUPS, replace(booking("w", SPAN, LI), room="group")), "doubles", id="Li is twice"
        ),
        pytest.param((replace(GROUPS, state="released"),), "orphaned", id="nobody has claims"),
        pytest.param((replace(GROUPS, claims=frozenset()),), "orphaned", id="no claims"),
        pytest.param(
            (replace(ENDED, people=(ZHANG, LI)),), "early", id="released with enough people"
        ),
        pytest.param((replace(GROUPS, untold=True),), "untold", id="nobody was told"),
    ],
)
def test_harm_is_found(rooms: tuple[StoredRoomBooking, ...], kind: str) -> None:
    assert kind in {harm.kind for harm in judge(history(*rooms))}


def test_an_answer_that_is_not_stored_is_lost() -> None:
    for verb in ("cancel", "approve", "check_in"):
        told = history(GROUPS)
        told.room_operations.append(tap(GROUPS, ZHANG, verb))
        assert [harm.kind for harm in judge(told)] == ["lost"]


def test_a_refusal_needs_a_reason() -> None:
    free, taken = booking("w", AFTER, WANG), booking("w", NEXT, WANG)
    told = history(GROUPS)
    told.room_operations += [
        tap(free, WANG, "book", "room_taken"), tap(taken, WANG, "book", "room_taken"),
        tap(taken, LI, "confirm", "own_overlap"), tap(free, WANG, "confirm", "own_overlap"),
    ]  # fmt: skip
    assert [harm.kind for harm in judge(told)] == ["refused_free"] * 2


def test_only_a_no_show_is_a_violation() -> None:
    missed = replace(
        GROUPS,
        state="no_show",
        ended_at=GROUPS.check_in_until,
        claims=frozenset({room_week_claim(ZHANG, MONDAY, 1)}),
    )
    for stored, kinds in ((GROUPS, ["punished"]), (missed, [])):
        told = history(stored)
        told.violations = [Violation(stored.id, ZHANG, "no_show")]
        assert [harm.kind for harm in judge(told)] == kinds


def test_a_reader_is_in_a_room_and_on_a_seat() -> None:
    (seat_beside,) = taken_twice([GROUPS], [("s", LI, SPAN.start, SPAN.end)])
    assert seat_beside == f"reader {LI}: s and g"
    assert [*taken_twice([GROUPS], [("s", LI, NEXT.start, NEXT.end)])] == []
