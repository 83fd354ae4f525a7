"""Reports of seats that are occupied without a booking, or empty though in use."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from models.booking.desk import Desk
from models.check_in import rules
from models.check_in.service import _TRIES
from models.kernel.errors import NotFound, Overloaded
from models.kernel.ids import Actor
from models.kernel.time_range import local_date
from models.policy.entities import Policy
from models.readers.context import RequestContext
from models.reservations.claims import presence_check_claim
from models.reservations.entities import Reservation
from models.reservations.errors import ClaimConflict, InvalidState, RevisionConflict
from models.reservations.state_machine import ReservationState
from models.seat_reports import transitions
from models.seat_reports.errors import SeatNotInUse
from models.storage.attempt_limiter import AttemptLimit, AttemptLimiter

MAX_EMPTY_REPORTS_PER_DAY: Final = 5
"""A reader's reports of empty seats in a day: enough to help, too few to be a nuisance."""


async def report_occupied(desk: Desk, ask: RequestContext, id: str, kind: str) -> Reservation:
    """The reader finds their seat taken: the desk sees it, no deadline runs, and another seat is
    theirs by ``change``. Raises: NotFound, InvalidState, TooEarly, TooLate."""

    async def decide(r: Reservation, _: Policy) -> Reservation:
        rules.may_report(r, ask.now)
        return transitions.report(r, kind, ask.actor, ask.now)

    return await desk.run_once(ask, lambda: desk.update(ask, id, decide))


async def resolve_report(desk: Desk, id: str, actor: Actor, now: datetime) -> Reservation:
    """The desk has freed the seat. Raises: NotFound; InvalidState where nothing is reported."""
    for _ in range(_TRIES):
        r = await desk.reservations.get(id)
        if r is None:
            raise NotFound()
        if r.report is None or not r.report.desk:
            raise InvalidState(state=r.state.value)
        new = transitions.resolve_report(r, actor, now)
        try:
            new = await desk.reservations.replace(r, new)
        except RevisionConflict:
            continue
        desk.board.record_write(new)
        return new
    raise Overloaded()


async def report_empty(
    desk: Desk, throttles: AttemptLimiter, ask: RequestContext, seat_id: str
) -> bool:
    """Nobody sits on a seat that is shown in use: its reader is asked to show that they are there,
    once a day at most. False where they were asked today.

    Raises: NotFound; SeatNotInUse where nobody is checked in there, or the asking reader is;
    TooManyAttempts.
    """
    limit = AttemptLimit(f"doubt:{ask.reader.id}", MAX_EMPTY_REPORTS_PER_DAY, timedelta(days=1))
    await throttles.register([limit], ask.now)
    seat, day = desk.seat(seat_id), local_date(ask.now)
    board = await desk.board.get_day(day)
    for row in board.by_seat.get(seat.id, ()):
        if row.state is not ReservationState.IN_USE or row.reader_id == ask.reader.id:
            continue
        claim = presence_check_claim(row.reader_id, day)
        r = await desk.reservations.get(row.id)
        if r is None or r.state is not ReservationState.IN_USE or r.seat_id != seat.id:
            continue
        # Also not where its reader has said themselves that somebody else sits there.
        if claim in r.claims or r.presence_due_at is not None or r.has_open_report:
            return False
        until = rules.presence_check_deadline(r, await desk.policy_at_booking(r), ask.now)
        new = transitions.request_presence_check(r, claim, until, ask.actor, ask.now)
        try:
            await desk.reservations.replace(r, new)
        except (ClaimConflict, RevisionConflict):
            return False  # asked today about another seat, or something has just happened there
        desk.board.record_write(new)
        return True
    raise SeatNotInUse()
