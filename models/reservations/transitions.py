"""Pure functions for changes of a booking (creation, offer, move, cancellation, reminder)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from models.kernel.ids import Actor, ReservationId
from models.kernel.time_range import floor_minute
from models.policy.entities import Policy
from models.reservations.check_in_window import check_in_window
from models.reservations.claims import (
    ClaimKind,
    daily_booking_claim,
    idempotency_claim,
    slot_claims,
)
from models.reservations.entities import (
    GateAssistance,
    HistoryEntry,
    IdempotentResult,
    OccupiedReport,
    OutboxEvent,
    OutboxEventKind,
    Placement,
    Reservation,
)
from models.reservations.state_machine import ReservationEvent, ReservationState

RELEASED_CLAIMS: Final = (ClaimKind.SEAT, ClaimKind.READER, ClaimKind.PRESENCE)
"""Kinds of claims released when a reservation ends; the daily claim stays for the day's limit."""
_EVENT_PAYLOAD: Final = (
    "seat_id",
    "start",
    "end",
    "check_in_from",
    "check_in_until",
    "checked_in_at",
    "available_from",
    "left_at",
    "return_by",
    "ended_at",
    "penalty_waived",
    "pending_confirmation",
    "presence_due_at",
    "held_until",
)
"""A reservation's fields copied into its outbox event, so the message shows that moment's facts."""


def facts_of(r: Reservation) -> dict[str, object]:
    return {name: getattr(r, name) for name in _EVENT_PAYLOAD}


def advance(
    old: Reservation,
    new: Reservation,
    event: ReservationEvent,
    actor: Actor,
    now: datetime,
    event_kind: OutboxEventKind | None,
) -> Reservation:
    rev, stays = old.rev + 1, event in _CHANGES_END
    new = replace(
        new,
        rev=rev,
        history=(*old.history, HistoryEntry(now, event.value, actor.by, actor.via)),
        gate_assistance=with_confirmed_assistance(old.gate_assistance, now)
        if actor.by != "system"
        else old.gate_assistance,
        report=report_after(old.report, event),
        presence_due_at=new.presence_due_at if stays else None,
        patrol_at=old.patrol_at if stays else None,
    )
    if event_kind is None:
        return new
    facts = facts_of(new)
    if event is ReservationEvent.CHANGE and actor.by == "librarian":
        facts["by_library"] = True
    return replace(new, outbox=(*old.outbox, OutboxEvent(rev, event_kind, now, facts)))


def with_confirmed_assistance(
    assisted: GateAssistance | None, now: datetime
) -> GateAssistance | None:
    if assisted is None or assisted.confirmed_at is not None:
        return assisted
    return replace(assisted, confirmed_at=now)


_CHANGES_END: Final = frozenset({ReservationEvent.EXTEND, ReservationEvent.SHORTEN})
"""Events that only move a stay's end. A pending presence check or staff visit stays pending."""
_KEEPS_REPORT: Final = frozenset({ReservationEvent.LEAVE, ReservationEvent.RETURN, *_CHANGES_END})


def report_after(report: OccupiedReport | None, event: ReservationEvent) -> OccupiedReport | None:
    if report is None or not report.open or event in _KEEPS_REPORT:
        return report
    # The reader has another seat, but somebody still sits on this one: the staff have to look.
    return replace(report, open=False, desk=event is ReservationEvent.CHANGE)


def create(
    *,
    id: ReservationId,
    placement: Placement,
    policy: Policy,
    daily_number: int,
    result: IdempotentResult | None,
    actor: Actor,
    now: datetime,
) -> Reservation:
    """A new booking at revision 1. ``daily_number``: its number (1…limit) among the reader's
    bookings of the day. ``result``: the idempotency key of the request, to be stored with the
    booking."""
    placed = _placed(id, placement, policy, now)
    key = (idempotency_claim(placed.reader_id, result.key),) if result else ()
    confirmed = OutboxEvent(1, OutboxEventKind.BOOKING_CONFIRMED, now, facts_of(placed))
    return replace(
        placed,
        claims=(
            daily_booking_claim(placed.reader_id, placed.date, daily_number),
            *placed.claims,
            *key,
        ),
        remind_at=placed.start if placed.start > now else None,
        idempotency_results=(result,) if result else (),
        history=(HistoryEntry(now, "reserve", actor.by, actor.via),),
        outbox=(confirmed,),
    )


def _placed(id: ReservationId, placement: Placement, policy: Policy, now: datetime) -> Reservation:
    span = placement.span
    opens, until, excused = check_in_window(span.start, span.end, now, policy)
    return Reservation(
        id=id,
        rev=1,
        change=id,
        reader_id=placement.reader_id,
        venue_id=placement.venue_id,
        area_id=placement.area_id,
        seat_id=placement.seat_id,
        date=placement.zone.day(span.start),
        start=span.start,
        end=span.end,
        state=ReservationState.RESERVED,
        created_at=now,
        placed_at=now,
        check_in_from=opens,
        check_in_until=until,
        policy_version=policy.version,
        claims=slot_claims(placement.zone, placement.seat_id, placement.reader_id, span),
        penalty_waived=excused,
    )


def create_offer(
    *,
    id: ReservationId,
    placement: Placement,
    policy: Policy,
    waitlist_entry_id: str,
    until: datetime,
    actor: Actor,
    now: datetime,
    event_kind: OutboxEventKind = OutboxEventKind.WAITLIST_OFFER,
) -> Reservation:
    """An offer: a seat held until ``until`` for the reader of a waitlist entry. The offer claims
    the half hours of seat and reader like a booking, but no number in the reader's daily limit.
    The event ``event_kind`` notifies the reader."""
    held = replace(
        _placed(id, placement, policy, now),
        state=ReservationState.OFFERED,
        waitlist_entry_id=waitlist_entry_id,
        held_until=until,
        history=(HistoryEntry(now, "hold", actor.by, actor.via),),
    )
    return replace(held, outbox=(OutboxEvent(1, event_kind, now, facts_of(held)),))


def create_season_day(
    *,
    id: ReservationId,
    placement: Placement,
    policy: Policy,
    season_id: str,
    check_in_until: datetime,
    now: datetime,
) -> Reservation:
    """A day of a season's holder: a booking that claims no number in the daily limit, and whose
    check-in is open until the time that the season's rule names."""
    placed = _placed(id, placement, policy, now)
    day = replace(
        placed,
        check_in_until=check_in_until,
        penalty_waived=False,
        season_id=season_id,
        remind_at=placed.start if placed.start > now else None,
        history=(HistoryEntry(now, "reserve", "system", "season"),),
    )
    return replace(day, outbox=(OutboxEvent(1, OutboxEventKind.SEASON_DAY, now, facts_of(day)),))


def accept(
    r: Reservation, daily_number: int, policy: Policy, actor: Actor, now: datetime
) -> Reservation:
    """The booking after the reader has accepted the offer. If the offered time has already
    begun, the booking starts at the present minute."""
    start = max(r.start, floor_minute(now))
    opens, until, excused = check_in_window(start, r.end, now, policy)
    new = replace(
        r,
        state=r.next_state(ReservationEvent.ACCEPT),
        start=start,
        placed_at=now,
        held_until=None,
        check_in_from=opens,
        check_in_until=until,
        penalty_waived=excused,
        policy_version=policy.version,
        claims=(*r.claims, daily_booking_claim(r.reader_id, r.date, daily_number)),
        remind_at=start if start > now else None,
    )
    return advance(r, new, ReservationEvent.ACCEPT, actor, now, OutboxEventKind.BOOKING_CONFIRMED)


def expire_offer(
    r: Reservation, actor: Actor, when: datetime, *, notify_reader: bool = False
) -> Reservation:
    """The ended offer. ``notify_reader``: True if its reader gets the message that the library
    has withdrawn the offer."""
    new = replace(
        r,
        state=r.next_state(ReservationEvent.EXPIRE_OFFER),
        ended_at=when,
        held_until=None,
        claims=r.claims_except(*RELEASED_CLAIMS),
    )
    event_kind = OutboxEventKind.OFFER_WITHDRAWN if notify_reader else None
    return advance(r, new, ReservationEvent.EXPIRE_OFFER, actor, when, event_kind)


def change(
    r: Reservation, to: Placement, *, policy: Policy, actor: Actor, now: datetime
) -> Reservation:
    """The booking moved to another seat or time. Its claim in the daily limit (``n:``) stays."""
    span = to.span
    state = r.next_state(ReservationEvent.CHANGE)
    opens, until, excused = check_in_window(span.start, span.end, now, policy)
    new = replace(
        r,
        state=state,
        venue_id=to.venue_id,
        area_id=to.area_id,
        seat_id=to.seat_id,
        start=span.start,
        end=span.end,
        placed_at=now,
        check_in_from=opens,
        check_in_until=until,
        penalty_waived=excused,
        policy_version=policy.version,
        claims=(
            *r.claims_except(ClaimKind.SEAT, ClaimKind.READER),
            *slot_claims(to.zone, to.seat_id, r.reader_id, span),
        ),
        remind_at=span.start if span.start > now else None,
    )
    return advance(r, new, ReservationEvent.CHANGE, actor, now, OutboxEventKind.BOOKING_CHANGED)


def move_seat(r: Reservation, to: Placement, *, actor: Actor, now: datetime) -> Reservation:
    """The stay moved to another seat, because another person sits on the booked one."""
    new = replace(
        r,
        state=r.next_state(ReservationEvent.CHANGE),
        venue_id=to.venue_id,
        area_id=to.area_id,
        seat_id=to.seat_id,
        placed_at=now,
        claims=(
            *r.claims_except(ClaimKind.SEAT, ClaimKind.READER),
            *slot_claims(to.zone, to.seat_id, r.reader_id, to.span),
        ),
    )
    return advance(r, new, ReservationEvent.CHANGE, actor, now, OutboxEventKind.SEAT_MOVED)


def cancel(r: Reservation, actor: Actor, now: datetime) -> Reservation:
    """The cancelled booking, with a message if the library cancelled it. A booking cancelled by
    its reader after the start still counts for the daily limit, since it blocked the seat."""
    by_library = actor.by == "librarian"
    counts = now >= r.start and not by_library
    released = RELEASED_CLAIMS if counts else (*RELEASED_CLAIMS, ClaimKind.DAILY)
    state, claims = r.next_state(ReservationEvent.CANCEL), r.claims_except(*released)
    new = replace(r, state=state, ended_at=now, remind_at=None, claims=claims)
    kinds = OutboxEventKind
    event_kind = kinds.BOOKING_CANCELLED_BY_LIBRARY if by_library else kinds.BOOKING_CANCELLED
    return advance(r, new, ReservationEvent.CANCEL, actor, now, event_kind)


def end_stay(
    r: Reservation,
    event: ReservationEvent,
    actor: Actor,
    when: datetime,
    event_kind: OutboxEventKind,
) -> Reservation:
    new = replace(
        r,
        state=r.next_state(event),
        ended_at=when,
        remind_at=None,
        claims=r.claims_except(*RELEASED_CLAIMS),
    )
    return advance(r, new, event, actor, when, event_kind)


def remind(r: Reservation, due: datetime) -> Reservation:
    """Adds the reminder for the present state (check in, end of stay, return) to the outbox."""
    event_kind = {
        ReservationState.RESERVED: OutboxEventKind.CHECK_IN_REMINDER,
        ReservationState.IN_USE: OutboxEventKind.ENDING_SOON,
        ReservationState.AWAY: OutboxEventKind.LEAVE_REMINDER,
    }[r.state]
    rev = r.rev + 1
    return replace(
        r,
        rev=rev,
        remind_at=None,
        outbox=(*r.outbox, OutboxEvent(rev, event_kind, due, facts_of(r))),
    )


def with_idempotency(r: Reservation, result: IdempotentResult) -> Reservation:
    return replace(
        r,
        idempotency_results=(*r.idempotency_results, result),
        claims=(*r.claims, idempotency_claim(r.reader_id, result.key)),
    )


def reminder_due_at(r: Reservation, policy: Policy, now: datetime) -> datetime | None:
    """The instant at which the reader is to be reminded in the reservation's present state; None
    if there is no reminder or its time has passed."""
    match r.state:
        case ReservationState.RESERVED:
            return r.remind_at
        case ReservationState.IN_USE:
            return ending_soon_at(r.end, policy, now)
        case ReservationState.AWAY if r.return_by is not None:
            remind = r.return_by - timedelta(minutes=policy.leave_reminder_minutes)
            return remind if remind > now else None
    return None


def ending_soon_at(end: datetime, policy: Policy, now: datetime) -> datetime | None:
    remind = end - timedelta(minutes=policy.ending_soon_minutes)
    return remind if remind > now else None
