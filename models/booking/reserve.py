"""Making, changing and cancelling a reservation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from itertools import islice

from models import reservation, rules
from models.board import Row
from models.booking.desk import Ask, Desk
from models.claims import count_claim, idempotency_claim, place_claims
from models.errors import Busy, DailyLimit, OwnOverlap, SeatKept, SeatTaken, ServiceError
from models.library import Seat
from models.policy import Policy
from models.reservation import ReaderId, Replay, Reservation, ReservationId, State
from models.rules import Wish
from models.store.client import new_id
from models.store.reservations import ClaimLost
from models.timerange import TimeRange, floor_minute, local

NEAREST_PROPOSED = 3


async def reserve(desk: Desk, ask: Ask, seat_id: str, wish: Wish) -> Reservation:
    """Book the seat for the wished time, or say which rule or which loss forbids it.

    Raises: NotFound, Suspended, SeatDisabled, InThePast, OutsideHorizon, NotOpenYet, Closed,
    OffGrid, TooShort, TooLong, DailyLimit, OwnOverlap, SeatTaken, IdempotencyKeyReused, InProgress.
    """
    return await desk.once(ask, lambda: _reserve(desk, ask, desk.seat(seat_id), wish))


async def _reserve(desk: Desk, ask: Ask, seat: Seat, wish: Wish) -> Reservation:
    policy = desk.policy_for(seat.area_id, wish.day, ask.reader.id)
    span = _decide(desk, ask, seat, wish, policy)
    if (known := await _surely_lost(desk, ask, seat, span, policy)) is not None:
        raise known
    id, k = ReservationId(new_id()), 1
    # Each clash on the count means that another booking of this reader took a place meanwhile.
    for _ in range(4 * policy.bookings_per_day):
        made = _made(desk, ask, id, seat, span, policy, k)
        try:
            await desk.board.insert(made)
        except ClaimLost as lost:
            if lost.kind == "n":
                k = await _free_count(desk, ask, wish.day, policy)
            elif lost.kind == "i":
                await desk.let_spent_key_go(ask, lost.claim)
            else:
                raise await _refusal(desk, ask, lost, seat, span) from lost
            continue
        return made
    raise Busy()


async def _surely_lost(
    desk: Desk, ask: Ask, seat: Seat, span: TimeRange, policy: Policy
) -> ServiceError | None:
    """What the index would answer, where the board knows it already, in the index's order.

    Most requests of a rush are for what is taken: they cost no database. The board refuses only
    while it is surely not older than a moment; it never accepts.
    """
    board = desk.board.judging(local(span.start).date())
    if board is None:
        return None
    own = [r for r in board.by_reader.get(ask.reader.id, ()) if r.state is not State.HELD]
    if len(own) >= policy.bookings_per_day:
        return DailyLimit(limit=policy.bookings_per_day)
    if meets(own, span):
        return OwnOverlap()
    if meets(board.by_seat.get(seat.id, ()), span):
        return SeatTaken(nearest=await nearest_free(desk, seat, span, ask.reader.id))
    return None


def meets(rows: Sequence[Row], span: TimeRange) -> bool:
    return any(row.start < span.end and span.start < row.end for row in rows)


def _decide(desk: Desk, ask: Ask, seat: Seat, wish: Wish, policy: Policy) -> TimeRange:
    rules.may_book(ask.reader, wish.day, ask.now)
    if not desk.open_to(seat, ask.reader.id, wish.day):
        raise SeatKept()
    rules.seat_in_service(seat, wish.day)
    # Before its hours are asked for: the first day of the calendar has no instant in UTC.
    rules.day_bookable(wish.day, policy, ask.now)
    return rules.decide_span(wish, policy, desk.open_day(policy, wish.day, seat.area_id), ask.now)


def _made(
    desk: Desk, ask: Ask, id: ReservationId, seat: Seat, span: TimeRange, policy: Policy, k: int
) -> Reservation:
    reader_id = ask.reader.id
    claims: tuple[str, ...] = (count_claim(reader_id, local(span.start).date(), k),)
    claims += place_claims(seat.id, reader_id, span)
    replay = None
    if ask.key is not None:
        claims += (idempotency_claim(reader_id, ask.key.value),)
        replay = Replay(ask.key.value, ask.key.digest, ask.now)
    return reservation.book(
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


async def _free_count(desk: Desk, ask: Ask, day: date, policy: Policy) -> int:
    used = await desk.reservations.count_claims(ask.reader.id, day)
    free = set(range(1, policy.bookings_per_day + 1)) - used
    if not free:
        raise DailyLimit(limit=policy.bookings_per_day)
    return min(free)


async def _refusal(
    desk: Desk, ask: Ask, lost: ClaimLost, seat: Seat, span: TimeRange
) -> ServiceError:
    if lost.kind == "r":
        return OwnOverlap()
    return SeatTaken(nearest=await nearest_free(desk, seat, span, ask.reader.id))


async def nearest_free(
    desk: Desk, seat: Seat, span: TimeRange, reader_id: ReaderId
) -> list[dict[str, str]]:
    """Proposals: the index judges when one is taken up."""
    day = local(span.start).date()
    taken = (await desk.board.day(day)).by_seat
    free = (
        other
        for other in desk.library.neighbours(seat)
        if other.out_of_service(day) is None
        and desk.open_to(other, reader_id, day)
        and not meets(taken.get(other.id, ()), span)
    )
    return [
        {"id": s.id, "no": s.no, "label": desk.library.seat_label(s)}
        for s in islice(free, NEAREST_PROPOSED)
    ]


async def nearest_of(desk: Desk, r: Reservation, now: datetime) -> list[dict[str, str]]:
    """Free seats near the reservation's own, for what is left of its time."""
    start = max(floor_minute(now), r.start)
    seat = desk.library.all_seats.get(r.seat_id)
    if seat is None or start >= r.end:
        return []
    return await nearest_free(desk, seat, TimeRange(start, r.end), r.reader_id)


async def change(
    desk: Desk,
    ask: Ask,
    id: str,
    seat_id: str | None,
    start: time | str | None,
    end: time | None,
) -> Reservation:
    """Another seat or time in one step: the old one is kept unless the new one is won.

    ``start``: a clock time, ``"now"``, or None to keep it.

    Raises: as ``reserve``, and WrongState once it has begun.
    """

    wanted: tuple[Seat, TimeRange] | None = None

    async def decide(r: Reservation, _: Policy) -> Reservation:
        nonlocal wanted
        rules.may_change(r, ask.now)
        seat = desk.seat(seat_id or r.seat_id)
        policy = desk.policy_for(seat.area_id, r.date, r.reader_id)
        if r.reported and (r.state is State.IN_USE or ask.now >= r.start):
            return _elsewhere(r, seat)
        span = _decide(desk, ask, seat, _changed_wish(r, start, end), policy)
        wanted = seat, span
        if seat.id == r.seat_id and span == r.span:
            return r
        kept = r.holds("s:", "r:")
        return reservation.change(
            r,
            area_id=seat.area_id,
            seat_id=seat.id,
            span=span,
            policy=policy,
            claims=kept + place_claims(seat.id, ask.reader.id, span),
            actor=ask.actor,
            now=ask.now,
        )

    def _elsewhere(r: Reservation, seat: Seat) -> Reservation:
        """Their seat is taken: another one from now to the end they had, whatever the grid."""
        nonlocal wanted
        rules.seat_in_service(seat, r.date)
        if not desk.open_to(seat, r.reader_id, r.date):
            raise SeatKept()
        span = TimeRange(floor_minute(ask.now), r.end)
        wanted = seat, span
        policy = desk.policy_for(seat.area_id, r.date, r.reader_id)
        rules.open_from_to(span.start, span.end, desk.open_day(policy, r.date, seat.area_id))
        if seat.id == r.seat_id:
            raise SeatTaken()
        claims = r.holds("s:", "r:") + place_claims(seat.id, ask.reader.id, span)
        if r.state is State.IN_USE:
            return reservation.move(
                r, area_id=seat.area_id, seat_id=seat.id, claims=claims,
                actor=ask.actor, now=ask.now,
            )  # fmt: skip
        return reservation.change(
            r, area_id=seat.area_id, seat_id=seat.id, span=span,
            policy=policy, claims=claims, actor=ask.actor, now=ask.now,
        )  # fmt: skip

    async def work() -> Reservation:
        try:
            return await desk.alter(ask, id, decide)
        except ClaimLost as lost:
            assert wanted is not None
            raise await _refusal(desk, ask, lost, *wanted) from lost

    return await desk.once(ask, work)


def _changed_wish(r: Reservation, start: time | str | None, end: time | None) -> Wish:
    kept: datetime = local(r.start)
    begin = None if start == "now" else (start if isinstance(start, time) else kept.time())
    return Wish(r.date, begin, end or local(r.end).time())


async def cancel(desk: Desk, ask: Ask, id: str) -> Reservation:
    """Raises: NotFound, WrongState."""

    async def decide(r: Reservation, _: Policy) -> Reservation:
        rules.may_cancel(r, ask.now)
        return reservation.cancel(r, ask.actor, ask.now)

    return await desk.once(ask, lambda: desk.alter(ask, id, decide))
