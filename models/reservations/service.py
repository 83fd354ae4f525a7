"""Making, changing and cancelling a reservation."""

from __future__ import annotations

from datetime import date, datetime, time

from models.booking.desk import Desk
from models.kernel.errors import DomainError, Overloaded
from models.kernel.ids import ReservationId
from models.kernel.time_range import TimeRange, floor_minute, to_local
from models.library.entities import Seat
from models.policy.entities import Policy
from models.readers.context import RequestContext
from models.reservations import rules, transitions
from models.reservations.alternatives import nearest_free_seats, overlaps
from models.reservations.claims import daily_booking_claim, idempotency_claim, slot_claims
from models.reservations.entities import IdempotentResult, Reservation
from models.reservations.errors import (
    AccessibleSeatOnly,
    ClaimConflict,
    DailyLimit,
    OverlapsOwnBooking,
    SeatTaken,
)
from models.reservations.rules import TimeSelection
from models.reservations.state_machine import ReservationState
from models.storage.mongo import new_id


async def create(desk: Desk, ask: RequestContext, seat_id: str, wish: TimeSelection) -> Reservation:
    """Book the seat for the wished time, or say which rule or which loss forbids it.

    Raises: NotFound, Suspended, SeatDisabled, StartInPast, BeyondBookingWindow, BookingWindowNotOpen, Closed,
    NotATimeStep, TooShort, TooLong, DailyLimit, OverlapsOwnBooking, SeatTaken, IdempotencyKeyReused, RequestInProgress.
    """
    return await desk.run_once(ask, lambda: _reserve(desk, ask, desk.seat(seat_id), wish))


async def _reserve(desk: Desk, ask: RequestContext, seat: Seat, wish: TimeSelection) -> Reservation:
    policy = desk.policy_for(seat.area_id, wish.day, ask.reader.id)
    span = _decide(desk, ask, seat, wish, policy)
    if (known := await _reject_if_occupied(desk, ask, seat, span, policy)) is not None:
        raise known
    id, k = ReservationId(new_id()), 1
    # Each clash on the count means that another booking of this reader took a place meanwhile.
    for _ in range(4 * policy.daily_booking_limit):
        made = _build(desk, ask, id, seat, span, policy, k)
        try:
            await desk.board.insert(made)
        except ClaimConflict as lost:
            if lost.kind == "n":
                k = await _free_daily_slot(desk, ask, wish.day, policy)
            elif lost.kind == "i":
                await desk.release_expired_key(ask, lost.claim)
            else:
                raise await _conflict_from(desk, ask, lost, seat, span) from lost
            continue
        return made
    raise Overloaded()


async def _reject_if_occupied(
    desk: Desk, ask: RequestContext, seat: Seat, span: TimeRange, policy: Policy
) -> DomainError | None:
    """What the index would answer, where the board knows it already, in the index's order.

    Most requests of a rush are for what is taken: they cost no database. The board refuses only
    while it is surely not older than a moment; it never accepts.
    """
    board = desk.board.authoritative_day(to_local(span.start).date())
    if board is None:
        return None
    own = [
        r for r in board.by_reader.get(ask.reader.id, ()) if r.state is not ReservationState.OFFERED
    ]
    if len(own) >= policy.daily_booking_limit:
        return DailyLimit(limit=policy.daily_booking_limit)
    if overlaps(own, span):
        return OverlapsOwnBooking()
    if overlaps(board.by_seat.get(seat.id, ()), span):
        return SeatTaken(nearest=await nearest_free_seats(desk, seat, span, ask.reader.id))
    return None


def _decide(
    desk: Desk, ask: RequestContext, seat: Seat, wish: TimeSelection, policy: Policy
) -> TimeRange:
    rules.check_reader_eligible(ask.reader, wish.day, ask.now)
    if not desk.may_use_seat(seat, ask.reader.id, wish.day):
        raise AccessibleSeatOnly()
    rules.seat_in_service(seat, wish.day)
    # Before its hours are asked for: the first day of the calendar has no instant in UTC.
    rules.check_date_bookable(wish.day, policy, ask.now)
    return rules.resolve_time(
        wish, policy, desk.opening_hours(policy, wish.day, seat.area_id), ask.now
    )


def _build(
    desk: Desk,
    ask: RequestContext,
    id: ReservationId,
    seat: Seat,
    span: TimeRange,
    policy: Policy,
    k: int,
) -> Reservation:
    reader_id = ask.reader.id
    claims: tuple[str, ...] = (daily_booking_claim(reader_id, to_local(span.start).date(), k),)
    claims += slot_claims(seat.id, reader_id, span)
    replay = None
    if ask.key is not None:
        claims += (idempotency_claim(reader_id, ask.key.value),)
        replay = IdempotentResult(ask.key.value, ask.key.digest, ask.now)
    return transitions.create(
        id=id,
        reader_id=reader_id,
        venue_id=desk.library.areas[seat.area_id].venue_id,
        area_id=seat.area_id,
        seat_id=seat.id,
        span=span,
        policy=policy,
        claims=claims,
        replay=replay,
        actor=ask.actor,
        now=ask.now,
    )


async def _free_daily_slot(desk: Desk, ask: RequestContext, day: date, policy: Policy) -> int:
    used = await desk.reservations.used_daily_slots(ask.reader.id, day)
    free = set(range(1, policy.daily_booking_limit + 1)) - used
    if not free:
        raise DailyLimit(limit=policy.daily_booking_limit)
    return min(free)


async def _conflict_from(
    desk: Desk, ask: RequestContext, lost: ClaimConflict, seat: Seat, span: TimeRange
) -> DomainError:
    if lost.kind == "r":
        return OverlapsOwnBooking()
    return SeatTaken(nearest=await nearest_free_seats(desk, seat, span, ask.reader.id))


async def change(
    desk: Desk,
    ask: RequestContext,
    id: str,
    seat_id: str | None,
    start: time | str | None,
    end: time | None,
) -> Reservation:
    """Another seat or time in one step: the old one is kept unless the new one is won.

    ``start``: a clock time, ``"now"``, or None to keep it.

    Raises: as ``reserve``, and InvalidState once it has begun.
    """

    wanted: tuple[Seat, TimeRange] | None = None

    async def decide(r: Reservation, _: Policy) -> Reservation:
        nonlocal wanted
        rules.may_change(r, ask.now)
        seat = desk.seat(seat_id or r.seat_id)
        policy = desk.policy_for(seat.area_id, r.date, r.reader_id)
        if r.has_open_report and (r.state is ReservationState.IN_USE or ask.now >= r.start):
            return _elsewhere(r, seat)
        span = _decide(desk, ask, seat, _changed_wish(r, start, end), policy)
        wanted = seat, span
        if seat.id == r.seat_id and span == r.span:
            return r
        kept = r.claims_except("s:", "r:")
        return transitions.change(
            r,
            area_id=seat.area_id,
            seat_id=seat.id,
            span=span,
            policy=policy,
            claims=kept + slot_claims(seat.id, ask.reader.id, span),
            actor=ask.actor,
            now=ask.now,
        )

    def _elsewhere(r: Reservation, seat: Seat) -> Reservation:
        """Their seat is taken: another one from now to the end they had, whatever the grid."""
        nonlocal wanted
        rules.seat_in_service(seat, r.date)
        if not desk.may_use_seat(seat, r.reader_id, r.date):
            raise AccessibleSeatOnly()
        span = TimeRange(floor_minute(ask.now), r.end)
        wanted = seat, span
        policy = desk.policy_for(seat.area_id, r.date, r.reader_id)
        rules.check_open(span.start, span.end, desk.opening_hours(policy, r.date, seat.area_id))
        if seat.id == r.seat_id:
            raise SeatTaken()
        claims = r.claims_except("s:", "r:") + slot_claims(seat.id, ask.reader.id, span)
        if r.state is ReservationState.IN_USE:
            return transitions.move_seat(
                r, area_id=seat.area_id, seat_id=seat.id, claims=claims,
                actor=ask.actor, now=ask.now,
            )  # fmt: skip
        return transitions.change(
            r, area_id=seat.area_id, seat_id=seat.id, span=span,
            policy=policy, claims=claims, actor=ask.actor, now=ask.now,
        )  # fmt: skip

    async def work() -> Reservation:
        try:
            return await desk.update(ask, id, decide)
        except ClaimConflict as lost:
            assert wanted is not None
            raise await _conflict_from(desk, ask, lost, *wanted) from lost

    return await desk.run_once(ask, work)


def _changed_wish(r: Reservation, start: time | str | None, end: time | None) -> TimeSelection:
    kept: datetime = to_local(r.start)
    begin = None if start == "now" else (start if isinstance(start, time) else kept.time())
    return TimeSelection(r.date, begin, end or to_local(r.end).time())


async def cancel(desk: Desk, ask: RequestContext, id: str) -> Reservation:
    """Raises: NotFound, InvalidState."""

    async def decide(r: Reservation, _: Policy) -> Reservation:
        rules.may_cancel(r, ask.now)
        return transitions.cancel(r, ask.actor, ask.now)

    return await desk.run_once(ask, lambda: desk.update(ask, id, decide))
