"""The states: the one table, the diagram that shows it, and what holds on every way through it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from models import reservation, rules
from models.claims import idempotency_claim, place_claims, presence_claim
from models.errors import RuleViolation, WrongState
from models.library import SeatId
from models.policy import Policy
from models.reservation import (
    LIVE,
    PRESENT,
    TERMINAL,
    TRANSITIONS,
    Event,
    Replay,
    Reservation,
    State,
)
from models.rules import Wish
from models.timerange import TimeRange, local
from tests.builders import (
    AREA,
    BY_JOB,
    BY_READER,
    MONDAY,
    VENUE,
    ZHANG,
    away,
    but,
    in_use,
    on,
    reserved,
)

POLICY: Final = Policy()
PLACE: Final = POLICY.open_day(MONDAY, VENUE, AREA)
BOOKING_PAGE: Final = Path(__file__).parents[2] / "docs" / "booking.md"

STEPS: Final[dict[Event, Callable[[Reservation], Reservation]]] = {
    Event.CHECK_IN: lambda r: reservation.check_in(
        r, presence_claim(ZHANG), (), POLICY, BY_READER, r.start
    ),
    Event.CANCEL: lambda r: reservation.cancel(r, BY_READER, r.start),
    Event.CHANGE: lambda r: changed(r, SeatId("2f-hall-066"), r.span, r.made_at),
    Event.MISS: lambda r: reservation.miss(r, BY_JOB),
    Event.LEAVE: lambda r: reservation.leave(r, r.end, POLICY, BY_READER, r.start),
    Event.RETURN: lambda r: reservation.come_back(r, POLICY, BY_READER, r.start),
    Event.FINISH: lambda r: reservation.finish(r, BY_READER, r.start),
    Event.EXTEND: lambda r: reservation.extend(
        r, r.end + timedelta(hours=1), r.claims, POLICY, BY_READER, r.start
    ),
    Event.COMPLETE: lambda r: reservation.complete(r, BY_JOB),
    Event.TIME_OUT: lambda r: reservation.time_out(but(r, return_by=r.end), BY_JOB),
    Event.ACCEPT: lambda r: reservation.accept(r, "n:x", POLICY, BY_READER, r.start),
    Event.LAPSE: lambda r: reservation.lapse(r, BY_JOB, r.start),
}


def changed(r: Reservation, seat: SeatId, span: TimeRange, now: datetime) -> Reservation:
    return reservation.change(
        r,
        area_id=AREA,
        seat_id=seat,
        span=span,
        policy=POLICY,
        claims=r.holds("s:", "r:") + place_claims(seat, r.reader_id, span),
        actor=BY_READER,
        now=now,
    )


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_only_the_tables_transitions_exist(state: State, event: Event) -> None:
    old = but(reserved(), state=state)
    if (state, event) not in TRANSITIONS:
        with pytest.raises(WrongState) as refusal:
            STEPS[event](old)
        assert refusal.value.details == {"state": state.value}
        return
    new = STEPS[event](old)
    assert new.state is TRANSITIONS[state, event]
    assert new.rev == old.rev + 1 and new.history[-1].event == event.value


def test_live_and_terminal_share_the_states() -> None:
    assert {State.RESERVED, State.IN_USE, State.AWAY, State.HELD} == LIVE and PRESENT < LIVE
    assert {target for target in TRANSITIONS.values()} == set(State) - {State.HELD}


def test_the_diagram_in_the_docs_is_the_table() -> None:
    diagram = re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", BOOKING_PAGE.read_text(), re.S)
    arrows = re.findall(r"^ *(\S+) --> (\S+?)(?:: (\w+))?$", "".join(diagram), re.M)
    inner = {(a, e): b for a, b, e in arrows if "[*]" not in (a, b)}
    assert inner == {(s.value, e.value): to.value for (s, e), to in TRANSITIONS.items()}
    assert {a for a, b, _ in arrows if b == "[*]"} == {state.value for state in TERMINAL}
    begins = [(b, e) for a, b, e in arrows if a == "[*]"]
    assert begins == [("reserved", "reserve"), ("held", "hold")]
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
def test_check_in_window(made: str, start: str, end: str, until: str, excused: bool) -> None:
    r = reserved(start, end, made=made)
    assert (r.check_in_from, r.check_in_until) == (r.start - timedelta(minutes=30), on(until))
    assert r.excused is excused


@pytest.mark.parametrize(
    ("r", "remind_at"),
    [
        (reserved(), "14:00"),
        (reserved("14:10", "16:00", made="14:10:20"), None),
        (in_use(), "15:40"),
        (in_use(reserved("15:50", "16:00", made="15:50:20"), on("15:51")), None),
        (away(), "14:50"),
        (reservation.leave(in_use(), on("14:09"), POLICY, BY_READER, on("14:00")), None),
        (reservation.come_back(away(), POLICY, BY_READER, on("14:40")), "15:40"),
        (reservation.finish(in_use(), BY_READER, on("15:00")), None),
        (reservation.cancel(reserved(), BY_READER, on("09:00")), None),
    ],
)
def test_next_reminder(r: Reservation, remind_at: str | None) -> None:
    assert r.remind_at == (on(remind_at) if remind_at else None)


@pytest.mark.parametrize(
    ("r", "event"),
    [(reserved(), "check_in_reminder"), (in_use(), "ending_soon"), (away(), "leave_reminder")],
)
def test_a_reminder_is_told_once(r: Reservation, event: str) -> None:
    assert r.remind_at is not None
    told = reservation.remind(r, r.remind_at)
    assert (told.outbox[-1].event, told.outbox[-1].seq, told.remind_at) == (event, told.rev, None)
    assert told.state is r.state and told.history == r.history and told.claims == r.claims


def test_effects_carry_the_instant_when_they_were_due() -> None:
    missed = reservation.miss(reserved(), BY_JOB)
    timed_out = reservation.time_out(away(), BY_JOB)
    completed = reservation.complete(in_use(), BY_JOB)
    ends = [(r.ended_at, r.outbox[-1].at, r.history[-1].at) for r in (missed, timed_out, completed)]
    assert ends == [(on(t),) * 3 for t in ("14:30", "15:00", "16:00")]
    assert completed.carry_at == on("16:00")
    assert reservation.complete(away(), BY_JOB).carry_at is None, "who is away is not carried over"


def test_early_check_in_says_from_when_the_seat_may_be_used() -> None:
    assert in_use(when=on("13:40")).usable_from == on("13:40")
    occupied = reservation.check_in(
        reserved(), presence_claim(ZHANG), (), POLICY, BY_READER, on("13:40")
    )
    assert (occupied.usable_from, occupied.checked_in_at) == (on("14:00"), on("13:40"))


def test_downtime_moves_the_deadline_and_excuses() -> None:
    outage = TimeRange(on("14:20"), on("14:45"))
    waits = reservation.forgive_outage(reserved(), outage)
    assert (waits.check_in_until, waits.excused) == (on("14:55"), True)
    gone = reservation.forgive_outage(away(), TimeRange(on("14:50"), on("15:20")))
    assert (gone.return_by, gone.excused) == (on("15:30"), True)
    # It excuses that deadline, and no later one.
    assert not reservation.come_back(gone, POLICY, BY_READER, on("15:20")).excused
    arrived = reservation.check_in(waits, presence_claim(ZHANG), (), POLICY, BY_READER, on("14:50"))
    assert not arrived.excused
    capped = reservation.forgive_outage(away(), TimeRange(on("14:50"), on("17:00")))
    assert capped.return_by == on("16:00")
    assert waits.history[-1].event == "outage" and waits.rev == reserved().rev + 1


class Life(RuleBasedStateMachine):
    """One reservation, a clock that only runs forward, and every verb at any time.

    A verb first asks its rule, as the use cases do. Refused, nothing has changed.
    """

    r: Reservation
    now: datetime

    @initialize(
        start=st.integers(7, 22), length=st.integers(1, 4), at_once=st.booleans(),
        minute=st.integers(0, 49), second=st.integers(0, 59),
    )  # fmt: skip
    def book(self, start: int, length: int, at_once: bool, minute: int, second: int) -> None:
        self.now = on("07:00") if not at_once else on(f"{start:02}:{min(minute, 19):02}")
        self.now += timedelta(seconds=second)
        end = time(start + length) if start + length < 23 else time(22, 30)
        wish = Wish(MONDAY, None if at_once or start == 7 else time(start), end)
        span = rules.decide_span(wish, Policy(max_minutes=300), PLACE, self.now)
        first = f"{local(span.start):%H:%M:%S}"
        self.r = reserved(first, f"{local(span.end):%H:%M}", made=f"{local(self.now):%H:%M:%S}")
        self.events: list[str] = ["reserve"]

    def attempt(
        self, event: Event, may: Callable[[], Any], step: Callable[[], Reservation]
    ) -> None:
        old = self.r
        try:
            may()
            new = step()
        except (RuleViolation, WrongState):
            return
        assert new.state is TRANSITIONS[old.state, event], "nothing happens beside the table"
        assert old.state not in TERMINAL, "an end is an end"
        assert new.rev == old.rev + 1
        assert len(new.history) == len(old.history) + 1 and new.history[:-1] == old.history
        assert new.outbox[: len(old.outbox)] == old.outbox
        assert all(notice.seq == new.rev for notice in new.outbox[len(old.outbox) :])
        kept = {c for c in old.claims if c.startswith(("i:", "k:"))}
        assert kept <= set(new.claims)
        self.r = new
        self.events.append(event.value)

    @rule(minutes=st.sampled_from([0, 1, 9, 10, 29, 30, 31, 60, 119]), seconds=st.integers(0, 59))
    def wait(self, minutes: int, seconds: int) -> None:
        self.now += timedelta(minutes=minutes, seconds=seconds)

    @rule()
    def wait_for_the_next_deadline(self) -> None:
        r = self.r
        ahead = [r.check_in_from, r.start, r.check_in_until, r.return_by, r.remind_at, r.end]
        self.now = min((t for t in ahead if t and t > self.now), default=self.now)

    @rule(early=st.booleans())
    def check_in(self, early: bool) -> None:
        r, now = self.r, self.now
        sooner: tuple[str, ...] = ()
        if early and now < r.start:
            sooner = place_claims(r.seat_id, r.reader_id, TimeRange(now, r.start))
        self.attempt(
            Event.CHECK_IN,
            lambda: rules.may_check_in(r, now),
            lambda: reservation.check_in(
                r, presence_claim(r.reader_id), sooner, POLICY, BY_READER, now
            ),
        )

    @rule()
    def cancel(self) -> None:
        self.attempt(
            Event.CANCEL,
            lambda: rules.may_cancel(self.r, self.now),
            lambda: reservation.cancel(self.r, BY_READER, self.now),
        )

    @rule(seat=st.sampled_from(["2f-hall-065", "2f-hall-066"]), end=st.integers(8, 22))
    def change(self, seat: str, end: int) -> None:
        start = None if self.now > self.r.start else local(self.r.start).time()
        self.attempt(
            Event.CHANGE,
            lambda: rules.may_change(self.r, self.now),
            lambda: changed(
                self.r,
                SeatId(seat),
                rules.decide_span(Wish(MONDAY, start, time(end)), POLICY, PLACE, self.now),
                self.now,
            ),
        )

    @rule()
    def leave(self) -> None:
        self.attempt(
            Event.LEAVE,
            lambda: None,
            lambda: reservation.leave(
                self.r,
                rules.decide_return_by(self.r, POLICY, self.now),
                POLICY,
                BY_READER,
                self.now,
            ),
        )

    @rule()
    def come_back(self) -> None:
        self.attempt(
            Event.RETURN,
            lambda: rules.may_return(self.r, self.now),
            lambda: reservation.come_back(self.r, POLICY, BY_READER, self.now),
        )

    @rule()
    def finish(self) -> None:
        self.attempt(
            Event.FINISH,
            lambda: rules.may_finish(self.r, self.now),
            lambda: reservation.finish(self.r, BY_READER, self.now),
        )

    @rule(end=st.integers(8, 22))
    def extend(self, end: int) -> None:
        r = self.r

        def longer() -> Reservation:
            new_end = rules.decide_extension(r, time(end), POLICY, PLACE, self.now)
            assert new_end > r.end
            more = place_claims(r.seat_id, r.reader_id, TimeRange(r.end, new_end))
            claims = tuple(dict.fromkeys((*r.claims, *more)))
            return reservation.extend(r, new_end, claims, POLICY, BY_READER, self.now)

        self.attempt(Event.EXTEND, lambda: None, longer)

    @precondition(lambda self: self.now >= self.r.check_in_until)
    @rule()
    def miss(self) -> None:
        self.attempt(Event.MISS, lambda: None, lambda: reservation.miss(self.r, BY_JOB))

    @precondition(lambda self: self.r.return_by is not None and self.r.return_by < self.r.end)
    @rule()
    def time_out(self) -> None:
        if self.r.return_by is not None and self.now >= self.r.return_by:
            self.attempt(Event.TIME_OUT, lambda: None, lambda: reservation.time_out(self.r, BY_JOB))

    @precondition(lambda self: self.now >= self.r.end)
    @rule()
    def complete(self) -> None:
        self.attempt(Event.COMPLETE, lambda: None, lambda: reservation.complete(self.r, BY_JOB))

    @precondition(lambda self: self.r.remind_at is not None and self.r.remind_at <= self.now)
    @rule()
    def remind(self) -> None:
        assert self.r.remind_at is not None
        assert self.r.state in LIVE, "no reminder of what is over"
        self.r = reservation.remind(self.r, self.r.remind_at)
        self.events.append("")

    @precondition(lambda self: self.r.state in (State.RESERVED, State.AWAY))
    @rule(minutes=st.integers(3, 600))
    def outage(self, minutes: int) -> None:
        gap = TimeRange(self.now, self.now + timedelta(minutes=minutes))
        self.r = reservation.forgive_outage(self.r, gap)
        self.events.append("outage")

    @rule()
    def remember_a_key(self) -> None:
        if self.r.state in LIVE and not self.r.replays:
            claim = idempotency_claim(ZHANG, "key")
            self.r = reservation.with_replay(self.r, Replay("key", "digest", self.now), claim)

    @invariant()
    def every_revision_has_a_line(self) -> None:
        told = [entry.event for entry in self.r.history]
        assert told == [event for event in self.events if event]
        assert self.r.rev == len(self.events)

    @invariant()
    def deadlines_lie_within(self) -> None:
        r = self.r
        assert r.check_in_until <= r.end
        assert r.return_by is None or r.return_by <= r.end
        assert r.ended_at is None or r.ended_at <= r.end
        assert r.extensions <= POLICY.max_extensions
        assert (r.ended_at is None) == (r.state in LIVE)
        assert (r.state is State.AWAY) <= (r.return_by is not None)

    @invariant()
    def claims_fit_the_state(self) -> None:
        r = self.r
        held = {claim[:2] for claim in r.claims}
        assert ("s:" in held) == ("r:" in held) == (r.state in LIVE)
        assert ("u:" in held) == (r.state in PRESENT)
        assert ("n:" in held) == (r.state is not State.CANCELLED)
        assert ("i:" in held) == bool(r.replays)
        assert len(set(r.claims)) == len(r.claims)
        if r.state in LIVE:
            assert set(place_claims(r.seat_id, r.reader_id, r.span)) <= set(r.claims)

    @invariant()
    def nothing_due_is_left_by_the_ends(self) -> None:
        if self.r.state in TERMINAL:
            assert self.r.remind_at is None
            assert rules.actions(self.r, POLICY, self.now) == []


Life.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestLife = Life.TestCase
