"""Derives a reservation's state from its reader's passages. The reservation is taken back to the
last entry of its history that is the reader's act or a deadline; later passages are applied in
order. The result is the same if a passage is reported late, twice, or to two workers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from models.check_in.rules import leave_duration
from models.gates.entities import Direction, GateEvent, GateId, PresenceEffect
from models.kernel.zone import Zone
from models.policy.entities import Policy
from models.reservations.claims import presence_claim
from models.reservations.entities import (
    GateAssistance,
    HistoryEntry,
    OutboxEvent,
    OutboxEventKind,
    Reservation,
)
from models.reservations.presence import PresenceMethod, PresenceProof
from models.reservations.state_machine import LIVE, TRANSITIONS, ReservationEvent, ReservationState
from models.reservations.transitions import facts_of, reminder_due_at

GATE: Final = "gate"
"""The actor of history entries that were caused by gates."""
_NO_ACTS: Final = frozenset({"outage", "doubt", "resolve", "reject", "unreached"})
"""Events in a reservation's history that are neither acts of the reader nor deadlines."""
_EVENT_KINDS: Final[Mapping[PresenceEffect, OutboxEventKind]] = {
    PresenceEffect.CHECK_IN: OutboxEventKind.CHECKED_IN,
    PresenceEffect.LEAVE: OutboxEventKind.TEMPORARY_LEAVE,
    PresenceEffect.RETURN: OutboxEventKind.RETURNED,
}


@dataclass(slots=True)
class _ReplayedPresence:
    """The state of the reservation after the history entries that were applied so far."""

    state: ReservationState = ReservationState.RESERVED
    since: datetime | None = None
    checked_in_at: datetime | None = None
    left_at: datetime | None = None
    returned_at: datetime | None = None
    left_by_gate: bool = False

    def go(self, entry: HistoryEntry) -> None:
        if entry.event not in _EVENTS:
            return
        event = ReservationEvent(entry.event)
        self.state = TRANSITIONS.get((self.state, event), self.state)
        if event is ReservationEvent.CHECK_IN:
            self.checked_in_at = entry.at
        elif event is ReservationEvent.LEAVE:
            self.left_at, self.returned_at = entry.at, None
            self.left_by_gate = entry.by == GATE
        elif event is ReservationEvent.RETURN:
            self.returned_at = entry.at


_EVENTS: Final = frozenset(event.value for event in ReservationEvent)


def derive_presence(
    zone: Zone,
    r: Reservation,
    policy: Policy,
    passages: Sequence[GateEvent],
    gates: Set[GateId],
    free_from: datetime | None,
    reported_until: datetime,
    now: datetime,
) -> tuple[Reservation, Mapping[str, PresenceEffect]]:
    """Applies passages to the reservation. Returns the reservation after them (``r`` itself if
    nothing changes) and the effect of each passage.

    `passages`: the reader's, without late ones. `gates`: ids of the venue's gates; passages of
    others are ignored. `free_from`: the end of the reader's stay at another seat, before which this
    reservation cannot be checked in. `reported_until`: all passages before this time are known.
    """
    own = _history_before_gates(r.history)
    course = _ReplayedPresence()
    for entry in own:
        course.go(entry)
    # Only passages after the reader's last act (also a change or an extension) count.
    last_act = own[-1].at
    passed = sorted((p for p in passages if p.gate_id in gates), key=lambda p: (p.at, p.id))
    entries, effects = _apply_events(
        zone, r, policy, course, passed, last_act, free_from, reported_until
    )
    if course.state is ReservationState.RESERVED and r.state is not ReservationState.RESERVED:
        return r, effects  # the reader was notified of the check-in: it stands
    return _with_presence_state(zone, r, policy, course, own, entries, now), effects


def _history_before_gates(history: Sequence[HistoryEntry]) -> Sequence[HistoryEntry]:
    """The history up to the last entry that is a reader's act or a deadline; at least one entry."""
    for length in range(len(history), 1, -1):
        last = history[length - 1]
        if last.by != GATE and last.event not in _NO_ACTS:
            return history[:length]
    return history[:1]


def _apply_events(
    zone: Zone,
    r: Reservation,
    policy: Policy,
    course: _ReplayedPresence,
    passed: Sequence[GateEvent],
    last_act: datetime,
    free_from: datetime | None,
    reported_until: datetime,
) -> tuple[list[HistoryEntry], dict[str, PresenceEffect]]:
    entries: list[HistoryEntry] = []
    effects: dict[str, PresenceEffect] = {}

    def act(event: ReservationEvent, when: datetime, via: str) -> None:
        entry = HistoryEntry(when, event.value, GATE, via)
        course.go(entry)
        entries.append(entry)

    begin = last_act
    if course.state is ReservationState.RESERVED:
        begin = max(t for t in (r.check_in_from, r.placed_at, free_from) if t is not None)
        if (
            begin <= min(reported_until, r.check_in_until)
            and begin < r.end
            and _inside(passed, begin)
        ):
            act(ReservationEvent.CHECK_IN, begin, "inside")
    for p in passed:
        if p.at <= begin:
            continue
        effect = _effect(zone, r, policy, course, p) if p.at < r.end else PresenceEffect.NONE
        if effect is not PresenceEffect.NONE:
            act(ReservationEvent(effect.value), p.at, p.gate_id)
        effects[p.id] = effect
    return entries, effects


def _effect(
    zone: Zone, r: Reservation, policy: Policy, course: _ReplayedPresence, p: GateEvent
) -> PresenceEffect:
    goes_in = p.direction is Direction.IN
    match course.state:
        case ReservationState.RESERVED if goes_in and p.at <= r.check_in_until:
            return PresenceEffect.CHECK_IN
        case ReservationState.IN_USE if not goes_in:
            return PresenceEffect.LEAVE
        case ReservationState.AWAY if goes_in and p.at <= _return_by(zone, r, policy, course):
            return PresenceEffect.RETURN
        case ReservationState.AWAY if course.left_by_gate and p.at <= _return_by(
            zone, r, policy, course
        ):
            # They came in without a passage: the leave begins now.
            course.state = ReservationState.IN_USE
            return PresenceEffect.LEAVE
    return PresenceEffect.NONE


def _inside(passed: Iterable[GateEvent], when: datetime) -> bool:
    last = None
    for p in passed:
        if p.at > when:
            break
        last = p
    return last is not None and last.direction is Direction.IN


def left_before_end(r: Reservation, passages: Iterable[GateEvent]) -> bool:
    """True if passages reported after a stay was completed show that the reader had left early."""
    acts = [e.at for e in r.history if e.by != GATE and e.event not in _NO_ACTS | {"complete"}]
    since = [p for p in passages if max(acts) < p.at < r.end]
    return bool(since) and max(since, key=lambda p: (p.at, p.id)).direction is Direction.OUT


def _return_by(zone: Zone, r: Reservation, policy: Policy, course: _ReplayedPresence) -> datetime:
    assert course.left_at is not None
    if r.state is ReservationState.AWAY and r.left_at == course.left_at and r.return_by is not None:
        return r.return_by  # an outage may have moved it
    return min(course.left_at + leave_duration(zone, policy, course.left_at), r.end)


def _with_presence_state(
    zone: Zone,
    r: Reservation,
    policy: Policy,
    course: _ReplayedPresence,
    own: Sequence[HistoryEntry],
    entries: Sequence[HistoryEntry],
    now: datetime,
) -> Reservation:
    assert course.state in LIVE
    others = [e for e in r.history[len(own) :] if e.by != GATE]
    history = (*own, *sorted([*entries, *others], key=lambda e: e.at))
    if history == r.history:
        return r
    assisted = r.gate_assistance
    if entries:
        assisted = GateAssistance(PresenceEffect(entries[-1].event).value, entries[-1].at)
    away = course.state is ReservationState.AWAY
    new = replace(
        r,
        rev=r.rev + 1,
        state=course.state,
        checked_in_at=course.checked_in_at,
        available_from=r.available_from if r.checked_in_at == course.checked_in_at else r.start,
        left_at=course.left_at,
        return_by=_return_by(zone, r, policy, course) if away else None,
        returned_at=course.returned_at,
        presence=_presence(r, entries),
        gate_assistance=assisted,
        presence_due_at=r.presence_due_at if course.state is r.state else None,
        claims=_with_presence(r, course.state),
        history=history,
    )
    new = replace(new, remind_at=reminder_due_at(new, policy, now))
    if assisted == r.gate_assistance or assisted is None:
        return new
    effect = PresenceEffect(assisted.kind)
    events = [OutboxEvent(new.rev, _EVENT_KINDS[effect], assisted.at, facts_of(new))]
    if r.checked_in_at is None and new.checked_in_at and effect is not PresenceEffect.CHECK_IN:
        # A batch with a passage in and one out notifies the reader of the last, webhooks of both.
        came = OutboxEventKind.CHECKED_IN_BEFORE
        events.insert(0, OutboxEvent(new.rev, came, new.checked_in_at, facts_of(new)))
    return replace(new, outbox=(*r.outbox, *events))


def _presence(r: Reservation, entries: Sequence[HistoryEntry]) -> PresenceProof | None:
    if r.presence is not None and r.presence.method is not PresenceMethod.GATE:
        return r.presence  # the reader's own proof does not depend on passages
    came = [e.at for e in entries if e.event != PresenceEffect.LEAVE.value]
    if not came:
        return None
    return PresenceProof(r.reader_id, r.venue_id, PresenceMethod.GATE, came[-1])


def _with_presence(r: Reservation, state: ReservationState) -> tuple[str, ...]:
    claim = presence_claim(r.reader_id)
    if state is ReservationState.RESERVED or claim in r.claims:
        return r.claims
    return (*r.claims, claim)
