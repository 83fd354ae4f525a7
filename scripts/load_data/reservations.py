"""Runs the transitions of ``models/reservation.py`` for a generated visit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import sha256
from typing import Final

from models import reservation, rules
from models.claims import count_claim, idempotency_claim, place_claims, presence_claim
from models.library import KioskId, VenueId
from models.policy import Policy
from models.reservation import Actor, Replay, Reservation, State, scan_claim, with_scan
from models.timerange import TimeRange, local_date
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
    r = reservation.book(
        id=visit.id,
        reader_id=reader_id,
        venue_id=venue_id,
        area_id=visit.area_id,
        seat_id=visit.seat_id,
        span=span,
        policy=policy,
        claims=(
            count_claim(reader_id, local_date(span.start), visit.number),
            *place_claims(visit.seat_id, reader_id, span),
            idempotency_claim(reader_id, key),
        ),
        replay=Replay(key, digest, times.booked),
        actor=_READER,
        now=times.booked,
    )
    yield r
    for moment, change in _changes(visit, policy, kiosk_id):
        if r.remind_at is not None and r.remind_at <= moment:
            r = reservation.remind(r, r.remind_at)
            yield r
        r = change(r)
        yield r


def _changes(visit: GeneratedVisit, policy: Policy, kiosk_id: KioskId) -> Iterator[_Change]:
    """What happens after the booking, in order."""
    times, ended = visit.times, visit.times.ended
    if visit.ending is State.CANCELLED:
        yield ended, lambda r: reservation.cancel(r, _READER, ended)
        return
    if visit.ending is State.NO_SHOW:
        yield ended, lambda r: reservation.miss(r, _JOB)
        return
    assert times.checked_in is not None
    came = times.checked_in
    yield came, lambda r: _check_in(r, policy, kiosk_id, came)
    if (left := times.left) is not None:
        yield (
            left,
            lambda r: reservation.leave(
                r, rules.decide_return_by(r, policy, left), policy, _READER, left
            ),
        )
    if (returned := times.returned) is not None:
        yield returned, lambda r: reservation.come_back(r, policy, _READER, returned)
    if (renewed := times.renewed) is not None and (end := times.renewed_end) is not None:
        yield renewed, lambda r: _renew(r, policy, end, renewed)
    match visit.ending:
        case State.AWAY_EXPIRED:
            yield ended, lambda r: reservation.time_out(r, _JOB)
        case State.FINISHED:
            yield ended, lambda r: reservation.finish(r, _READER, ended)
        case _:
            yield ended, lambda r: reservation.complete(r, _JOB)


def _check_in(r: Reservation, policy: Policy, kiosk_id: KioskId, now: datetime) -> Reservation:
    before_start = (
        place_claims(r.seat_id, r.reader_id, TimeRange(now, r.start)) if now < r.start else ()
    )
    step = int(now.timestamp()) // policy.kiosk_step_seconds
    claim = scan_claim(kiosk_id, step, r.reader_id)
    checked_in = reservation.check_in(
        r, presence_claim(r.reader_id), before_start, policy, _READER, now
    )
    return with_scan(checked_in, claim)


def _renew(r: Reservation, policy: Policy, end: datetime, now: datetime) -> Reservation:
    added = place_claims(r.seat_id, r.reader_id, TimeRange(r.end, end))
    return reservation.extend(r, end, (*r.claims, *added), policy, _READER, now)
