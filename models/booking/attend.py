"""Presence: check-in, leave, return, extension, finish."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from models import reservation, rules
from models.booking.desk import Ask, Desk
from models.booking.due import catch_up
from models.claims import doubt_claim, place_claims, presence_claim
from models.errors import (
    Busy,
    NotFound,
    NotInUse,
    OtherInUse,
    OwnOverlap,
    QrExpired,
    QrUsed,
    SeatTaken,
    TooLate,
    WrongState,
    WrongVenue,
)
from models.library import KioskId
from models.policy import Policy
from models.reservation import Actor, Reservation, State, scan_claim
from models.store.reservations import ClaimLost, StaleRevision
from models.store.throttles import Limit, Throttles
from models.timerange import TimeRange, local_date

_TRIES: Final = 8
DOUBTS: Final = 5
"""A reader's reports of empty seats in a day: enough to help, too few to be a nuisance."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A kiosk's code that was genuine: shown at ``step``, and ``fresh`` if it is still accepted."""

    kiosk_id: KioskId
    step: int
    fresh: bool


async def check_in(desk: Desk, ask: Ask, id: str, scan: Scan) -> Reservation:
    """Check in by a kiosk's code; while away it is the return. The same scan again changes nothing.

    Raises: NotFound, QrExpired, QrUsed, WrongVenue, WrongState, TooEarly, TooLate, OtherInUse.
    """
    return await _by_scan(desk, ask, id, scan, only_return=False)


async def come_back(desk: Desk, ask: Ask, id: str, scan: Scan) -> Reservation:
    """Return from a leave by a kiosk's code. Raises: as ``check_in``."""
    return await _by_scan(desk, ask, id, scan, only_return=True)


async def _by_scan(desk: Desk, ask: Ask, id: str, scan: Scan, only_return: bool) -> Reservation:
    async def attempt(early: bool) -> Reservation:
        return await _scanned(desk, ask, id, scan, only_return, early)

    return await desk.once(ask, lambda: _arriving(desk, ask, _in_time(desk, ask, id, attempt)))


def _in_time(
    desk: Desk, ask: Ask, id: str, attempt: Callable[[bool], Awaitable[Reservation]]
) -> Callable[[bool], Awaitable[Reservation]]:
    """``attempt``, made once more where an outage that has just ended gives it time."""

    async def caught_up(early: bool) -> Reservation:
        try:
            return await attempt(early)
        except TooLate:
            await catch_up(desk, id, ask.now)
            return await attempt(early)

    return caught_up


async def _arriving(
    desk: Desk, ask: Ask, attempt: Callable[[bool], Awaitable[Reservation]]
) -> Reservation:
    """Before the start, the half hours until then are wanted too: where another holds them, the
    check-in counts all the same and says from when the seat may be used.

    Raises: OtherInUse, QrUsed, and what ``attempt`` raises.
    """
    try:
        return await attempt(True)
    except ClaimLost as lost:
        if lost.kind not in ("s", "r"):
            raise await _scan_refusal(desk, ask, lost) from lost
    try:
        return await attempt(False)
    except ClaimLost as lost:
        raise await _scan_refusal(desk, ask, lost) from lost


async def _scanned(
    desk: Desk, ask: Ask, id: str, scan: Scan, only_return: bool, early: bool
) -> Reservation:
    claim = scan_claim(scan.kiosk_id, scan.step, ask.reader.id)

    async def decide(r: Reservation, policy: Policy) -> Reservation:
        if claim in r.claims:
            return _same_scan(r, claim)
        if not scan.fresh:
            raise QrExpired()
        if desk.library.kiosks[scan.kiosk_id].venue_id != r.venue_id:
            raise WrongVenue()
        if only_return and r.state is not State.AWAY:
            rules.may_return(r, ask.now)  # says why not
        return reservation.with_scan(_present(r, policy, ask, early), claim)

    return await desk.alter(ask, id, decide)


def _same_scan(r: Reservation, claim: str) -> Reservation:
    """The answer to the first one was lost: give it again. Later on, the code is used up."""
    if r.last_scan == claim and r.state is State.IN_USE:
        return r
    raise QrUsed()


async def _scan_refusal(desk: Desk, ask: Ask, lost: ClaimLost) -> QrUsed | OtherInUse:
    if lost.kind == "u":
        other = await desk.reservations.holder(lost.claim)
        return OtherInUse(reservation_id=other.id if other else None)
    return QrUsed()


async def seen_there(desk: Desk, ask: Ask, id: str) -> Reservation:
    """A librarian sees the reader on the seat: the check-in or the return, without a code.

    Raises: NotFound, WrongState, TooEarly, TooLate, OtherInUse.
    """

    async def attempt(early: bool) -> Reservation:
        async def decide(r: Reservation, policy: Policy) -> Reservation:
            return _present(r, policy, ask, early)

        return await desk.alter(ask, id, decide)

    return await _arriving(desk, ask, _in_time(desk, ask, id, attempt))


def _present(r: Reservation, policy: Policy, ask: Ask, early: bool) -> Reservation:
    """The reader is there: proven, back, or checked in. ``early``: with what is left before the
    start, where the seat may be used at once."""
    if r.state is State.IN_USE and r.prove_by is not None:
        return reservation.prove(r, ask.actor, ask.now)
    if r.state is State.AWAY:
        rules.may_return(r, ask.now)
        return reservation.come_back(r, policy, ask.actor, ask.now)
    rules.may_check_in(r, ask.now)
    sooner: tuple[str, ...] = ()
    if early and ask.now < r.start:
        sooner = place_claims(r.seat_id, r.reader_id, TimeRange(ask.now, r.start))
    return reservation.check_in(r, presence_claim(r.reader_id), sooner, policy, ask.actor, ask.now)


async def leave(desk: Desk, ask: Ask, id: str) -> Reservation:
    """Leave for a while; ``return_by`` never shortens. Raises: NotFound, WrongState."""

    async def decide(r: Reservation, policy: Policy) -> Reservation:
        return_by = rules.decide_return_by(r, policy, ask.now)
        return reservation.leave(r, return_by, policy, ask.actor, ask.now)

    return await desk.once(ask, lambda: desk.alter(ask, id, decide))


async def finish(desk: Desk, ask: Ask, id: str) -> Reservation:
    """Give the seat back before the end. Raises: NotFound, WrongState."""

    async def decide(r: Reservation, _: Policy) -> Reservation:
        rules.may_finish(r, ask.now)
        return reservation.finish(r, ask.actor, ask.now)

    return await desk.once(ask, lambda: desk.alter(ask, id, decide))


async def confirm(desk: Desk, ask: Ask, id: str) -> Reservation:
    """It is as a gate has it. Raises: NotFound, NothingToConfirm."""

    async def decide(r: Reservation, _: Policy) -> Reservation:
        rules.may_confirm(r)
        return reservation.confirm(r, ask.actor, ask.now)

    return await desk.once(ask, lambda: desk.alter(ask, id, decide))


async def report(desk: Desk, ask: Ask, id: str, kind: str) -> Reservation:
    """The reader finds their seat taken: the desk sees it, no deadline runs, and another seat is
    theirs by ``change``. Raises: NotFound, WrongState, TooEarly, TooLate."""

    async def decide(r: Reservation, _: Policy) -> Reservation:
        rules.may_report(r, ask.now)
        return reservation.report(r, kind, ask.actor, ask.now)

    return await desk.once(ask, lambda: desk.alter(ask, id, decide))


async def resolve(desk: Desk, id: str, actor: Actor, now: datetime) -> Reservation:
    """The desk has freed the seat. Raises: NotFound; WrongState where nothing is reported."""
    for _ in range(_TRIES):
        r = await desk.reservations.get(id)
        if r is None:
            raise NotFound()
        if r.report is None or not r.report.desk:
            raise WrongState(state=r.state.value)
        new = reservation.resolve(r, actor, now)
        try:
            new = await desk.reservations.replace(r, new)
        except StaleRevision:
            continue
        desk.board.wrote(new)
        return new
    raise Busy()


async def doubt(desk: Desk, throttles: Throttles, ask: Ask, seat_id: str) -> bool:
    """Nobody sits on a seat that is shown in use: its reader is asked to show that they are there,
    once a day at most. False where they were asked today.

    Raises: NotFound; NotInUse where nobody is checked in there, or the asking reader is;
    TooManyAttempts.
    """
    limit = Limit(f"doubt:{ask.reader.id}", DOUBTS, timedelta(days=1))
    await throttles.take([limit], ask.now)
    seat, day = desk.seat(seat_id), local_date(ask.now)
    board = await desk.board.day(day)
    for row in board.by_seat.get(seat.id, ()):
        if row.state is not State.IN_USE or row.reader_id == ask.reader.id:
            continue
        claim = doubt_claim(row.reader_id, day)
        r = await desk.reservations.get(row.id)
        if r is None or r.state is not State.IN_USE or r.seat_id != seat.id:
            continue
        # Also not where its reader has said themselves that somebody else sits there.
        if claim in r.claims or r.prove_by is not None or r.reported:
            return False
        until = rules.decide_proof(r, await desk.policy_of(r), ask.now)
        new = reservation.doubt(r, claim, until, ask.actor, ask.now)
        try:
            await desk.reservations.replace(r, new)
        except (ClaimLost, StaleRevision):
            return False  # asked today about another seat, or something has just happened there
        desk.board.wrote(new)
        return True
    raise NotInUse()


async def extend(desk: Desk, ask: Ask, id: str, end: time) -> Reservation:
    """Stay longer. Raises: NotFound, WrongState, TooOften, TooEarly, Closed, OffGrid, TooLong,
    SeatDisabled, SeatTaken, OwnOverlap."""

    async def decide(r: Reservation, policy: Policy) -> Reservation:
        rules.seat_in_service(desk.known_seat(r.seat_id), r.date)
        # The hours of today: they may have become others since it was booked.
        place = desk.open_day(desk.policy, r.date, r.area_id)
        new_end = rules.decide_extension(r, end, policy, place, ask.now)
        longer = place_claims(r.seat_id, r.reader_id, TimeRange(r.end, new_end))
        claims = tuple(dict.fromkeys((*r.claims, *longer)))
        return reservation.extend(r, new_end, claims, policy, ask.actor, ask.now)

    async def work() -> Reservation:
        try:
            return await desk.alter(ask, id, decide)
        except ClaimLost as lost:
            raise (OwnOverlap() if lost.kind == "r" else SeatTaken()) from lost

    return await desk.once(ask, work)


async def extension_choices(desk: Desk, ask: Ask, id: str) -> list[datetime]:
    """The later ends that are allowed and free now; none where it may not be extended now."""
    r = await desk.own(id, ask.reader.id)
    policy = await desk.policy_of(r)
    in_service = desk.known_seat(r.seat_id).out_of_service(r.date) is None
    if not in_service or "extend" not in rules.actions(r, policy, ask.now):
        return []
    choices = rules.extension_choices(
        r, policy, desk.open_day(desk.policy, r.date, r.area_id), ask.now
    )
    board = await desk.board.day(r.date)
    next_start = min(
        (o.start for o in board.by_seat.get(r.seat_id, ()) if o.start >= r.end), default=None
    )
    return [end for end in choices if next_start is None or end <= next_start]
