"""Check-in, leave, return, renewal and end: pure functions that return the next reservation."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from models.kernel.ids import Actor, ReaderId
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import KioskId
from models.policy.entities import Policy
from models.reservations.claims import presence_claim, slot_claims
from models.reservations.entities import HistoryEntry, OutboxEventKind, Reservation
from models.reservations.presence import PresenceProof
from models.reservations.state_machine import ReservationEvent, ReservationState
from models.reservations.transitions import (
    advance,
    end_stay,
    ending_soon_at,
    reminder_due_at,
    with_confirmed_assistance,
)


def check_in(
    zone: Zone,
    r: Reservation,
    presence: PresenceProof | None,
    policy: Policy,
    actor: Actor,
    now: datetime,
    *,
    early: bool,
) -> Reservation:
    """The reservation with its reader checked in. ``presence``: None for a carry-over, which
    needs no new proof. ``early``: True to claim also the half hours until the start.
    ``penalty_waived`` becomes False, since a waiver was only for the check-in deadline."""
    sooner: tuple[str, ...] = ()
    if early and now < r.start:
        sooner = slot_claims(zone, r.seat_id, r.reader_id, TimeRange(now, r.start))
    new = replace(
        r,
        state=r.next_state(ReservationEvent.CHECK_IN),
        checked_in_at=now,
        presence=presence,
        penalty_waived=False,
        available_from=now if sooner else r.start,
        claims=tuple(dict.fromkeys((*r.claims, presence_claim(r.reader_id), *sooner))),
        remind_at=ending_soon_at(r.end, policy, now),
    )
    return advance(r, new, ReservationEvent.CHECK_IN, actor, now, OutboxEventKind.CHECKED_IN)


def leave(
    r: Reservation, return_by: datetime, policy: Policy, actor: Actor, now: datetime
) -> Reservation:
    new = replace(
        r,
        state=r.next_state(ReservationEvent.LEAVE),
        left_at=now,
        return_by=return_by,
        returned_at=None,
    )
    new = replace(new, remind_at=reminder_due_at(new, policy, now))
    return advance(r, new, ReservationEvent.LEAVE, actor, now, OutboxEventKind.TEMPORARY_LEAVE)


def return_from_leave(
    r: Reservation, presence: PresenceProof, policy: Policy, actor: Actor, now: datetime
) -> Reservation:
    """The reservation with its reader back from the leave. ``penalty_waived`` becomes False,
    since a waiver was only for the deadline of the return."""
    new = replace(
        r,
        state=r.next_state(ReservationEvent.RETURN),
        returned_at=now,
        presence=presence,
        return_by=None,
        penalty_waived=False,
        remind_at=ending_soon_at(r.end, policy, now),
    )
    return advance(r, new, ReservationEvent.RETURN, actor, now, OutboxEventKind.RETURNED)


def confirm_presence(
    r: Reservation, presence: PresenceProof, actor: Actor, now: datetime
) -> Reservation:
    return replace(
        r,
        rev=r.rev + 1,
        presence=presence,
        presence_due_at=None,
        patrol_at=None,
        history=(*r.history, HistoryEntry(now, "prove", actor.by, actor.via)),
    )


def finish(r: Reservation, actor: Actor, now: datetime) -> Reservation:
    return end_stay(r, ReservationEvent.FINISH, actor, now, OutboxEventKind.BOOKING_ENDED)


def renew(
    zone: Zone, r: Reservation, end: datetime, policy: Policy, actor: Actor, now: datetime
) -> Reservation:
    longer = slot_claims(zone, r.seat_id, r.reader_id, TimeRange(r.end, end))
    new = replace(
        r,
        state=r.next_state(ReservationEvent.EXTEND),
        end=end,
        extensions=r.extensions + 1,
        claims=tuple(dict.fromkeys((*r.claims, *longer))),
        remind_at=ending_soon_at(end, policy, now),
    )
    return advance(r, new, ReservationEvent.EXTEND, actor, now, OutboxEventKind.END_MOVED)


def shorten(
    zone: Zone, r: Reservation, end: datetime, policy: Policy, actor: Actor, now: datetime
) -> Reservation:
    needed = slot_claims(zone, r.seat_id, r.reader_id, TimeRange(min(now, r.start), end))
    rest = slot_claims(zone, r.seat_id, r.reader_id, TimeRange(end, r.end))
    given_back = frozenset(rest).difference(needed)
    new = replace(
        r,
        state=r.next_state(ReservationEvent.SHORTEN),
        end=end,
        # An outage may have moved the deadline past the new end.
        check_in_until=min(r.check_in_until, end),
        claims=tuple(claim for claim in r.claims if claim not in given_back),
        presence_due_at=min(r.presence_due_at, end) if r.presence_due_at else None,
        remind_at=ending_soon_at(end, policy, now),
    )
    return advance(r, new, ReservationEvent.SHORTEN, actor, now, OutboxEventKind.END_MOVED)


def mark_no_show(r: Reservation, actor: Actor) -> Reservation:
    """The booking, ended as a no-show at its check-in deadline, however late the job runs."""
    return end_stay(
        r, ReservationEvent.MARK_NO_SHOW, actor, r.check_in_until, OutboxEventKind.NO_SHOW
    )


def expire_leave(r: Reservation, actor: Actor) -> Reservation:
    """The stay, ended at ``return_by`` because the reader did not return. This is no violation
    if a gate has begun the leave and the reader has not confirmed the leave."""
    assert r.return_by is not None
    excused = r.penalty_waived or r.pending_confirmation == "leave"
    return end_stay(
        replace(r, penalty_waived=excused),
        ReservationEvent.EXPIRE_LEAVE,
        actor,
        r.return_by,
        OutboxEventKind.LEAVE_EXPIRED,
    )


def complete(r: Reservation, actor: Actor) -> Reservation:
    """The stay, ended at its booked end. If the reader is not on leave, it is marked for the
    carry-over to a following booking."""
    ended = end_stay(r, ReservationEvent.COMPLETE, actor, r.end, OutboxEventKind.BOOKING_ENDED)
    return replace(ended, carry_over_at=r.end) if r.state is ReservationState.IN_USE else ended


def confirm(r: Reservation, actor: Actor, now: datetime) -> Reservation:
    """The reservation with the gate's last action confirmed by the reader. The state stays."""
    return replace(
        r,
        rev=r.rev + 1,
        gate_assistance=with_confirmed_assistance(r.gate_assistance, now),
        history=(*r.history, HistoryEntry(now, "confirm", actor.by, actor.via)),
    )


def with_kiosk_code(r: Reservation, claim: str, note: str | None) -> Reservation:
    """The reservation with a claim for the kiosk's code, so that this reader cannot use the code
    again. ``note``: a claim for the scan note in which the browser kept the code; no reader can
    use that scan note again."""
    used = (claim,) if note is None else (claim, note)
    return replace(r, last_kiosk_code=claim, claims=(*r.claims, *used))


def scan_claim(kiosk_id: KioskId, code_step: int, reader_id: ReaderId) -> str:
    return f"k:{kiosk_id}:{code_step}:{reader_id}"


def note_claim(note_id: str) -> str:
    return f"k:note:{note_id}"
