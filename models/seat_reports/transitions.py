"""Reports of occupied and of empty seats: pure functions that return the next reservation."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from models.check_in.transitions import leave
from models.kernel.ids import Actor
from models.kernel.time_range import local_date
from models.policy.entities import Policy
from models.reservations.claims import presence_check_claim
from models.reservations.entities import (
    HistoryEntry,
    OccupiedReport,
    OutboxEvent,
    OutboxEventKind,
    Reservation,
)
from models.reservations.state_machine import ReservationState
from models.reservations.transitions import facts_of, with_confirmed_assistance


def report_occupied(r: Reservation, kind: str, actor: Actor, now: datetime) -> Reservation:
    """The seat is taken by somebody else. No change of state."""
    return replace(
        r,
        rev=r.rev + 1,
        report=OccupiedReport(kind, now, r.seat_id),
        gate_assistance=with_confirmed_assistance(r.gate_assistance, now),
        history=(*r.history, HistoryEntry(now, "report", actor.by, actor.via)),
    )


def resolve_report(r: Reservation, actor: Actor, now: datetime) -> Reservation:
    """The desk has freed the seat: the time that it took is added to the reader's deadline."""
    assert r.report is not None
    new = replace(
        r,
        rev=r.rev + 1,
        report=replace(r.report, open=False, desk=False),
        history=(*r.history, HistoryEntry(now, "resolve", actor.by, actor.via)),
    )
    if not r.report.open:
        return new  # the reader has another seat by now
    if r.state is ReservationState.AWAY:
        assert r.return_by is not None and r.left_at is not None
        lost = now - max(r.report.at, r.left_at)
        return replace(new, return_by=min(r.return_by + lost, r.end))
    if r.state is ReservationState.RESERVED:
        until = min(r.check_in_until + (now - r.report.at), r.end)
        return replace(new, check_in_until=max(until, r.check_in_until))
    return new


def request_presence_check(
    r: Reservation, until: datetime, actor: Actor, now: datetime
) -> Reservation:
    """Somebody says that nobody sits there: the reader is asked, once a day at most."""
    rev = r.rev + 1
    new = replace(
        r,
        rev=rev,
        presence_due_at=until,
        claims=(*r.claims, presence_check_claim(r.reader_id, local_date(now))),
        history=(*r.history, HistoryEntry(now, "doubt", actor.by, actor.via)),
    )
    return replace(
        new,
        outbox=(*r.outbox, OutboxEvent(rev, OutboxEventKind.PRESENCE_CHECK, now, facts_of(new))),
    )


def fail_presence_check(
    r: Reservation, return_by: datetime, policy: Policy, actor: Actor
) -> Reservation:
    """Nobody has shown up: it counts as left when the time was over. That is no violation."""
    assert r.presence_due_at is not None
    return leave(replace(r, penalty_waived=True), return_by, policy, actor, r.presence_due_at)
