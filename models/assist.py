"""What a reader's passages through the gates make of a reservation, whatever order they came in.

Not one step for each passage: the reservation is taken back to what its reader (or time) last did
with it, and all passages since are laid on that in the order of their own times. So a passage that
is told late, twice, or by two workers at once leads to the same reservation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from models.claims import presence_claim
from models.gate import Direction, Effect, Passage
from models.policy import Policy
from models.reservation import (
    LIVE,
    TRANSITIONS,
    Assisted,
    Entry,
    Event,
    Notice,
    Reservation,
    State,
    facts_of,
    leave_limit,
    reminder_of,
)

GATE: Final = "gate"
"""Who acts, in the history."""
_NO_ACTS: Final = frozenset({"outage", "doubt", "resolve"})
"""What others did to it: no word of its reader's."""
_TELLS: Final[Mapping[Effect, str]] = {
    Effect.CHECK_IN: "checked_in",
    Effect.LEAVE: "left",
    Effect.RETURN: "returned",
}


@dataclass(slots=True)
class _Course:
    """A reservation's way so far, as its history tells it."""

    state: State = State.RESERVED
    since: datetime | None = None
    checked_in_at: datetime | None = None
    left_at: datetime | None = None
    returned_at: datetime | None = None
    left_by_gate: bool = False

    def go(self, entry: Entry) -> None:
        if entry.event not in _EVENTS:
            return
        event = Event(entry.event)
        self.state = TRANSITIONS.get((self.state, event), self.state)
        if event is Event.CHECK_IN:
            self.checked_in_at = entry.at
        elif event is Event.LEAVE:
            self.left_at, self.returned_at = entry.at, None
            self.left_by_gate = entry.by == GATE
        elif event is Event.RETURN:
            self.returned_at = entry.at


_EVENTS: Final = frozenset(event.value for event in Event)


def assist(
    r: Reservation,
    policy: Policy,
    passages: Sequence[Passage],
    free_from: datetime | None,
    told: datetime,
    now: datetime,
) -> tuple[Reservation, Mapping[str, Effect]]:
    """The reservation as the passages make it, and what each of them did that belongs to it. The
    very same reservation where nothing changes.

    Args:
        r: live, of the reader whose ``passages`` of the day these are (late ones left out).
        free_from: when the reader's stay at another seat ended; nobody checks in at two.
        told: until when all passages are known.
    """
    own = _own(r.history)
    course = _Course()
    for entry in own:
        course.go(entry)
    # A change or extension keeps what stood before it; the last act is what passages come after.
    last_act = own[-1].at
    passed = sorted(passages, key=lambda p: (p.at, p.id))
    entries, effects = _laid_on(r, policy, course, passed, last_act, free_from, told)
    if course.state is State.RESERVED and r.state is not State.RESERVED:
        return r, effects  # what was told to the reader is not taken back
    return _moved(r, policy, course, own, entries, now), effects


def _own(history: Sequence[Entry]) -> Sequence[Entry]:
    """The history up to the last thing that was not a gate's doing."""
    for length in range(len(history), 1, -1):
        last = history[length - 1]
        if last.by != GATE and last.event not in _NO_ACTS:
            return history[:length]
    return history[:1]


def _laid_on(
    r: Reservation,
    policy: Policy,
    course: _Course,
    passed: Sequence[Passage],
    last_act: datetime,
    free_from: datetime | None,
    told: datetime,
) -> tuple[list[Entry], dict[str, Effect]]:
    entries: list[Entry] = []
    effects: dict[str, Effect] = {}

    def act(event: Event, when: datetime, via: str) -> None:
        entry = Entry(when, event.value, GATE, via)
        course.go(entry)
        entries.append(entry)

    begin = last_act
    if course.state is State.RESERVED:
        begin = max(t for t in (r.check_in_from, r.since, free_from) if t is not None)
        if begin <= min(told, r.check_in_until) and begin < r.end and _inside(passed, begin):
            act(Event.CHECK_IN, begin, "inside")
    for p in passed:
        if p.at <= begin:
            continue
        effect = _effect(r, policy, course, p) if p.at < r.end else Effect.NONE
        if effect is not Effect.NONE:
            act(Event(effect.value), p.at, p.gate_id)
        effects[p.id] = effect
    return entries, effects


def _effect(r: Reservation, policy: Policy, course: _Course, p: Passage) -> Effect:
    goes_in = p.direction is Direction.IN
    match course.state:
        case State.RESERVED if goes_in and p.at <= r.check_in_until:
            return Effect.CHECK_IN
        case State.IN_USE if not goes_in:
            return Effect.LEAVE
        case State.AWAY if goes_in and p.at <= _return_by(r, policy, course):
            return Effect.RETURN
        case State.AWAY if course.left_by_gate and p.at <= _return_by(r, policy, course):
            # They must have come in unseen: the leave begins now.
            course.state = State.IN_USE
            return Effect.LEAVE
    return Effect.NONE


def _inside(passed: Iterable[Passage], when: datetime) -> bool:
    last = None
    for p in passed:
        if p.at > when:
            break
        last = p
    return last is not None and last.direction is Direction.IN


def left_unseen(r: Reservation, passages: Iterable[Passage]) -> bool:
    """Did the reader of this completed reservation leave before its end, as passages that came
    later say?"""
    acts = [e.at for e in r.history if e.by != GATE and e.event not in _NO_ACTS | {"complete"}]
    since = [p for p in passages if max(acts) < p.at < r.end]
    return bool(since) and max(since, key=lambda p: (p.at, p.id)).direction is Direction.OUT


def _return_by(r: Reservation, policy: Policy, course: _Course) -> datetime:
    assert course.left_at is not None
    if r.state is State.AWAY and r.left_at == course.left_at and r.return_by is not None:
        return r.return_by  # an outage may have moved it
    return min(course.left_at + leave_limit(policy, course.left_at), r.end)


def _moved(
    r: Reservation,
    policy: Policy,
    course: _Course,
    own: Sequence[Entry],
    entries: Sequence[Entry],
    now: datetime,
) -> Reservation:
    assert course.state in LIVE
    kept = [e for e in r.history[len(own) :] if e.by != GATE]
    history = (*own, *sorted([*entries, *kept], key=lambda e: e.at))
    if history == r.history:
        return r
    assisted = r.assisted
    if entries:
        assisted = Assisted(Effect(entries[-1].event).value, entries[-1].at)
    away = course.state is State.AWAY
    new = replace(
        r,
        rev=r.rev + 1,
        state=course.state,
        checked_in_at=course.checked_in_at,
        usable_from=r.usable_from if r.checked_in_at == course.checked_in_at else r.start,
        left_at=course.left_at,
        return_by=_return_by(r, policy, course) if away else None,
        returned_at=course.returned_at,
        assisted=assisted,
        prove_by=r.prove_by if course.state is r.state else None,
        claims=_with_presence(r, course.state),
        history=history,
    )
    new = replace(new, remind_at=reminder_of(new, policy, now))
    if assisted == r.assisted or assisted is None:
        return new
    notice = Notice(new.rev, _TELLS[Effect(assisted.kind)], assisted.at, facts_of(new))
    return replace(new, outbox=(*r.outbox, notice))


def _with_presence(r: Reservation, state: State) -> tuple[str, ...]:
    claim = presence_claim(r.reader_id)
    if state is State.RESERVED or claim in r.claims:
        return r.claims
    return (*r.claims, claim)
