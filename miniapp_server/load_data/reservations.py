from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import sha256
from typing import Final

from miniapp_server.load_data.visits import GeneratedVisit
from models.check_in import rules
from models.check_in import transitions as check_in_transitions
from models.check_in.transitions import scan_claim, with_kiosk_code
from models.kernel.ids import Actor
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import KioskId, VenueId
from models.policy.entities import Policy
from models.reservations import transitions
from models.reservations.entities import IdempotentResult, Placement, Reservation
from models.reservations.presence import PresenceMethod, PresenceProof
from models.reservations.state_machine import ReservationState

_READER: Final = Actor("reader", "mini")
_JOB: Final = Actor("system", "job")

_Change = tuple[datetime, Callable[[Reservation], Reservation]]


def revisions(
    zone: Zone, visit: GeneratedVisit, venue_id: VenueId, policy: Policy, kiosk_id: KioskId
) -> Iterator[Reservation]:
    """The reservation's states after booking and each change, reminders included, in order."""
    times = visit.times
    span = TimeRange(times.start, times.end)
    digest = sha256(visit.id.encode()).hexdigest()
    key = digest[:32]
    r = transitions.create(
        id=visit.id,
        placement=Placement(zone, visit.reader_id, venue_id, visit.area_id, visit.seat_id, span),
        policy=policy,
        daily_number=visit.number,
        result=IdempotentResult(key, digest, times.booked),
        actor=_READER,
        now=times.booked,
    )
    yield r
    for moment, change in _changes(zone, visit, policy, kiosk_id):
        if r.remind_at is not None and r.remind_at <= moment:
            r = transitions.remind(r, r.remind_at)
            yield r
        r = change(r)
        yield r


def _changes(
    zone: Zone, visit: GeneratedVisit, policy: Policy, kiosk_id: KioskId
) -> Iterator[_Change]:
    """The changes after the booking of the visit's reservation, in order. Each is a pair: the
    time of the change, and the function that applies it to the reservation."""
    times, ended = visit.times, visit.times.ended
    if visit.ending is ReservationState.CANCELLED:
        yield ended, lambda r: transitions.cancel(r, _READER, ended)
        return
    if visit.ending is ReservationState.NO_SHOW:
        yield ended, lambda r: check_in_transitions.mark_no_show(r, _JOB)
        return
    assert times.checked_in is not None
    came = times.checked_in
    yield came, lambda r: _check_in(zone, r, policy, kiosk_id, came)
    if (left := times.left) is not None:
        yield (
            left,
            lambda r: check_in_transitions.leave(
                r, rules.decide_return_by(zone, r, policy, left), policy, _READER, left
            ),
        )
    if (returned := times.returned) is not None:
        yield (
            returned,
            lambda r: check_in_transitions.return_from_leave(
                r, _proof(r, returned), policy, _READER, returned
            ),
        )
    if (renewed := times.renewed) is not None and (end := times.renewed_end) is not None:
        yield (
            renewed,
            lambda r: check_in_transitions.renew(zone, r, end, policy, _READER, renewed),
        )
    match visit.ending:
        case ReservationState.AWAY_EXPIRED:
            yield ended, lambda r: check_in_transitions.expire_leave(r, _JOB)
        case ReservationState.FINISHED:
            yield ended, lambda r: check_in_transitions.finish(r, _READER, ended)
        case _:
            yield ended, lambda r: check_in_transitions.complete(r, _JOB)


def _check_in(
    zone: Zone, r: Reservation, policy: Policy, kiosk_id: KioskId, now: datetime
) -> Reservation:
    step = int(now.timestamp()) // policy.kiosk_code_seconds
    claim = scan_claim(kiosk_id, step, r.reader_id)
    proof = _proof(r, now)
    checked_in = check_in_transitions.check_in(zone, r, proof, policy, _READER, now, early=True)
    return with_kiosk_code(checked_in, claim, None)


def _proof(r: Reservation, now: datetime) -> PresenceProof:
    return PresenceProof(r.reader_id, r.venue_id, PresenceMethod.KIOSK_CODE, now)
