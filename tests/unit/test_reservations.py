"""The states: the transition table, its diagram, and invariants on every path."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from models.check_in import transitions as check_in_transitions
from models.kernel.errors import WrongState
from models.kernel.time_range import TimeRange
from models.library.entities import SeatId
from models.outages import transitions as outage_transitions
from models.reservations import transitions
from models.reservations.entities import Reservation
from models.reservations.state_machine import (
    CHECKED_IN_STATES,
    LIVE,
    TERMINAL,
    TRANSITIONS,
    ReservationEvent,
    ReservationState,
)
from tests.builders import (
    BY_JOB,
    BY_READER,
    PROOF,
    ZONE,
    away,
    but,
    hours,
    in_use,
    on,
    on_seat,
    reserved,
)
from tests.unit.reservation_changes import POLICY, changed

BOOKING_PAGE: Final = Path(__file__).parents[2] / "docs" / "booking.md"

STEPS: Final[dict[ReservationEvent, Callable[[Reservation], Reservation]]] = {
    ReservationEvent.CHECK_IN: lambda r: check_in_transitions.check_in(
        ZONE, r, PROOF, POLICY, BY_READER, r.start, early=False
    ),
    ReservationEvent.CANCEL: lambda r: transitions.cancel(r, BY_READER, r.start),
    ReservationEvent.CHANGE: lambda r: changed(r, SeatId("2f-hall-066"), r.span, r.created_at),
    ReservationEvent.MARK_NO_SHOW: lambda r: check_in_transitions.mark_no_show(r, BY_JOB),
    ReservationEvent.LEAVE: lambda r: check_in_transitions.leave(
        r, r.end, POLICY, BY_READER, r.start
    ),
    ReservationEvent.RETURN: lambda r: check_in_transitions.return_from_leave(
        r, PROOF, POLICY, BY_READER, r.start
    ),
    ReservationEvent.FINISH: lambda r: check_in_transitions.finish(r, BY_READER, r.start),
    ReservationEvent.EXTEND: lambda r: check_in_transitions.renew(
        ZONE, r, r.end + timedelta(hours=1), POLICY, BY_READER, r.start
    ),
    ReservationEvent.SHORTEN: lambda r: check_in_transitions.shorten(
        ZONE, r, r.end - timedelta(hours=1), POLICY, BY_READER, r.start
    ),
    ReservationEvent.COMPLETE: lambda r: check_in_transitions.complete(r, BY_JOB),
    ReservationEvent.EXPIRE_LEAVE: lambda r: check_in_transitions.expire_leave(
        but(r, return_by=r.end), BY_JOB
    ),
    ReservationEvent.ACCEPT: lambda r: transitions.accept(r, 1, POLICY, BY_READER, r.start),
    ReservationEvent.EXPIRE_OFFER: lambda r: transitions.expire_offer(r, BY_JOB, r.start),
}


@pytest.mark.parametrize("state", ReservationState)
@pytest.mark.parametrize("event", ReservationEvent)
def test_only_transitions_of_the_table_are_possible(
    state: ReservationState, event: ReservationEvent
) -> None:
    old = but(reserved(), state=state)
    if (state, event) not in TRANSITIONS:
        with pytest.raises(WrongState) as refusal:
            STEPS[event](old)
        assert refusal.value.details == {"state": state.value}
        return
    new = STEPS[event](old)
    assert new.state is TRANSITIONS[state, event]
    assert new.rev == old.rev + 1 and new.history[-1].event == event.value


def test_every_state_is_either_live_or_terminal() -> None:
    assert {
        ReservationState.RESERVED,
        ReservationState.IN_USE,
        ReservationState.AWAY,
        ReservationState.OFFERED,
    } == LIVE and CHECKED_IN_STATES < LIVE
    assert {target for target in TRANSITIONS.values()} == set(ReservationState) - {
        ReservationState.OFFERED
    }


def test_the_documented_diagram_matches_the_transition_table() -> None:
    diagram = re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", BOOKING_PAGE.read_text(), re.S)
    arrows = re.findall(r"^ *(\S+) --> (\S+?)(?:: (\w+))?$", "".join(diagram), re.M)
    inner = {(a, e): b for a, b, e in arrows if "[*]" not in (a, b)}
    assert inner == {(s.value, e.value): to.value for (s, e), to in TRANSITIONS.items()}
    assert {a for a, b, _ in arrows if b == "[*]"} == {state.value for state in TERMINAL}
    begins = [(b, e) for a, b, e in arrows if a == "[*]"]
    assert begins == [("reserved", "reserve"), ("offered", "hold")]
    assert len(arrows) == len(TRANSITIONS) + len(TERMINAL) + 2, "each arrow once"


@pytest.mark.parametrize(
    ("made", "start", "end", "until", "excused"),
    [
        ("08:00", "14:00", "16:00", "14:30", False),
        ("14:10:20", "14:10", "16:00", "14:40:20", False),
        ("14:00:40", "14:00", "16:00", "14:30:40", False),
        ("08:00", "22:00", "22:30", "22:30", False),
        ("15:30", "15:30", "16:00", "16:00", False),
        ("15:30:01", "15:30", "16:00", "16:00", True),
        ("15:50", "15:50", "16:00", "16:00", True),
    ],
)
def test_the_check_in_window_of_a_booking(
    made: str, start: str, end: str, until: str, excused: bool
) -> None:
    r = reserved(start, end, made=made)
    assert (r.check_in_from, r.check_in_until) == (r.start - timedelta(minutes=30), on(until))
    assert r.penalty_waived is excused


@pytest.mark.parametrize(
    ("r", "remind_at"),
    [
        (reserved(), "14:00"),
        (reserved("14:10", "16:00", made="14:10:20"), None),
        (in_use(), "15:40"),
        (in_use(reserved("15:50", "16:00", made="15:50:20"), on("15:51")), None),
        (away(), "14:50"),
        (check_in_transitions.leave(in_use(), on("14:09"), POLICY, BY_READER, on("14:00")), None),
        (
            check_in_transitions.return_from_leave(away(), PROOF, POLICY, BY_READER, on("14:40")),
            "15:40",
        ),
        (check_in_transitions.finish(in_use(), BY_READER, on("15:00")), None),
        (transitions.cancel(reserved(), BY_READER, on("09:00")), None),
    ],
)
def test_the_next_reminder_of_a_booking(r: Reservation, remind_at: str | None) -> None:
    assert r.remind_at == (on(remind_at) if remind_at else None)


@pytest.mark.parametrize(
    ("r", "event"),
    [(reserved(), "check_in_reminder"), (in_use(), "ending_soon"), (away(), "leave_reminder")],
)
def test_a_reminder_is_queued_once(r: Reservation, event: str) -> None:
    assert r.remind_at is not None
    reminded = transitions.remind(r, r.remind_at)
    assert (reminded.outbox[-1].event, reminded.outbox[-1].seq, reminded.remind_at) == (
        event,
        reminded.rev,
        None,
    )
    assert (
        reminded.state is r.state and reminded.history == r.history and reminded.claims == r.claims
    )


def test_deadline_effects_are_dated_at_the_deadline() -> None:
    missed = check_in_transitions.mark_no_show(reserved(), BY_JOB)
    timed_out = check_in_transitions.expire_leave(away(), BY_JOB)
    completed = check_in_transitions.complete(in_use(), BY_JOB)
    ends = [(r.ended_at, r.outbox[-1].at, r.history[-1].at) for r in (missed, timed_out, completed)]
    assert ends == [(on(t),) * 3 for t in ("14:30", "15:00", "16:00")]
    assert completed.carry_over_at == on("16:00")
    assert check_in_transitions.complete(away(), BY_JOB).carry_over_at is None, (
        "who is away is not carried over"
    )


def test_an_early_check_in_records_from_when_the_seat_is_available() -> None:
    assert in_use(when=on("13:40")).available_from == on("13:40")
    occupied = check_in_transitions.check_in(
        ZONE, reserved(), PROOF, POLICY, BY_READER, on("13:40"), early=False
    )
    assert (occupied.available_from, occupied.checked_in_at) == (on("14:00"), on("13:40"))


def test_an_outage_extends_a_deadline_and_waives_its_penalty() -> None:
    outage = TimeRange(on("14:20"), on("14:45"))
    waits = outage_transitions.extend_deadline(reserved(), outage)
    assert (waits.check_in_until, waits.penalty_waived) == (on("14:55"), True)
    gone = outage_transitions.extend_deadline(away(), TimeRange(on("14:50"), on("15:20")))
    assert (gone.return_by, gone.penalty_waived) == (on("15:30"), True)
    # It excuses that deadline, and no later one.
    assert not check_in_transitions.return_from_leave(
        gone, PROOF, POLICY, BY_READER, on("15:20")
    ).penalty_waived
    arrived = check_in_transitions.check_in(
        ZONE, waits, PROOF, POLICY, BY_READER, on("14:50"), early=False
    )
    assert not arrived.penalty_waived
    capped = outage_transitions.extend_deadline(away(), TimeRange(on("14:50"), on("17:00")))
    assert capped.return_by == on("16:00")
    assert waits.history[-1].event == "outage" and waits.rev == reserved().rev + 1


@pytest.mark.parametrize(
    ("lasted", "due", "more"),
    [
        # Seconds: how long it lasted, when the deadline was after its end, how much it moves.
        (8, -9, None),
        (12, -12, None),
        (12, -9, 69),
        (50, -30, 90),
        (121, -30, 121),
        (1200, -30, 1200),
        (50, 0, 60),
        (50, 30, 30),
        (50, 60, 0),
        (50, 61, None),
    ],
)
def test_a_deadline_during_or_right_after_an_outage_is_extended(
    lasted: int, due: int, more: int | None
) -> None:
    for r, deadline in ((reserved(), on("14:30")), (away(), on("15:00"))):
        end = deadline - timedelta(seconds=due)
        outage = TimeRange(end - timedelta(seconds=lasted), end)
        assert outage_transitions.falls_into(r, outage) is (more is not None)
        if more is not None:
            moved = outage_transitions.extend_deadline(r, outage)
            now = moved.check_in_until if r.return_by is None else moved.return_by
            assert now == deadline + timedelta(seconds=more)
            assert not outage_transitions.falls_into(moved, outage), "once"


def test_the_time_a_reader_had_the_seat() -> None:
    booked, sat = reserved(), in_use(when=on("14:05"))
    early = in_use(when=on("13:40"))
    rest = on_seat(sat, "2f-hall-066", hours("15:00", "16:00"))
    moved = transitions.move_seat(sat, rest, actor=BY_READER, now=on("15:00"))
    left = check_in_transitions.finish(sat, BY_READER, on("15:10"))
    missed = check_in_transitions.mark_no_show(booked, BY_JOB)
    for r, held, used in (
        (booked, ("14:00", "16:00"), None),
        (sat, ("14:00", "16:00"), ("14:05", None)),
        (early, ("13:40", "16:00"), ("13:40", None)),
        (left, ("14:00", "15:10"), ("14:05", "15:10")),
        (moved, ("15:00", "16:00"), ("15:00", None)),
        (missed, ("14:00", "14:30"), None),
        (transitions.cancel(booked, BY_READER, on("14:10")), ("14:00", "14:10"), None),
        (transitions.cancel(booked, BY_READER, on("09:00")), None, None),
    ):
        was = r.held
        assert (held is None) is (was is None), r
        if held is not None and was is not None:
            assert (was.start, was.end) == (on(held[0]), on(held[1])), r
        times = (on(used[0]), on(used[1]) if used[1] else None) if used else None
        assert r.used == times, r
