"""The judge of scripts/chaos finds each kind of planted harm, and none in a good history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from lab.history.judge import crossed, judge
from lab.history.records import (
    Event,
    Fault,
    History,
    Message,
    Operation,
    Probe,
    Promise,
    Stored,
    Violation,
)
from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange
from models.reservations.claims import daily_booking_claim, presence_claim, slot_claims
from tests.builders import LI, MONDAY, SEAT, ZHANG, ZONE, hours, on

BREAKS = on("09:00")
OTHER = "2f-hall-066"


def booking(id: str, reader: str, seat: str, start: str, end: str, *keys: str) -> Stored:
    """A reservation made at eight."""
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
    return slot_claims(ZONE, type(SEAT.id)(seat), type(ZHANG)(reader), span)


def promise_of(r: Stored, state: str | None = None) -> Promise:
    until = r.start + timedelta(minutes=30)
    return Promise(r.id, state or r.state, r.seat, r.start, r.end, until)


def tap(
    verb: str, key: str, r: Stored, at: str, promise: Promise | None, refusal: str = ""
) -> Operation:
    target = "" if verb == "reserve" else r.id
    answered = on(at) + timedelta(seconds=1) if promise or refusal else None
    return Operation(r.reader, verb, key, target, on(at), answered, promise, refusal, 1)


ZHANGS = booking("z", ZHANG, SEAT.id, "14:00", "16:00", "k1")
LIS = booking("l", LI, OTHER, "14:00", "16:00", "k2")


def good() -> History:
    """Two readers have booked two seats and were answered. One of them cancels at ten."""
    cancelled = replace(
        LIS,
        state="cancelled",
        ended_at=on("10:00"),
        claims=frozenset(),
        keys=("k2", "k3"),
        events=(*LIS.events, Event("cancel", on("10:00"))),
    )
    return History(
        ZONE,
        faults=[Fault("primary-killed", BREAKS, on("10:30"))],
        operations=[
            tap("reserve", "k1", ZHANGS, "08:00", promise_of(ZHANGS)),
            tap("reserve", "k2", LIS, "08:00", promise_of(LIS)),
            tap("cancel", "k3", LIS, "10:00", promise_of(LIS, "cancelled")),
            tap("reserve", "k4", LIS, "10:01", None),
        ],
        probes=[Probe(LI, OTHER, on("14:00"), "", on("11:00"))],
        stored=[ZHANGS, cancelled],
        messages=[Message(id, "RESERVED", on("08:00"), "sent") for id in ("z", "l")],
    )


def checked_in(**fields: object) -> Stored:
    """Zhang's reservation with a check-in at two."""
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


def another_seat(h: History) -> None:
    """The stored reservation has the operation's key, but another seat."""
    h.operations.append(
        tap("change", "k5", ZHANGS, "11:00", replace(promise_of(ZHANGS), seat=OTHER))
    )
    h.stored = [replace(ZHANGS, keys=(*ZHANGS.keys, "k5")), h.stored[1]]


def one_seat(h: History) -> None:
    second = booking("l", LI, SEAT.id, "15:00", "17:00", "k2", "k3")
    h.stored = [ZHANGS, replace(second, events=(Event("reserve", on("08:00")),))]
    h.operations = h.operations[:1]


def one_reader(h: History) -> None:
    h.stored = [*h.stored, booking("y", ZHANG, "2f-hall-067", "13:00", "15:00")]
    h.messages = [*h.messages, Message("y", "RESERVED", on("08:00"), "sent")]


def of_another_seat(h: History) -> None:
    span = hours("14:00", "16:00")
    claims = (ZHANGS.claims - {*_place(SEAT.id, ZHANG, span)}) | {*_place(OTHER, ZHANG, span)}
    h.stored = [replace(ZHANGS, claims=claims), h.stored[1]]


def of_an_ended_reservation(h: History) -> None:
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


def sent(h: History, **fields: object) -> None:
    """Zhang's message by 企业微信, whose other end has taken it once."""
    h.messages = [replace(h.messages[0], card="c", **fields), h.messages[1]]  # type: ignore[arg-type]
    h.taken = {"c": 1}


def on_its_way_and_never_taken(h: History) -> None:
    sent(h)
    h.taken = {"another": 1}


def given_up_too_early(h: History) -> None:
    """The outcome of the first attempt was unknown, and there was no other one."""
    sent(h, state="unknown")
    h.taken = {}


def taken_once_too_often(h: History) -> None:
    sent(h, unknown=1)
    h.taken = {"c": 3}


def a_no_show(h: History) -> None:
    """Zhang scanned a second before the deadline, and again after it."""
    missed = replace(
        ZHANGS, state="no_show", claims=frozenset({daily_booking_claim(ZHANG, MONDAY, 1)})
    )
    h.stored = [missed, h.stored[1]]
    h.operations.append(tap("check_in", "k6", ZHANGS, "14:29", None))
    h.operations.append(tap("check_in", "k7", ZHANGS, "14:31", None, "too_late"))


def a_violation(h: History) -> None:
    h.stored = [checked_in(keys=("k1", "k6")), h.stored[1]]
    h.messages = [*h.messages, Message("z", "CHECKED_IN", on("14:00"), "sent")]
    h.operations.append(tap("check_in", "k6", ZHANGS, "14:00", promise_of(ZHANGS, "in_use")))
    h.violations = [Violation("z", ZHANG, "no_show")]


def an_end_before_its_time(h: History) -> None:
    """The reservation was completed an hour too early."""
    counted = frozenset(claim for claim in ZHANGS.claims if claim.startswith("n:"))
    events = (*ZHANGS.events, Event("complete", on("15:00")))
    ended = replace(ZHANGS, state="completed", ended_at=on("15:00"), events=events, claims=counted)
    h.stored = [ended, h.stored[1]]
    h.messages = [*h.messages, Message("z", "ENDED", on("15:00"), "sent")]


def a_refusal(h: History) -> None:
    h.probes.append(Probe(ZHANG, OTHER, on("17:00"), "own_overlap", on("11:00")))


def a_refusal_that_did_not_last(h: History) -> None:
    """The first attempt arrived after its repetition had been refused."""
    h.stored = [replace(ZHANGS, keys=(*ZHANGS.keys, "k6")), h.stored[1]]
    h.operations.append(tap("change", "k6", ZHANGS, "14:00", None, "seat_taken"))
    h.operations[-1].attempts = 2


def a_failed_change_that_arrived(h: History) -> None:
    """The reader did not ask again after the answer "failed", and the change arrived
    nevertheless."""
    h.stored = [replace(ZHANGS, keys=(*ZHANGS.keys, "k6")), h.stored[1]]
    h.operations.append(tap("change", "k6", ZHANGS, "14:00", None))
    h.operations[-1].undone = True


def a_booking_too_many(h: History) -> None:
    h.daily_limit = 0


def an_offer(h: History, offer_id: str | None) -> None:
    """A held seat, whose waitlist entry has ``offer_id`` as its offer."""
    held = replace(ZHANGS, id="h", state="offered", wait_id="w", keys=(), events=())
    claims = frozenset(c for c in ZHANGS.claims if not c.startswith("n:"))
    h.stored = [replace(held, claims=claims, events=(Event("hold", on("08:00")),)), h.stored[1]]
    h.operations = h.operations[1:]
    h.messages = h.messages[1:]
    h.offers = {"w": offer_id}


def held_for_nobody(h: History) -> None:
    an_offer(h, None)


PLANTED: dict[str, list[Callable[[History], None]]] = {
    "lost": [the_reservation, the_operation, another_seat],
    "doubles": [one_seat, one_reader],
    "orphaned": [of_another_seat, of_an_ended_reservation, uncounted],
    "untold": [
        without_a_message,
        in_the_outbox,
        given_up,
        on_its_way_and_never_taken,
        given_up_too_early,
    ],
    "repeated": [taken_once_too_often],
    "punished": [a_no_show, a_violation],
    "early": [an_end_before_its_time],
    "refused_free": [a_refusal],
    "late": [a_refusal_that_did_not_last, a_failed_change_that_arrived],
    "overbooked": [a_booking_too_many],
    "held": [held_for_nobody],
}


@pytest.mark.parametrize(
    ("kind", "plant"), [(kind, plant) for kind, plants in PLANTED.items() for plant in plants]
)
def test_each_planted_harm_is_found(kind: str, plant: Callable[[History], None]) -> None:
    """Exactly this kind is found: one loss is not counted twice."""
    history = good()
    plant(history)
    assert {harm.kind for harm in judge(history)} == {kind}


WANG = ReaderId("c" * 24)
WANGS = booking("w", WANG, SEAT.id, "14:00", "16:00", "k1")


def elsewhere() -> History:
    """At another library, Wang has booked the seat that has Zhang's seat's name."""
    return History(
        ZONE,
        operations=[tap("reserve", "k1", WANGS, "08:00", promise_of(WANGS))],
        stored=[WANGS],
        messages=[Message("w", "RESERVED", on("08:00"), "sent")],
        answered_ids={"w": on("08:00")},
    )


def its_reader(h: History) -> None:
    h.stored = [*h.stored, booking("y", WANG, OTHER, "09:00", "10:00")]


def its_message(h: History) -> None:
    h.messages = [*h.messages, Message("w", "ENDED", on("16:00"), "sent")]


def its_id(h: History) -> None:
    h.answered_ids["w"] = on("09:30")


@pytest.mark.parametrize("plant", [its_reader, its_message, its_id])
def test_what_belongs_to_another_library_is_found(plant: Callable[[History], None]) -> None:
    here, other = good(), elsewhere()
    assert crossed([here, other]) == []
    plant(here)
    for histories in ([here, other], [other, here]):
        assert {harm.kind for harm in crossed(histories)} == {"crossed"}
    assert crossed([here]) == crossed([other]) == []


def test_a_good_history_has_no_harm() -> None:
    """An unknown outcome is no harm, whichever it is; nor is a stay whose seat is taken over at
    once."""
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
    over.operations[-1].answered_at = ZHANGS.end  # the service did not answer before
    assert judge(over) == []
    elsewhere = good()
    a_no_show(elsewhere)
    refusals = ["request_refused", "other_in_use"]  # the first answer with the reason was lost
    elsewhere.operations[-2:] = [
        tap("check_in", f"k{n}", ZHANGS, "14:29", None, refusal)
        for n, refusal in enumerate(refusals, start=6)
    ]
    assert judge(elsewhere) == []
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


@pytest.mark.parametrize(
    ("state", "unknown", "once", "count"),
    [
        pytest.param("sent", 0, False, 1, id="once"),
        pytest.param("sent", 1, False, 2, id="again, since the first answer was lost"),
        pytest.param("unknown", 0, False, 1, id="it was taken"),
        pytest.param("unknown", 2, False, 0, id="given up after three attempts"),
        pytest.param("unknown", 2, False, 3, id="each of three attempts was taken"),
        pytest.param("unknown", 0, True, 0, id="it is not sent again"),
        pytest.param("expired", 0, False, 0, id="it came too late"),
    ],
)
def test_a_message_of_unknown_outcome_is_no_harm(
    state: str, unknown: int, once: bool, count: int
) -> None:
    history = good()
    sent(history, state=state, unknown=unknown, once=once)
    history.taken = {"c": count}
    assert judge(history) == []


def test_messages_that_look_alike_are_counted_together() -> None:
    history = good()
    sent(history)
    same = replace(history.messages[0], at=on("08:01"))
    history.messages = [*history.messages, same]
    assert [harm.kind for harm in judge(history)] == ["untold"] * 2, "one of them is lost"
    history.taken = {"c": 2}
    assert judge(history) == []


def test_harm_is_attributed_to_the_fault_during_which_it_happened() -> None:
    history = good()
    the_operation(history)
    assert [(harm.kind, harm.fault) for harm in judge(history)] == [("lost", "primary-killed")]
    history = good()
    without_a_message(history)
    assert [harm.fault for harm in judge(history)] == ["none"], "before the first"


def test_a_booking_answered_after_the_seat_was_freed_is_no_double_booking() -> None:
    """Li asks at 14:20 and is answered at 14:31; Zhang has given the seat back at 14:30. Had Li
    been answered at 14:29, both would have had the seat."""
    keys = ("k1", "c1")
    counted = frozenset(claim for claim in ZHANGS.claims if claim.startswith("n:"))
    cancelled = replace(ZHANGS, state="cancelled", claims=counted, ended_at=on("14:30"), keys=keys)
    later = replace(booking("l", LI, SEAT.id, "14:00", "16:00", "k2"), since=on("14:20"))

    def heard(at: str) -> list[str]:
        request = tap("reserve", "k2", later, "14:20", promise_of(later))
        request.answered_at = on(at)
        history = History(
            ZONE,
            operations=[
                tap("reserve", "k1", ZHANGS, "08:00", promise_of(ZHANGS)),
                request,
                tap("cancel", "c1", ZHANGS, "14:30", promise_of(ZHANGS, "cancelled")),
            ],
            stored=[cancelled, later],
            messages=[Message(id, "RESERVED", on("08:00"), "sent") for id in ("z", "l")],
        )
        return [harm.kind for harm in judge(history)]

    assert heard("14:31") == []
    assert heard("14:29") == ["doubles"]
