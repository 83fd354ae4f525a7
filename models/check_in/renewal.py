"""Renewal (续约): staying longer on the same seat."""

from __future__ import annotations

from datetime import datetime, time

from models.booking.desk import Desk
from models.check_in import allowed_actions, transitions
from models.check_in import rules as check_in_rules
from models.kernel.time_range import TimeRange
from models.policy.entities import Policy
from models.readers.context import RequestContext
from models.reservations import rules
from models.reservations.claims import slot_claims
from models.reservations.entities import Reservation
from models.reservations.errors import ClaimConflict, OverlapsOwnBooking, SeatTaken


async def renew(desk: Desk, ask: RequestContext, id: str, end: time) -> Reservation:
    """Stay longer. Raises: NotFound, InvalidState, RenewalLimitReached, TooEarly, Closed, NotATimeStep, TooLong,
    SeatDisabled, SeatTaken, OverlapsOwnBooking."""

    async def decide(r: Reservation, policy: Policy) -> Reservation:
        rules.seat_in_service(desk.seat_even_if_removed(r.seat_id), r.date)
        # The hours of today: they may have become others since it was booked.
        place = desk.opening_hours(desk.policy, r.date, r.area_id)
        new_end = check_in_rules.renewal_end(r, end, policy, place, ask.now)
        longer = slot_claims(r.seat_id, r.reader_id, TimeRange(r.end, new_end))
        claims = tuple(dict.fromkeys((*r.claims, *longer)))
        return transitions.extend(r, new_end, claims, policy, ask.actor, ask.now)

    async def work() -> Reservation:
        try:
            return await desk.update(ask, id, decide)
        except ClaimConflict as lost:
            raise (OverlapsOwnBooking() if lost.kind == "r" else SeatTaken()) from lost

    return await desk.run_once(ask, work)


async def renewal_choices(desk: Desk, ask: RequestContext, id: str) -> list[datetime]:
    """The later ends that are allowed and free now; none where it may not be extended now."""
    r = await desk.get_own(id, ask.reader.id)
    policy = await desk.policy_at_booking(r)
    in_service = desk.seat_even_if_removed(r.seat_id).unavailable_reason(r.date) is None
    if not in_service or "extend" not in allowed_actions.allowed_actions(r, policy, ask.now):
        return []
    choices = check_in_rules.renewal_choices(
        r, policy, desk.opening_hours(desk.policy, r.date, r.area_id), ask.now
    )
    board = await desk.board.get_day(r.date)
    next_start = min(
        (o.start for o in board.by_seat.get(r.seat_id, ()) if o.start >= r.end), default=None
    )
    return [end for end in choices if next_start is None or end <= next_start]
