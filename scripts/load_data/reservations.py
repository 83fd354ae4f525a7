"""Runs the transitions of ``models/reservation.py`` for a generated visit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import sha256
from typing import Final

from models.check_in import rules
from models.check_in import transitions as check_in_transitions
from models.check_in.transitions import scan_claim, with_kiosk_code
from models.kernel.ids import Actor
from models.kernel.time_range import TimeRange, local_date
from models.library.entities import KioskId, VenueId
from models.policy.entities import Policy
from models.reservations import transitions
from models.reservations.claims import (
    daily_booking_claim,
    idempotency_claim,
    presence_claim,
    slot_claims,
)
from models.reservations.entities import IdempotentResult, Reservation
from models.reservations.state_machine import ReservationState
from scripts.load_data.visits import GeneratedVisit

_READER: Final = Actor("reader", "mini")
_JOB: Final = Actor("system", "job")

_Change = tuple[datetime, Callable[[Reservation], Reservation]]


def revisions(
    visit: GeneratedVisit, venue_id: VenueId, policy: Policy, kiosk_id: KioskId
) -> Iterator[Reservation]:
    """Each revision of the visit's reservation, from the booking to the end, reminders included."""
    times, reader_id = visit.times, visit.reader_id
    span = TimeRange(times.start, times.end)
    digest = sha256(visit.id.encode()).hexdigest()
    key = digest[:32]
    r = transitions.create(
        id=visit.id,
        reader_id=reader_id,
        venue_id=venue_id,
        area_id=visit.area_id,
        seat_id=visit.seat_id,
        span=span,
        policy=policy,
        claims=(
            daily_booking_claim(reader_id, local_date(span.start), visit.number),
            *slot_claims(visit.seat_id, reader_id, span),
            idempotency_claim(reader_id, key),
        ),
        replay=IdempotentResult(key, digest, times.booked),
        actor=_READER,
        now=times.booked,
    )
    yield r
    for moment, change in _changes(visit, policy, kiosk_id):
        if r.remind_at is not None and r.remind_at <= moment:
            r = transitions.remind(r, r.remind_at)
            yield r
        r = change(r)
        yield r


def _changes(visit: GeneratedVisit, policy: Policy, kiosk_id: KioskId) -> Iterator[_Change]:
    """What happens after the booking, in order."""
    times, ended = visit.times, visit.times.ended
    if visit.ending is ReservationState.CANCELLED:
        yield ended, lambda r: transitions.cancel(r, _READER, ended)
        return
    if visit.ending is ReservationState.NO_SHOW:
        yield ended, lambda r: check_in_transitions.mark_no_show(r, _JOB)
        return
    assert times.checked_in is not None
    came = times.checked_in
    yield came, lambda r: _check_in(r, policy, kiosk_id, came)
    if (left := times.left) is not None:
        yield (
            left,
            lambda r: check_in_transitions.leave(
                r, rules.decide_return_by(r, policy, left), policy, _READER, left
            ),
        )
    if (returned := times.returned) is not None:
        yield (
            returned,
            lambda r: check_in_transitions.return_from_leave(r, policy, _READER, returned),
        )
    if (renewed := times.renewed) is not None and (end := times.renewed_end) is not None:
        yield renewed, lambda r: _renew(r, policy, end, renewed)
    match visit.ending:
        case ReservationState.AWAY_EXPIRED:
            yield ended, lambda r: check_in_transitions.expire_leave(r, _JOB)
        case ReservationState.FINISHED:
            yield ended, lambda r: check_in_transitions.finish(r, _READER, ended)
        case _:
            yield ended, lambda r: check_in_transitions.complete(r, _JOB)


def _check_in(r: Reservation, policy: Policy, kiosk_id: KioskId, now: datetime) -> Reservation:
    before_start = (
        slot_claims(r.seat_id, r.reader_id, TimeRange(now, r.start)) if now < r.start else ()
    )
    step = int(now.timestamp()) // policy.kiosk_code_seconds
    claim = scan_claim(kiosk_id, step, r.reader_id)
    checked_in = check_in_transitions.check_in(
        r, presence_claim(r.reader_id), before_start, policy, _READER, now
    )
    return with_kiosk_code(checked_in, claim)


def _renew(r: Reservation, policy: Policy, end: datetime, now: datetime) -> Reservation:
    added = slot_claims(r.seat_id, r.reader_id, TimeRange(r.end, end))
    return check_in_transitions.extend(r, end, (*r.claims, *added), policy, _READER, now)
