"""A reservation under any sequence of actions: a property test of rules and transitions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from models.check_in import allowed_actions
from models.check_in import rules as check_in_rules
from models.check_in import transitions as check_in_transitions
from models.kernel.errors import RuleViolation, WrongState
from models.kernel.time_range import TimeRange
from models.library.entities import SeatId
from models.outages import transitions as outage_transitions
from models.policy.entities import OpeningRule, Policy
from models.policy.open_hours import OpenHours, open_hours
from models.reservations import rules, transitions
from models.reservations.claims import idempotency_claim, slot_claims
from models.reservations.entities import IdempotentResult, Reservation
from models.reservations.rules import TimeSelection
from models.reservations.state_machine import (
    CHECKED_IN_STATES,
    LIVE,
    TERMINAL,
    TRANSITIONS,
    ReservationEvent,
    ReservationState,
)
from tests.builders import AREA, BY_JOB, BY_READER, PROOF, VENUE, ZHANG, ZONE, on, reserved
from tests.unit.reservation_changes import POLICY, changed


class Life(RuleBasedStateMachine):
    """A reservation, a clock that only runs forward, and every action at any time.

    An action first asks its rule, as the services do. A refused action changes nothing.
    """

    r: Reservation
    now: datetime
    later = timedelta()
    """So much later the library opens and closes, and all of it happens."""
    policy = POLICY

    def clock(self, text: str) -> time:
        return ZONE.local(on(text) + self.later).time()

    @property
    def place(self) -> OpenHours:
        return open_hours(ZONE, self.policy, ZONE.day(self.now), VENUE, AREA)

    @initialize(
        start=st.integers(7, 22), length=st.integers(1, 4), at_once=st.booleans(),
        minute=st.integers(0, 49), second=st.integers(0, 59),
    )  # fmt: skip
    def book(self, start: int, length: int, at_once: bool, minute: int, second: int) -> None:
        self.now = on("07:00") if not at_once else on(f"{start:02}:{min(minute, 19):02}")
        self.now += timedelta(seconds=second) + self.later
        end = self.clock(f"{start + length:02}:00" if start + length < 23 else "22:30")
        at_once |= start == 7
        begin = self.now if at_once else on(f"{start:02}:00") + self.later
        day = ZONE.day(begin)
        wish = TimeSelection(day, None if at_once else ZONE.local(begin).time(), end)
        place = open_hours(ZONE, self.policy, day, VENUE, AREA)
        span = rules.resolve_time(
            ZONE, wish, replace(self.policy, max_minutes=300), place, self.now
        )
        first = f"{ZONE.local(span.start):%H:%M:%S}"
        self.r = reserved(
            first, f"{ZONE.local(span.end):%H:%M}", made=f"{ZONE.local(self.now):%H:%M:%S}",
            day=day, made_on=ZONE.day(self.now),
        )  # fmt: skip
        self.events: list[str] = ["reserve"]

    def attempt(
        self, event: ReservationEvent, may: Callable[[], Any], step: Callable[[], Reservation]
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
        remaining = {c for c in old.claims if c.startswith(("i:", "k:"))}
        assert remaining <= set(new.claims)
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
        self.attempt(
            ReservationEvent.CHECK_IN,
            lambda: check_in_rules.may_check_in(r, now),
            lambda: check_in_transitions.check_in(
                ZONE, r, PROOF, POLICY, BY_READER, now, early=early
            ),
        )

    @rule()
    def cancel(self) -> None:
        self.attempt(
            ReservationEvent.CANCEL,
            lambda: rules.may_cancel(self.r, self.now),
            lambda: transitions.cancel(self.r, BY_READER, self.now),
        )

    @rule(seat=st.sampled_from(["2f-hall-065", "2f-hall-066"]), end=st.integers(8, 22))
    def change(self, seat: str, end: int) -> None:
        start = None if self.now > self.r.start else ZONE.local(self.r.start).time()
        self.attempt(
            ReservationEvent.CHANGE,
            lambda: rules.may_change(self.r, self.now),
            lambda: changed(
                self.r,
                SeatId(seat),
                rules.resolve_time(
                    ZONE,
                    TimeSelection(self.r.date, start, self.clock(f"{end:02}:00")),
                    self.policy,
                    open_hours(ZONE, self.policy, self.r.date, VENUE, AREA),
                    self.now,
                ),
                self.now,
            ),
        )

    @rule()
    def leave(self) -> None:
        self.attempt(
            ReservationEvent.LEAVE,
            lambda: None,
            lambda: check_in_transitions.leave(
                self.r,
                check_in_rules.decide_return_by(ZONE, self.r, POLICY, self.now),
                POLICY,
                BY_READER,
                self.now,
            ),
        )

    @rule()
    def return_from_leave(self) -> None:
        self.attempt(
            ReservationEvent.RETURN,
            lambda: check_in_rules.may_return(self.r, self.now),
            lambda: check_in_transitions.return_from_leave(
                self.r, PROOF, POLICY, BY_READER, self.now
            ),
        )

    @rule()
    def finish(self) -> None:
        self.attempt(
            ReservationEvent.FINISH,
            lambda: check_in_rules.may_finish(self.r, self.now),
            lambda: check_in_transitions.finish(self.r, BY_READER, self.now),
        )

    @rule(end=st.integers(8, 22))
    def extend(self, end: int) -> None:
        r = self.r

        def longer() -> Reservation:
            end_time = self.clock(f"{end:02}:00")
            new_end = check_in_rules.renewal_end(ZONE, r, end_time, POLICY, self.place, self.now)
            assert new_end > r.end
            return check_in_transitions.renew(ZONE, r, new_end, POLICY, BY_READER, self.now)

        self.attempt(ReservationEvent.EXTEND, lambda: None, longer)

    @rule(end=st.integers(8, 22))
    def shorten(self, end: int) -> None:
        r = self.r

        def sooner() -> Reservation:
            end_time = self.clock(f"{end:02}:00")
            new_end = check_in_rules.earlier_end(ZONE, r, end_time, POLICY, self.place, self.now)
            assert max(self.now, r.start) < new_end < r.end
            return check_in_transitions.shorten(ZONE, r, new_end, POLICY, BY_READER, self.now)

        self.attempt(ReservationEvent.SHORTEN, lambda: None, sooner)

    @precondition(lambda self: self.now >= self.r.check_in_until)
    @rule()
    def miss(self) -> None:
        self.attempt(
            ReservationEvent.MARK_NO_SHOW,
            lambda: None,
            lambda: check_in_transitions.mark_no_show(self.r, BY_JOB),
        )

    @precondition(lambda self: self.r.return_by is not None and self.r.return_by < self.r.end)
    @rule()
    def time_out(self) -> None:
        if self.r.return_by is not None and self.now >= self.r.return_by:
            self.attempt(
                ReservationEvent.EXPIRE_LEAVE,
                lambda: None,
                lambda: check_in_transitions.expire_leave(self.r, BY_JOB),
            )

    @precondition(lambda self: self.now >= self.r.end)
    @rule()
    def complete(self) -> None:
        self.attempt(
            ReservationEvent.COMPLETE,
            lambda: None,
            lambda: check_in_transitions.complete(self.r, BY_JOB),
        )

    @precondition(lambda self: self.r.remind_at is not None and self.r.remind_at <= self.now)
    @rule()
    def remind(self) -> None:
        assert self.r.remind_at is not None
        assert self.r.state in LIVE, "no reminder of what is over"
        self.r = transitions.remind(self.r, self.r.remind_at)
        self.events.append("")

    @precondition(lambda self: self.r.state in (ReservationState.RESERVED, ReservationState.AWAY))
    @rule(minutes=st.integers(3, 600))
    def outage(self, minutes: int) -> None:
        gap = TimeRange(self.now, self.now + timedelta(minutes=minutes))
        self.r = outage_transitions.extend_deadline(self.r, gap)
        self.events.append("outage")

    @rule()
    def remember_a_key(self) -> None:
        if self.r.state in LIVE and not self.r.idempotency_results:
            result = IdempotentResult("key", "digest", self.now)
            self.r = transitions.with_idempotency(self.r, result)
            assert idempotency_claim(ZHANG, "key") in self.r.claims

    @invariant()
    def every_revision_has_a_line(self) -> None:
        events = [entry.event for entry in self.r.history]
        assert events == [event for event in self.events if event]
        assert self.r.rev == len(self.events)

    @invariant()
    def deadlines_lie_within(self) -> None:
        r = self.r
        assert r.check_in_until <= r.end
        assert r.return_by is None or r.return_by <= r.end
        assert r.ended_at is None or r.ended_at <= r.end
        assert r.extensions <= POLICY.max_extensions
        assert (r.ended_at is None) == (r.state in LIVE)
        assert (r.state is ReservationState.AWAY) <= (r.return_by is not None)

    @invariant()
    def claims_fit_the_state(self) -> None:
        r = self.r
        held = {claim[:2] for claim in r.claims}
        assert ("s:" in held) == ("r:" in held) == (r.state in LIVE)
        assert ("u:" in held) == (r.state in CHECKED_IN_STATES)
        given_back = r.state is ReservationState.CANCELLED and (r.ended_at or r.end) < r.start
        assert ("n:" in held) == (not given_back)
        assert ("i:" in held) == bool(r.idempotency_results)
        assert len(set(r.claims)) == len(r.claims)
        if r.state in LIVE:
            assert set(slot_claims(ZONE, r.seat_id, r.reader_id, r.span)) <= set(r.claims)
        if r.available_from is not None and r.available_from < r.start and r.state in LIVE:
            sooner = TimeRange(r.available_from, r.start)
            assert set(slot_claims(ZONE, r.seat_id, r.reader_id, sooner)) <= set(r.claims)

    @invariant()
    def nothing_due_is_left_by_the_ends(self) -> None:
        if self.r.state in TERMINAL:
            assert self.r.remind_at is None
            assert allowed_actions.allowed_actions(ZONE, self.r, POLICY, self.now) == []


class NightLife(Life):
    """``Life`` with opening hours from 15:00 to 06:30, mostly over midnight."""

    later = timedelta(hours=8)
    policy = Policy(opening=(OpeningRule(time(15), time(6, 30)),))

    @invariant()
    def stays_on_its_day(self) -> None:
        assert self.r.date == ZONE.day(self.r.start)


NightLife.TestCase.settings = settings(max_examples=75, stateful_step_count=25, deadline=None)
TestNightLife = NightLife.TestCase
Life.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestLife = Life.TestCase
