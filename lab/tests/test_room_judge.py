"""The judge finds each kind of planted harm to rooms and to those who are in them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from lab.history.judge import judge
from lab.history.records import (
    Event,
    History,
    Message,
    Operation,
    Promise,
    StoredRoomBooking,
    Violation,
)
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


def later(at: str, o: Operation) -> Operation:
    """The request at that time, which is answered after a minute."""
    return replace(o, asked_at=on(at), answered_at=on(at) + timedelta(minutes=1))


def ended(
    b: StoredRoomBooking, state: str, at: datetime, events: tuple[Event, ...] = ()
) -> StoredRoomBooking:
    return replace(b, state=state, ended_at=at, claims=frozenset(), events=events or b.events)


def told(b: StoredRoomBooking, *people: str) -> list[Message]:
    at = b.events[-1].at
    return [Message(b.id, "ANSWER", at, "sent", reader=id, news=b.state) for id in people]


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
    for verb in ("cancel", "approve", "decline", "check_in"):
        answered = history(GROUPS)
        answered.room_operations.append(tap(GROUPS, ZHANG, verb))
        assert [harm.kind for harm in judge(answered)] == ["lost"]


def test_who_withdraws_is_gone_and_who_confirms_again_is_back() -> None:
    alone = booking("g", SPAN, ZHANG)
    withdraws, again = (
        later("09:00", tap(GROUPS, LI, "withdraw")),
        later("10:00", tap(GROUPS, LI, "confirm")),
    )
    lost = replace(withdraws, promise=None, answered_at=None)
    for stored, requests, kinds in (
        (alone, [withdraws], []),
        (GROUPS, [withdraws], ["lost"]),
        (GROUPS, [withdraws, again], []),
        (alone, [withdraws, again], ["lost"]),
        # It may take effect later, or have none.
        (alone, [lost, again], []),
        (GROUPS, [lost], []),
    ):
        answered = history(stored)
        answered.room_operations += requests
        assert [harm.kind for harm in judge(answered)] == kinds


def test_a_room_and_a_reader_had_two_bookings_although_one_has_ended_since() -> None:
    first = ended(booking("g", SPAN, ZHANG), "cancelled", on("10:00"))
    cancels = later("10:00", replace(tap(first, ZHANG, "cancel"), promise=None))
    withdraws = later("09:30", tap(first, LI, "withdraw"))
    before = [tap(first, ZHANG, "book"), tap(first, LI, "confirm"), withdraws, cancels]
    for room, reader, asked, thing in (
        (ROOM, WANG, "09:00", f"room {ROOM}"),
        (ROOM, WANG, "10:01", None),
        ("group", WANG, "09:00", None),
        ("group", LI, "09:00", f"reader {LI}"),
        ("group", LI, "09:31", None),
        ("group", ZHANG, "09:31", f"reader {ZHANG}"),
    ):
        second = replace(booking("w", SPAN, reader), room=room)
        books = later(asked, tap(second, reader, "book"))
        both = History(ZONE, rooms=[first, second], room_operations=[*before, books])
        found = [f"{thing}: g and w"] if thing is not None else []
        assert [harm.text for harm in judge(both) if harm.kind == "doubles"] == found


def test_a_changed_booking_is_where_it_was_changed_to() -> None:
    moved = booking("g", AFTER, ZHANG, LI)
    told = history(moved)
    told.room_operations.append(tap(moved, ZHANG, "change"))
    assert judge(told) == []
    told.rooms = (GROUPS,)
    assert [harm.kind for harm in judge(told)] == ["lost"], "it is where it was before"
    busy = tap(booking("g", NEXT, ZHANG, LI), ZHANG, "change", "people_busy")
    told = history(GROUPS)
    told.room_operations.append(busy)
    assert [harm.kind for harm in judge(told)] == ["refused_free"]
    told.rooms = (GROUPS, booking("w", AFTER, LI))
    assert judge(told) == [], "Li is in another room later"


def test_a_refusal_needs_a_reason() -> None:
    free, taken = booking("w", AFTER, WANG), booking("w", NEXT, WANG)
    answered = history(GROUPS)
    answered.room_operations += [
        tap(free, WANG, "book", "room_taken"), tap(taken, WANG, "book", "room_taken"),
        tap(taken, LI, "confirm", "own_overlap"), tap(free, WANG, "confirm", "own_overlap"),
    ]  # fmt: skip
    assert [harm.kind for harm in judge(answered)] == ["refused_free"] * 2


MISSED = replace(
    GROUPS,
    state="no_show",
    ended_at=GROUPS.check_in_until,
    claims=frozenset({room_week_claim(ZHANG, MONDAY, 1)}),
)


def test_only_a_no_show_without_an_excuse_is_a_violation() -> None:
    came = later("14:10", replace(tap(GROUPS, LI, "check_in"), promise=None))
    for stored, request, kinds in (
        (GROUPS, None, ["punished"]),
        (MISSED, None, []),
        (replace(MISSED, excused=True), None, ["punished"]),
        (MISSED, came, ["punished"]),
        (MISSED, replace(came, refusal="too_few_people"), []),
        (MISSED, replace(came, asked_at=GROUPS.check_in_until), []),
    ):
        punished = history(stored)
        punished.messages = told(MISSED, ZHANG)
        punished.violations = [Violation(stored.id, ZHANG, "no_show")]
        punished.room_operations += [request] if request is not None else []
        assert [harm.kind for harm in judge(punished)] == kinds


def test_those_whom_it_concerns_must_learn_what_became_of_a_booking() -> None:
    approved = replace(GROUPS, events=(*GROUPS.events, Event("approve", on("09:00"))))
    declined = ended(GROUPS, "declined", on("09:00"))
    for stored, people in (
        (approved, [ZHANG]),
        (MISSED, [ZHANG]),
        (ended(GROUPS, "cancelled", on("09:00")), [LI]),
        (declined, [ZHANG, LI]),
    ):
        news = history(stored)
        news.messages = told(stored, *people)
        assert judge(news) == []
        for person in people:
            news.messages = [m for m in told(stored, *people) if m.reader != person]
            assert [harm.kind for harm in judge(news)] == ["untold"]
        news.messages = [replace(m, state="unqueued") for m in told(stored, *people)]
        assert [harm.kind for harm in judge(news)] == ["untold"] * len(people)
        outdated = told(
            replace(stored, state="reserved" if stored is declined else "requested"), LI
        )
        news.messages = told(stored, *people) + [replace(m, state="unqueued") for m in outdated]
        assert judge(news) == [], "the booking has gone on before it was queued"
        news.messages = told(GROUPS if stored is declined else declined, *people)
        assert [harm.kind for harm in judge(news)] == ["untold"], "they have heard something else"


def test_a_reader_is_in_a_room_and_on_a_seat() -> None:
    (seat_beside,) = taken_twice([GROUPS], [("s", LI, SPAN.start, SPAN.end)])
    assert seat_beside == f"reader {LI}: s and g"
    assert [*taken_twice([GROUPS], [("s", LI, NEXT.start, NEXT.end)])] == []
