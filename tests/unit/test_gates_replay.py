"""The effect of gate events on a reservation: a table of days, and independence of their order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.check_in import transitions
from models.gates.entities import LATE_AFTER, Gate, complete_until
from models.gates.replay import derive_presence, left_before_end
from models.library.entities import VenueId
from models.reservations.entities import Reservation
from models.reservations.state_machine import ReservationState
from models.seat_reports import transitions as seat_reports_transitions
from tests.builders import BY_JOB, BY_READER, ZHANG, ZONE, away, in_use, on, reserved
from tests.gate_passages import ELSEWHERE, EVENING, GATE, HERE, POLICY, after, gate_event


def told_of(r: Reservation) -> str:
    """The state and the gate's last action, as in ``in_use check_in 13:40``."""
    if r.gate_assistance is None:
        return r.state.value
    at = r.gate_assistance.at.astimezone(on("08:00").tzinfo)
    return f"{r.state.value} {r.gate_assistance.kind} {at:%H:%M}"


def local(text: str) -> str:
    """Converts the table's local times to UTC."""
    words = text.split(" ")
    if len(words) == 3:
        words[2] = f"{on(words[2]):%H:%M}"
    return " ".join(words)


# A reservation of 14:00–16:00: checked in from 13:30 to 14:30.
@pytest.mark.parametrize(
    ("gate_events", "result"),
    [
        ([], "reserved"),
        (["in 13:40"], "in_use check_in 13:40"),
        (["in 13:30"], "in_use check_in 13:30"),
        (["in 14:30"], "in_use check_in 14:30"),
        (["in 14:31"], "reserved"),
        (["in 09:00"], "in_use check_in 13:30"),
        (["in 09:00", "out 13:29"], "reserved"),
        (["in 09:00", "out 13:30"], "reserved"),
        (["in 09:00", "out 13:31"], "away leave 13:31"),
        (["out 13:50"], "reserved"),
        (["in 13:40", "in 13:50"], "in_use check_in 13:40"),
        (["in 13:40", "out 14:50"], "away leave 14:50"),
        (["in 13:40", "out 14:50", "out 15:00"], "away leave 15:00"),
        (["in 13:40", "out 14:50", "in 15:20"], "in_use return 15:20"),
        (["in 13:40", "out 14:50", "in 15:21"], "away leave 14:50"),
        (["in 13:40", "out 15:50", "in 16:00"], "away leave 15:50"),
        (["in 13:40", "out 14:50", "in 15:10", "out 15:30"], "away leave 15:30"),
        (["in 15:59"], "reserved"),
    ],
)
def test_passages_of_a_reserved_booking_lead_to_the_listed_state(
    gate_events: list[str], result: str
) -> None:
    for order in permutations(gate_events):
        assert told_of(after(reserved(), *order)) == local(result), order


@pytest.mark.parametrize(
    ("r", "gate_events", "result"),
    [
        (in_use(), ["in 13:40"], "in_use"),
        (in_use(), ["in 14:10"], "in_use"),
        (in_use(), ["out 14:10"], "away leave 14:10"),
        (in_use(), ["out 13:50"], "in_use"),  # before the reader's own check-in
        (away(), ["out 14:32"], "away"),  # they pressed 暂离 and went
        (away(), ["out 14:32", "in 14:50"], "in_use return 14:50"),
        (away(), ["in 15:01"], "away"),  # too late for this leave
        (away(), ["out 14:32", "in 14:50", "out 15:10"], "away leave 15:10"),
    ],
)
def test_passages_do_not_override_the_readers_own_actions(
    r: Reservation, gate_events: list[str], result: str
) -> None:
    for order in permutations(gate_events):
        assert told_of(after(r, *order)) == local(result), order


@pytest.mark.parametrize(
    ("r", "gate_events", "result"),
    [
        (reserved(), ["in 13:40 east"], "reserved"),
        (reserved(), ["in 09:00 east"], "reserved"),
        (reserved(), ["in 13:40", "out 13:50 east"], "in_use check_in 13:40"),
        (reserved(), ["in 13:40 east", "in 13:50"], "in_use check_in 13:50"),
        (in_use(), ["out 14:10 east"], "in_use"),
        (away(), ["in 14:50 east"], "away"),
        (away(), ["out 14:32", "in 14:40 east", "in 14:50"], "in_use return 14:50"),
    ],
)
def test_passages_at_another_venues_gate_have_no_effect(
    r: Reservation, gate_events: list[str], result: str
) -> None:
    for order in permutations(gate_events):
        assert told_of(after(r, *order)) == local(result), order
    events = [gate_event(p) for p in gate_events]
    effects = derive_presence(ZONE, r, POLICY, events, HERE, None, EVENING, EVENING)[1]
    assert not any(event.id in effects for event in events if event.gate_id == ELSEWHERE)


def test_no_check_in_happens_before_the_gates_reports_are_complete() -> None:
    waiting = after(reserved(), "in 09:00", told="13:29")
    assert waiting.state is ReservationState.RESERVED
    assert after(waiting, "in 09:00", told="13:30").state is ReservationState.IN_USE


def test_a_gate_check_in_waits_for_the_end_of_another_stay() -> None:
    r = after(reserved(), "in 09:00", free_from="14:10")
    assert (r.state, r.checked_in_at) == (ReservationState.IN_USE, on("14:10"))
    assert after(reserved(), "in 09:00", free_from="14:31").state is ReservationState.RESERVED


def test_repeated_gate_events_change_nothing() -> None:
    once = after(reserved(), "in 13:40", "out 14:50")
    assert after(once, "out 14:50", "in 13:40") is once
    assert [e.event for e in once.history] == ["reserve", "check_in", "leave"]
    events = [n.event for n in once.outbox]
    assert events == ["booking_confirmed", "checked_in_before", "temporary_leave"], (
        "the reader is told how it stands, programs the check-in too"
    )
    assert "u:" + ZHANG in once.claims


def test_a_confirmation_or_own_action_settles_a_gate_assistance() -> None:
    r = after(reserved(), "in 13:40")
    assert r.pending_confirmation == "check_in"
    confirmed = transitions.confirm(r, BY_READER, on("14:00"))
    assert confirmed.pending_confirmation is None and confirmed.state is ReservationState.IN_USE
    left = transitions.leave(r, on("14:40"), POLICY, BY_READER, on("14:10"))
    assert left.pending_confirmation is None
    # Whatever a gate tells late of the time before their own word, their word stands.
    assert told_of(after(confirmed, "out 13:50")) == told_of(confirmed)
    assert after(left, "in 13:40", "out 14:05").left_at == on("14:10")
    assert told_of(after(confirmed, "out 14:05")) == local("away leave 14:05")


def test_actions_of_others_do_not_settle_a_gate_assistance() -> None:
    r = seat_reports_transitions.request_presence_check(
        ZONE, in_use(), on("14:40"), "d:x", BY_READER, on("14:20")
    )
    late = after(r, "out 14:10")
    assert (late.state, late.left_at, late.presence_due_at) == (
        ReservationState.AWAY,
        on("14:10"),
        None,
    )
    assert [e.event for e in late.history][-2:] == ["leave", "doubt"]
    assert after(late, "out 14:10") is late
    back = after(late, "out 14:10", "in 14:15")
    assert back.state is ReservationState.IN_USE and back.returned_at == on("14:15")


def test_an_unconfirmed_leave_is_no_violation() -> None:
    by_gate = after(in_use(), "out 14:10")
    assert transitions.expire_leave(by_gate, BY_JOB).penalty_waived
    agreed = transitions.confirm(by_gate, BY_READER, on("14:11"))
    assert not transitions.expire_leave(agreed, BY_JOB).penalty_waived


def test_replayed_passages_keep_a_return_deadline_extended_by_an_outage() -> None:
    by_gate = after(in_use(), "out 14:10")
    assert by_gate.return_by == on("14:40")
    moved = replace(by_gate, return_by=on("14:50"))
    assert after(moved, "out 14:10").return_by == on("14:50")
    assert after(moved, "out 14:10", "in 14:45").state is ReservationState.IN_USE


def test_a_reader_who_left_before_the_end_is_not_carried_over() -> None:
    done = transitions.complete(in_use(), BY_JOB)
    assert not left_before_end(done, [gate_event("in 13:40"), gate_event("out 13:59")])
    assert not left_before_end(done, [gate_event("out 14:10"), gate_event("in 14:20")])
    assert left_before_end(done, [gate_event("out 14:10")])
    assert not left_before_end(done, [gate_event("out 16:00")])


ways = st.sampled_from(["in", "out"])
minutes = st.integers(0, 200).map(lambda m: f"{(13 * 60 + m) // 60:02}:{(13 * 60 + m) % 60:02}")
days = st.lists(
    st.tuples(ways, minutes), min_size=1, max_size=7, unique_by=lambda passed: passed[1]
)


@given(days, st.randoms(use_true_random=False), st.sampled_from([reserved(), in_use(), away()]))
def test_gate_events_in_any_order_lead_to_the_same_state(
    day: list[tuple[str, str]], chance: object, r: Reservation
) -> None:
    """Each gate event arrives alone; all events before those still missing are known."""
    texts = [" ".join(passed) for passed in day]
    in_order = sorted(texts, key=lambda text: text.partition(" ")[2])
    shuffled = list(texts)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    ends = []
    for order in (in_order, shuffled):
        now, events_so_far = r, []
        for arrived in order:
            events_so_far.append(arrived)
            waiting = [gate_event(t).at for t in texts if t not in events_so_far]
            reported = min([*waiting, EVENING]) - timedelta(seconds=1)
            events = [gate_event(t) for t in events_so_far]
            now = derive_presence(ZONE, now, POLICY, events, HERE, None, reported, EVENING)[0]
        now = derive_presence(ZONE, now, POLICY, events, HERE, None, EVENING, EVENING)[0]
        ends.append(replace(now, rev=0, outbox=()))
    assert ends[0] == ends[1]


def test_deadlines_wait_for_late_gates_for_a_bounded_time() -> None:
    now = on("12:00")

    def gate(reported: str | None, seen: str | None) -> Gate:
        return Gate(
            GATE,
            VenueId("v"),
            "",
            on(seen) if seen else None,
            on(reported) if reported else None,
        )

    assert complete_until([], now) == now
    assert complete_until([gate(None, "11:59")], now) == now, "it does not say"
    assert complete_until([gate("11:57", "11:59"), gate("11:58", "11:59")], now) == on("11:57")
    assert complete_until([gate("11:00", "11:59")], now) == now - LATE_AFTER, "never for longer"
    assert complete_until([gate("11:30", "11:50")], now) == now, "it is silent"
