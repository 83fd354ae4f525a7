"""Presence: check-in, leave, return, extension, finish."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from models.booking.desk import Desk
from models.check_in import rules, transitions
from models.check_in.errors import CheckedInElsewhere, QrExpired, QrUsed, WrongVenue
from models.check_in.transitions import scan_claim
from models.kernel.time_range import TimeRange
from models.library.entities import KioskId
from models.outages.extension import catch_up
from models.policy.entities import Policy
from models.readers.context import RequestContext
from models.reservations.claims import presence_claim, slot_claims
from models.reservations.entities import Reservation
from models.reservations.errors import ClaimConflict, TooLate
from models.reservations.state_machine import ReservationState
from models.seat_reports import transitions as seat_reports_transitions

_TRIES: Final = 8


@dataclass(frozen=True, slots=True)
class KioskCodeScan:
    """A kiosk's code that was genuine: shown at ``step``, and ``fresh`` if it is still accepted."""

    kiosk_id: KioskId
    time_step: int
    is_current: bool


async def check_in(desk: Desk, ask: RequestContext, id: str, scan: KioskCodeScan) -> Reservation:
    """Check in by a kiosk's code; while away it is the return. The same scan again changes nothing.

    Raises: NotFound, QrExpired, QrUsed, WrongVenue, InvalidState, TooEarly, TooLate, CheckedInElsewhere.
    """
    return await _check_in_with_code(desk, ask, id, scan, only_return=False)


async def return_from_leave(
    desk: Desk, ask: RequestContext, id: str, scan: KioskCodeScan
) -> Reservation:
    """Return from a leave by a kiosk's code. Raises: as ``check_in``."""
    return await _check_in_with_code(desk, ask, id, scan, only_return=True)


async def _check_in_with_code(
    desk: Desk, ask: RequestContext, id: str, scan: KioskCodeScan, only_return: bool
) -> Reservation:
    async def attempt(early: bool) -> Reservation:
        return await _apply_code(desk, ask, id, scan, only_return, early)

    return await desk.run_once(
        ask, lambda: _with_early_slots_if_free(desk, ask, _in_time(desk, ask, id, attempt))
    )


def _in_time(
    desk: Desk, ask: RequestContext, id: str, attempt: Callable[[bool], Awaitable[Reservation]]
) -> Callable[[bool], Awaitable[Reservation]]:
    """``attempt``, made once more where an outage that has just ended gives it time."""

    async def caught_up(early: bool) -> Reservation:
        try:
            return await attempt(early)
        except TooLate:
            await catch_up(desk, id, ask.now)
            return await attempt(early)

    return caught_up


async def _with_early_slots_if_free(
    desk: Desk, ask: RequestContext, attempt: Callable[[bool], Awaitable[Reservation]]
) -> Reservation:
    """Before the start, the half hours until then are wanted too: where another holds them, the
    check-in counts all the same and says from when the seat may be used.

    Raises: CheckedInElsewhere, QrUsed, and what ``attempt`` raises.
    """
    try:
        return await attempt(True)
    except ClaimConflict as lost:
        if lost.kind not in ("s", "r"):
            raise await _scan_refusal(desk, ask, lost) from lost
    try:
        return await attempt(False)
    except ClaimConflict as lost:
        raise await _scan_refusal(desk, ask, lost) from lost


async def _apply_code(
    desk: Desk, ask: RequestContext, id: str, scan: KioskCodeScan, only_return: bool, early: bool
) -> Reservation:
    claim = scan_claim(scan.kiosk_id, scan.time_step, ask.reader.id)

    async def decide(r: Reservation, policy: Policy) -> Reservation:
        if claim in r.claims:
            return _is_repeated_scan(r, claim)
        if not scan.is_current:
            raise QrExpired()
        if desk.library.kiosks[scan.kiosk_id].venue_id != r.venue_id:
            raise WrongVenue()
        if only_return and r.state is not ReservationState.AWAY:
            rules.may_return(r, ask.now)  # says why not
        return transitions.with_kiosk_code(_record_presence(r, policy, ask, early), claim)

    return await desk.update(ask, id, decide)


def _is_repeated_scan(r: Reservation, claim: str) -> Reservation:
    """The answer to the first one was lost: give it again. Later on, the code is used up."""
    if r.last_kiosk_code == claim and r.state is ReservationState.IN_USE:
        return r
    raise QrUsed()


async def _scan_refusal(
    desk: Desk, ask: RequestContext, lost: ClaimConflict
) -> QrUsed | CheckedInElsewhere:
    if lost.kind == "u":
        other = await desk.reservations.find_by_claim(lost.claim)
        return CheckedInElsewhere(reservation_id=other.id if other else None)
    return QrUsed()


async def check_in_by_staff(desk: Desk, ask: RequestContext, id: str) -> Reservation:
    """A librarian sees the reader on the seat: the check-in or the return, without a code.

    Raises: NotFound, InvalidState, TooEarly, TooLate, CheckedInElsewhere.
    """

    async def attempt(early: bool) -> Reservation:
        async def decide(r: Reservation, policy: Policy) -> Reservation:
            return _record_presence(r, policy, ask, early)

        return await desk.update(ask, id, decide)

    return await _with_early_slots_if_free(desk, ask, _in_time(desk, ask, id, attempt))


def _record_presence(
    r: Reservation, policy: Policy, ask: RequestContext, early: bool
) -> Reservation:
    """The reader is there: proven, back, or checked in. ``early``: with what is left before the
    start, where the seat may be used at once."""
    if r.state is ReservationState.IN_USE and r.presence_due_at is not None:
        return seat_reports_transitions.confirm_presence(r, ask.actor, ask.now)
    if r.state is ReservationState.AWAY:
        rules.may_return(r, ask.now)
        return transitions.return_from_leave(r, policy, ask.actor, ask.now)
    rules.may_check_in(r, ask.now)
    sooner: tuple[str, ...] = ()
    if early and ask.now < r.start:
        sooner = slot_claims(r.seat_id, r.reader_id, TimeRange(ask.now, r.start))
    return transitions.check_in(r, presence_claim(r.reader_id), sooner, policy, ask.actor, ask.now)


async def leave(desk: Desk, ask: RequestContext, id: str) -> Reservation:
    """Leave for a while; ``return_by`` never shortens. Raises: NotFound, InvalidState."""

    async def decide(r: Reservation, policy: Policy) -> Reservation:
        return_by = rules.decide_return_by(r, policy, ask.now)
        return transitions.leave(r, return_by, policy, ask.actor, ask.now)

    return await desk.run_once(ask, lambda: desk.update(ask, id, decide))


async def finish(desk: Desk, ask: RequestContext, id: str) -> Reservation:
    """Give the seat back before the end. Raises: NotFound, InvalidState."""

    async def decide(r: Reservation, _: Policy) -> Reservation:
        rules.may_finish(r, ask.now)
        return transitions.finish(r, ask.actor, ask.now)

    return await desk.run_once(ask, lambda: desk.update(ask, id, decide))


async def confirm(desk: Desk, ask: RequestContext, id: str) -> Reservation:
    """It is as a gate has it. Raises: NotFound, NothingToConfirm."""

    async def decide(r: Reservation, _: Policy) -> Reservation:
        rules.may_confirm(r)
        return transitions.confirm(r, ask.actor, ask.now)

    return await desk.run_once(ask, lambda: desk.update(ask, id, decide))
