"""The judge finds each kind of planted harm to seats that are held for friends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from lab.history.judge import judge
from lab.history.records import (
    Event,
    History,
    Message,
    Operation,
    PartyEnd,
    Promise,
    Stored,
    StoredParty,
    Violation,
)
from models.library.entities import SeatId
from models.reservations.claims import daily_booking_claim, party_claim, seat_claims, slot_claims
from tests.builders import LI, MONDAY, SEAT, ZHANG, ZONE, hours, on

SPAN = hours("14:00", "16:00")
LIS, FREE = "2f-hall-066", "2f-hall-067"


def booking(id: str, reader: str, seat: str) -> Stored:
    """A reservation made at eight."""
    reader_id = type(ZHANG)(reader)
    claims = slot_claims(ZONE, SeatId(seat), reader_id, SPAN)
    return Stored(
        id=id, reader=reader, seat=seat, state="reserved", created_at=on("08:00"),
        since=on("08:00"), start=SPAN.start, end=SPAN.end, available_from=None,
        check_in_until=SPAN.start + timedelta(minutes=30), ended_at=None,
        claims=frozenset({daily_booking_claim(reader_id, MONDAY, 1), *claims}),
        keys=(id,), events=(Event("reserve", on("08:00")),), outbox=0,
    )  # fmt: skip


def tap(r: Stored, at: str, target: str = "", refusal: str = "") -> Operation:
    until = SPAN.start + timedelta(minutes=30)
    promise = None if refusal else Promise(r.id, r.state, r.seat, SPAN.start, SPAN.end, until)
    answered = on(at) + timedelta(seconds=1)
    return Operation(r.reader, "reserve", r.id, target, on(at), answered, promise, refusal, 1)


ZHANGS, FRIENDS = booking("z", ZHANG, SEAT.id), booking("l", LI, LIS)
OPEN = StoredParty(
    id="z:party", own="z", asker=ZHANG, start=SPAN.start, end=SPAN.end, until=on("08:10"),
    ended_at=None, seats={LIS: "l", FREE: None},
    claims=frozenset({party_claim(ZHANG, MONDAY, 1), *seat_claims(ZONE, SeatId(FREE), SPAN)}),
)  # fmt: skip
OVER = replace(OPEN, ended_at=on("08:10"), claims=frozenset({party_claim(ZHANG, MONDAY, 1)}))


def history(party: StoredParty) -> History:
    """Zhang has held two seats, of which Li has accepted one."""
    return History(
        ZONE,
        operations=[tap(ZHANGS, "08:00"), tap(FRIENDS, "08:05", "z:party")],
        stored=[ZHANGS, FRIENDS],
        messages=[
            *(Message(id, "RESERVED", on("08:00"), "sent") for id in ("z", "l")),
            Message("z", "ANSWER", on("08:00"), "sent"),
        ],
        parties=[party],
    )


def test_a_held_seat_and_one_that_is_free_again_are_no_harm() -> None:
    assert judge(history(OPEN)) == []
    over = history(OVER)
    over.parties_end = on("08:11")
    over.party_ends["z:party"] = PartyEnd(on("08:06"), on("08:11"))
    over.operations.append(tap(booking("w", "w", FREE), "08:12", "z:party", "invitation_over"))
    assert judge(over) == []


def a_forgotten_friend(h: History) -> None:
    h.parties = [replace(OVER, seats={LIS: None, FREE: None})]


def an_end_that_is_not_stored(h: History) -> None:
    h.party_ends["z:party"] = PartyEnd(on("08:05"), on("08:06"))


def a_passer_by(h: History) -> None:
    h.stored = [*h.stored, booking("w", "w", FREE)]
    h.messages = [*h.messages, Message("w", "RESERVED", on("08:00"), "sent")]


def no_claims(h: History) -> None:
    h.parties = [replace(OPEN, claims=OVER.claims)]


def claims_after_the_end(h: History) -> None:
    h.parties = [replace(OVER, claims=OPEN.claims)]


def uncounted(h: History) -> None:
    h.parties = [replace(OVER, claims=frozenset())]


def no_end(h: History) -> None:
    h.parties_end = on("08:10")


def longer_than_ten_minutes(h: History) -> None:
    h.parties = [replace(OPEN, until=on("08:11"))]


def a_seat_of_no_booking(h: History) -> None:
    h.parties = [replace(OVER, seats={LIS: "l", FREE: "w"})]


def two_seats_of_one_booking(h: History) -> None:
    h.parties = [replace(OVER, seats={LIS: "l", FREE: "l"})]


def an_asker_who_heard_nothing(h: History) -> None:
    h.messages = h.messages[:2]


def a_violation(h: History) -> None:
    h.violations = [Violation("z:party", ZHANG, "no_show")]


def a_refusal_although_a_friend_came(h: History) -> None:
    h.parties = [OVER]
    h.operations.append(tap(booking("y", ZHANG, SEAT.id), "09:00", refusal="parties_refused"))


def taken(h: History) -> None:
    h.operations.append(tap(booking("w", "w", FREE), "08:06", "z:party", "seat_taken"))


def over(h: History) -> None:
    h.operations.append(tap(booking("w", "w", FREE), "08:06", "z:party", "invitation_over"))


PLANTED: dict[str, list[Callable[[History], None]]] = {
    "lost": [a_forgotten_friend, an_end_that_is_not_stored],
    "doubles": [a_passer_by],
    "orphaned": [no_claims, claims_after_the_end, uncounted],
    "held": [
        *(no_end, longer_than_ten_minutes),
        *(a_seat_of_no_booking, two_seats_of_one_booking),
    ],
    "untold": [an_asker_who_heard_nothing],
    "punished": [a_violation, a_refusal_although_a_friend_came],
    "refused_free": [taken, over],
}


@pytest.mark.parametrize(
    ("kind", "plant"), [(kind, plant) for kind, plants in PLANTED.items() for plant in plants]
)
def test_each_planted_harm_to_a_held_seat_is_found(
    kind: str, plant: Callable[[History], None]
) -> None:
    planted = history(OPEN)
    plant(planted)
    assert {harm.kind for harm in judge(planted)} == {kind}
