"""Reports of occupied and empty seats: pure functions that return the next reservation."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from models.check_in.transitions import leave
from models.kernel.ids import Actor
from models.kernel.zone import Zone
from models.policy.entities import Policy
from models.reservations.claims import ClaimKind, presence_check_claim
from models.reservations.entities import (
    HistoryEntry,
    OccupiedReport,
    OutboxEvent,
    OutboxEventKind,
    Reservation,
)
from models.reservations.presence import PresenceProof
from models.reservations.state_machine import ReservationState
from models.reservations.transitions import facts_of, with_confirmed_assistance

DOUBT: Final = "doubt"
AFTER_REJECTION: Final = timedelta(minutes=15)
"""After a report was rejected, the reader has at least this long to check in or return."""


def report_occupied(
    r: Reservation, kind: str, presence: PresenceProof, claim: str, actor: Actor, now: datetime
) -> Reservation:
    """The reservation with an occupied-seat report by a reader whose presence is proved. No
    deadline runs until the booking ends or the staff decide. ``claim``: the report's claim, by
    which the reports of a day that stop a deadline are limited."""
    reported = report_to_staff(r, kind, actor, now)
    assert reported.report is not None
    return replace(
        reported,
        presence=presence,
        report=replace(reported.report, open=True),
        claims=(*r.claims, claim),
    )


def report_to_staff(r: Reservation, kind: str, actor: Actor, now: datetime) -> Reservation:
    """The reservation with an occupied-seat report that the staff look into; deadlines run on."""
    return replace(
        r,
        rev=r.rev + 1,
        report=OccupiedReport(kind, now, r.seat_id, open=False),
        gate_assistance=with_confirmed_assistance(r.gate_assistance, now),
        history=(*r.history, HistoryEntry(now, "report", actor.by, actor.via)),
    )


def resolve_report(r: Reservation, actor: Actor, now: datetime) -> Reservation:
    """The reservation with its occupied-seat report closed, since the seat was freed. The time
    since the report is added to the reader's deadline."""
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


def reject_report(r: Reservation, actor: Actor, now: datetime) -> Reservation:
    """The reservation with its occupied-seat report closed, since nobody else sits there. A
    stopped deadline runs again with at least ``AFTER_REJECTION`` left; the reader is notified."""
    assert r.report is not None
    rev = r.rev + 1
    new = replace(
        r,
        rev=rev,
        report=replace(r.report, open=False, desk=False),
        history=(*r.history, HistoryEntry(now, "reject", actor.by, actor.via)),
    )
    if not r.report.open:
        return new
    until = min(now + AFTER_REJECTION, r.end)
    if r.state is ReservationState.AWAY:
        assert r.return_by is not None
        new = replace(new, return_by=max(until, r.return_by))
    elif r.state is ReservationState.RESERVED:
        new = replace(new, check_in_until=max(until, r.check_in_until))
    else:
        return new
    notice = OutboxEvent(rev, OutboxEventKind.REPORT_REJECTED, now, facts_of(new))
    return replace(new, outbox=(*r.outbox, notice))


def request_presence_check(
    zone: Zone, r: Reservation, until: datetime, mark: str, actor: Actor, now: datetime
) -> Reservation:
    """The reservation with a presence check: the reader is asked to prove presence by ``until``.
    ``mark``: the claim that counts the empty-seat reports of the reader who caused the check."""
    rev = r.rev + 1
    new = replace(
        r,
        rev=rev,
        presence_due_at=until,
        claims=(*r.claims, presence_check_claim(r.reader_id, zone.day(now)), mark),
        history=(*r.history, HistoryEntry(now, DOUBT, actor.by, actor.via)),
    )
    return replace(
        new,
        outbox=(*r.outbox, OutboxEvent(rev, OutboxEventKind.PRESENCE_CHECK, now, facts_of(new))),
    )


def fail_presence_check(
    r: Reservation, return_by: datetime, policy: Policy, actor: Actor
) -> Reservation:
    """The reservation after a presence check that the reader has not answered: a leave that
    began at the check's deadline. If the reader does not return, this is no violation. The
    empty-seat report no longer counts for its reporter."""
    assert r.presence_due_at is not None
    doubted = replace(r, penalty_waived=True, claims=r.claims_except(ClaimKind.EMPTY_REPORT))
    return leave(doubted, return_by, policy, actor, r.presence_due_at)


def hand_to_patrol(r: Reservation, actor: Actor) -> Reservation:
    """The reservation after a presence check of which no message could be pushed to the reader:
    the staff have to look at the seat. The empty-seat report no longer counts for its reporter."""
    assert r.presence_due_at is not None
    return replace(
        r,
        rev=r.rev + 1,
        presence_due_at=None,
        patrol_at=r.presence_due_at,
        claims=r.claims_except(ClaimKind.EMPTY_REPORT),
        history=(*r.history, HistoryEntry(r.presence_due_at, "unreached", actor.by, actor.via)),
    )
