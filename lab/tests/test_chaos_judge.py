"""The judge of scripts/chaos finds each kind of harm and reports none in correct histories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from lab.history.judge import judge
from lab.history.records import (
    Event,
    Fault,
    History,
    Message,
    Operation,
    Probe,
    Stored,
    Told,
    Violation,
)
from models.kernel.time_range import TimeRange
from models.reservations.claims import daily_booking_claim, presence_claim, slot_claims
from tests.builders import LI, MONDAY, SEAT, ZHANG, hours, on

BREAKS = on("09:00")
OTHER = "2f-hall-066"


def stored_at_eight(id: str, reader: str, seat: str, start: str, end: str, *keys: str) -> Stored:
    """A stored reservation made at 08:00."""
    span = hours(start, end)
    claims = {daily_booking_claim(ZHANG, MONDAY, 1), *_place(seat, reader, span)}
    return Stored(
        id=id,
        reader=reader,
        seat=seat,
        state="reserved",
        created_at=on("08:00"),
        since=on("08:00"),
        start=span.start,
        end=span.end,
        available_from=None,
        check_in_until=span.start + timedelta(minutes=30),
        ended_at=None,
        claims=frozenset(claims),
        keys=tuple(keys),
        events=(Event("reserve", on("08:00")),),
        outbox=0,
    )


def _place(seat: str, reader: str, span: TimeRange) -> tuple[str, ...]:
    return slot_claims(type(SEAT.id)(seat), type(ZHANG)(reader), span)


def says(r: Stored, state: str | None = None) -> Told:
    until = r.start + timedelta(minutes=30)
    return Told(r.id, state or r.state, r.seat, r.start, r.end, until)


def tap(
    verb: str, key: str, r: Stored, at: str, answer: Told | None, refusal: str = ""
) -> Operation:
    target = "" if verb == "reserve" else r.id
    answered = on(at) + timedelta(seconds=1) if answer or refusal else None
    return Operation(r.reader, verb, key, target, on(at), answered, answer, refusal, 1)


ZHANGS = stored_at_eight("z", ZHANG, SEAT.id, "14:00", "16:00", "k1")
LIS = stored_at_eight("l", LI, OTHER, "14:00", "16:00", "k2")


def good() -> History:
    """Two readers have booked two seats and heard of it; one of them cancels at ten."""
    gone = replace(
        LIS,
        state="cancelled",
        ended_at=on("10:00"),
        claims=frozenset(),
        keys=("k2", "k3"),
        events=(*LIS.events, Event("cancel", on("10:00"))),
    )
    return History(
        faults=[Fault("primary-killed", BREAKS, on("10:30"))],
        operations=[
            tap("reserve", "k1", ZHANGS, "08:00", says(ZHANGS)),
            tap("reserve", "k2", LIS, "08:00", says(LIS)),
            tap("cancel", "k3", LIS, "10:00", says(LIS, "cancelled")),
            tap("reserve", "k4", LIS, "10:01", None),
        ],
        probes=[Probe(LI, OTHER, on("14:00"), "", on("11:00"))],
        stored=[ZHANGS, gone],
        messages=[Message(id, "RESERVED", on("08:00"), "sent") for id in ("z", "l")],
    )


def checked_in(**fields: object) -> Stored:
    """The check-in of Zhang's booking at 14:00."""
    events = (*ZHANGS.events, Event("check_in", on("14:00")))
    claims = ZHANGS.claims | {presence_claim(ZHANG)}
    present = replace(
        ZHANGS, state="in_use", available_from=on("14:00"), events=events, claims=claims
    )
    return replace(present, **fields)  # type: ignore[arg-type]


def the_reservation(h: History) -> None:
    h.stored = h.stored[:1]
    h.messages = h.messages[:1]


def the_operation(h: History) -> None:
    h.stored = [h.stored[0], LIS]


def what_it_says(h: History) -> None:
    """Plants a reservation whose key was acknowledged for another seat."""
    h.operations.append(tap("change", "k5", ZHANGS, "11:00", replace(says(ZHANGS), seat=OTHER)))
    h.stored = [replace(ZHANGS, keys=(*ZHANGS.keys, "k5")), h.stored[1]]


def one_seat(h: History) -> None:
    second = stored_at_eight("l", LI, SEAT.id, "15:00", "17:00", "k2", "k3")
    h.stored = [ZHANGS, replace(second, events=(Event("reserve", on("08:00")),))]
    h.operations = h.operations[:1]


def one_reader(h: History) -> None:
    h.stored = [*h.stored, stored_at_eight("y", ZHANG, "2f-hall-067", "13:00", "15:00")]
    h.messages = [*h.messages, Message("y", "RESERVED", on("08:00"), "sent")]


def of_another_seat(h: History) -> None:
    span = hours("14:00", "16:00")
    claims = (ZHANGS.claims - {*_place(SEAT.id, ZHANG, span)}) | {*_place(OTHER, ZHANG, span)}
    h.stored = [replace(ZHANGS, claims=claims), h.stored[1]]


def of_what_has_ended(h: History) -> None:
    h.stored = [h.stored[0], replace(h.stored[1], claims=frozenset({f"r:{LI}:2026-09-07:28"}))]


def uncounted(h: History) -> None:
    claims = frozenset(c for c in ZHANGS.claims if not c.startswith("n:"))
    h.stored = [replace(ZHANGS, claims=claims), h.stored[1]]


def without_a_message(h: History) -> None:
    h.messages = h.messages[1:]


def in_the_outbox(h: History) -> None:
    h.stored = [replace(ZHANGS, outbox=1), h.stored[1]]


def given_up(h: History) -> None:
    h.messages = [replace(h.messages[0], state="failed"), h.messages[1]]


def a_no_show(h: History) -> None:
    """Plants a no-show whose reader scanned a second before the deadline and again after it."""
    missed = replace(
        ZHANGS, state="no_show", claims=frozenset({daily_booking_claim(ZHANG, MONDAY, 1)})
    )
    h.stored = [missed, h.stored[1]]
    h.operations.append(tap("check_in", "k6", ZHANGS, "14:29", None))
    h.operations.append(tap("check_in", "k7", ZHANGS, "14:31", None, "too_late"))


def a_violation(h: History) -> None:
    h.stored = [checked_in(keys=("k1", "k6")), h.stored[1]]
    h.messages = [*h.messages, Message("z", "CHECKED_IN", on("14:00"), "sent")]
    h.operations.append(tap("check_in", "k6", ZHANGS, "14:00", says(ZHANGS, "in_use")))
    h.violations = [Violation("z", ZHANG, "no_show")]


def an_end_before_its_time(h: History) -> None:
    """Plants a stay that is completed an hour too early."""
    counted = frozenset(claim for claim in ZHANGS.claims if claim.startswith("n:"))
    events = (*ZHANGS.events, Event("complete", on("15:00")))
    ended = replace(ZHANGS, state="completed", ended_at=on("15:00"), events=events, claims=counted)
    h.stored = [ended, h.stored[1]]
    h.messages = [*h.messages, Message("z", "ENDED", on("15:00"), "sent")]


def a_refusal(h: History) -> None:
    h.probes.append(Probe(ZHANG, OTHER, on("17:00"), "own_overlap", on("11:00")))


def a_refusal_that_did_not_last(h: History) -> None:
    """Plants a first attempt that succeeds after its repetition was refused."""
    h.stored = [replace(ZHANGS, keys=(*ZHANGS.keys, "k6")), h.stored[1]]
    h.operations.append(tap("change", "k6", ZHANGS, "14:00", None, "seat_taken"))
    h.operations[-1].attempts = 2


def what_was_said_to_have_failed(h: History) -> None:
    """Plants a booking that exists although it was reported as failed and never repeated."""
    h.stored = [replace(ZHANGS, keys=(*ZHANGS.keys, "k6")), h.stored[1]]
    h.operations.append(tap("change", "k6", ZHANGS, "14:00", None))
    h.operations[-1].undone = True


def a_booking_too_many(h: History) -> None:
    h.daily_limit = 0


def an_offer(h: History, offer_id: str | None) -> None:
    """Plants a held seat whose waitlist entry names this offer, another one, or none."""
    held = replace(ZHANGS, id="h", state="offered", wait_id="w", keys=(), events=())
    claims = frozenset(c for c in ZHANGS.claims if not c.startswith("n:"))
    h.stored = [replace(held, claims=claims, events=(Event("hold", on("08:00")),)), h.stored[1]]
    h.operations = h.operations[1:]
    h.messages = h.messages[1:]
    h.offers = {"w": offer_id}


def held_for_nobody(h: History) -> None:
    an_offer(h, None)


PLANTED: dict[str, list[Callable[[History], None]]] = {
    "lost": [the_reservation, the_operation, what_it_says],
    "doubles": [one_seat, one_reader],
    "orphaned": [of_another_seat, of_what_has_ended, uncounted],
    "untold": [without_a_message, in_the_outbox, given_up],
    "punished": [a_no_show, a_violation],
    "early": [an_end_before_its_time],
    "refused_free": [a_refusal],
    "late": [a_refusal_that_did_not_last, what_was_said_to_have_failed],
    "overbooked": [a_booking_too_many],
    "held": [held_for_nobody],
}


@pytest.mark.parametrize(
    ("kind", "plant"), [(kind, plant) for kind, plants in PLANTED.items() for plant in plants]
)
def test_each_planted_harm_is_found_as_its_kind(
    kind: str, plant: Callable[[History], None]
) -> None:
    """Each planted loss is reported under one kind only."""
    history = good()
    plant(history)
    assert {harm.kind for harm in judge(history)} == {kind}


def test_correct_histories_have_no_harm() -> None:
    """Unknown outcomes and a seat taken over at once count as correct."""
    assert judge(good()) == []
    unknown, happened = good(), good()
    unknown.operations.append(tap("cancel", "k5", ZHANGS, "11:00", None))
    assert judge(unknown) == []
    keys = ("k1", "k5")
    cancelled = replace(
        ZHANGS, state="cancelled", ended_at=on("11:00"), claims=frozenset(), keys=keys
    )
    happened.operations.append(tap("cancel", "k5", ZHANGS, "11:00", None))
    happened.stored = [cancelled, happened.stored[1]]
    assert judge(happened) == []
    over = good()
    a_no_show(over)
    over.operations[-2:] = [tap("check_in", "k6", ZHANGS, "14:29", None, "wrong_state")]
    over.operations[-1].answered_at = ZHANGS.end  # nobody was there before
    assert judge(over) == []
    held = good()
    an_offer(held, "h")
    assert judge(held) == []
    early = good()
    sooner = hours("13:30", "14:00")
    present = checked_in(available_from=on("13:31"), keys=("k1", "k6"))
    early.stored = [
        replace(present, claims=present.claims | {*_place(SEAT.id, ZHANG, sooner)}),
        early.stored[1],
    ]
    early.messages = [*early.messages, Message("z", "CHECKED_IN", on("14:00"), "sent")]
    assert judge(early) == []


def test_harm_is_attributed_to_the_fault_during_which_it_happened() -> None:
    history = good()
    the_operation(history)
    assert [(harm.kind, harm.fault) for harm in judge(history)] == [("lost", "primary-killed")]
    history = good()
    without_a_message(history)
    assert [harm.fault for harm in judge(history)] == ["none"], "before the first"


def test_a_booking_answered_after_the_seat_was_freed_is_no_double_booking() -> None:
    """Li requests at 14:20 and is answered at 14:31, after Zhang gave the seat back at 14:30. An
    answer at 14:29 would be a double booking."""
    keys = ("k1", "c1")
    counted = frozenset(claim for claim in ZHANGS.claims if claim.startswith("n:"))
    gone = replace(ZHANGS, state="cancelled", claims=counted, ended_at=on("14:30"), keys=keys)
    later = replace(stored_at_eight("l", LI, SEAT.id, "14:00", "16:00", "k2"), since=on("14:20"))

    def heard(at: str) -> list[str]:
        request = tap("reserve", "k2", later, "14:20", says(later))
        request.answered_at = on(at)
        history = History(
            operations=[
                tap("reserve", "k1", ZHANGS, "08:00", says(ZHANGS)),
                request,
                tap("cancel", "c1", ZHANGS, "14:30", says(ZHANGS, "cancelled")),
            ],
            stored=[gone, later],
            messages=[Message(id, "RESERVED", on("08:00"), "sent") for id in ("z", "l")],
        )
        return [harm.kind for harm in judge(history)]

    assert heard("14:31") == []
    assert heard("14:29") == ["doubles"]
