from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

from models.booking.alternatives import SeatAlternatives
from models.booking.entitlement import check_entitled
from models.booking.idempotency import Idempotency, idempotent
from models.booking.overview_queries import LIVE_FOR
from models.booking.writer import ReservationWriter
from models.kernel.errors import Busy, DomainError
from models.kernel.ids import ReaderId, ReservationId
from models.kernel.time_range import (
    TimeRange,
    floor_minute,
)
from models.kernel.zone import Zone
from models.library.entities import Seat
from models.opening_draw.entities import Outcome, Ticket
from models.opening_draw.errors import AnotherTicketWaits
from models.opening_draw.service import OpeningDraw
from models.policy.entities import Policy
from models.readers.context import RequestContext
from models.reference_data import ReferenceData
from models.reservation_store.repository import ReservationRepository
from models.reservations import rules, transitions
from models.reservations.claims import ClaimKind
from models.reservations.entities import IdempotentResult, Placement, Reservation
from models.reservations.errors import (
    ClaimLost,
    DrawPending,
    OwnOverlap,
    SeatTaken,
)
from models.reservations.rules import TimeSelection
from models.reservations.state_machine import ReservationState
from models.storage.mongo import new_id

_DAY: Final = timedelta(days=1)


class ReservationService:
    def __init__(
        self,
        reservations: ReservationRepository,
        reference: ReferenceData,
        writer: ReservationWriter,
        idempotency: Idempotency,
        alternatives: SeatAlternatives,
        draw: OpeningDraw,
    ) -> None:
        self._reservations, self._reference = reservations, reference
        self._writer, self.idempotency = writer, idempotency
        self._alternatives, self._draw = alternatives, draw

    async def get_own(self, id: str, reader_id: ReaderId) -> Reservation:
        """The reader's reservation with this id. Raises: NotFound, also for another reader's."""
        return await self._writer.get_own(id, reader_id)

    async def page_of(
        self, reader_id: ReaderId, states: Sequence[ReservationState], skip: int, limit: int
    ) -> tuple[list[Reservation], int]:
        """A page of the reader's bookings in these states, newest first, and the number of all
        of them. Without ``states``, bookings in all states."""
        return await self._reservations.page_of(reader_id, states, skip, limit)

    async def live_of(self, reader_id: ReaderId, now: datetime) -> list[Reservation]:
        """The reader's live reservations at ``now``, the earliest first."""
        return await self._reservations.live_of(reader_id, now - LIVE_FOR)

    async def live_now(self, reader_id: ReaderId, now: datetime) -> list[Reservation]:
        """The reader's live reservations, the earliest first: those that start today or later,
        and those from yesterday that have not ended yet."""
        today = self._reference.zone.day(now)
        midnight, before = (self._reference.zone.midnight(today - n * _DAY) for n in (0, 1))
        rows = await self._reservations.live_of(reader_id, before)
        return [r for r in rows if r.start >= midnight or r.end > now]

    async def on_day(self, reader_id: ReaderId, day: date) -> list[Reservation]:
        return await self._reservations.on_day(self._reference.zone, reader_id, day)

    @idempotent
    async def create(
        self, ctx: RequestContext, seat_id: str, selection: TimeSelection
    ) -> Reservation:
        """Books the seat for the selected time.

        Raises: NotFound, Suspended, SeatDisabled, InThePast, OutsideHorizon, NotOpenYet, Closed,
        OffGrid, TooShort, TooLong, DailyLimit, OwnOverlap, SeatTaken, SeatKept, GroupOnly,
        NotAdmitted, IdempotencyKeyReused, InProgress, DrawPending.
        """
        seat = self._reference.seat(seat_id)
        policy = self._reference.policy_for(seat.area_id, selection.day, ctx.reader)
        span = self.check(ctx, seat, selection, policy)
        booked = await self._alternatives.reject_if_taken(ctx.reader, seat, span, policy)
        opens_at = policy.draw_opens_at(self._reference.zone, selection.day, ctx.now)
        if opens_at is None:
            return await self.book(ctx, seat, span, policy, booked)
        return await self._insert_in_turn(ctx, seat, span, policy, opens_at)

    async def _insert_in_turn(
        self, ctx: RequestContext, seat: Seat, span: TimeRange, policy: Policy, opens_at: datetime
    ) -> Reservation:
        """Books the seat when it is this request's turn in the draw at the opening; after the
        draw, immediately. Raises: Throttled, DrawPending, and the errors of ``book``."""
        request = ctx.key.value if ctx.key else f"{seat.id} {span.start} {span.end}"
        ticket = Ticket(
            self._reference.zone.day(span.start), ctx.reader.id, 0, seat.id, span, request
        )
        try:
            async with self._draw.turn(ctx, ticket, opens_at) as turn:
                try:
                    booked = await self._alternatives.reject_if_taken(
                        ctx.reader, seat, span, policy
                    )
                    made = await self.book(ctx, seat, span, policy, booked)
                except SeatTaken as lost:
                    turn.outcome = Outcome.SEAT_TAKEN
                    if turn.drawn:
                        raise SeatTaken(**lost.details, drawn=True) from lost
                    raise
                turn.outcome = Outcome.WON
                return made
        except AnotherTicketWaits:
            raise DrawPending() from None

    async def book(
        self,
        ctx: RequestContext,
        seat: Seat,
        span: TimeRange,
        policy: Policy,
        booked: int = 0,
        store: Callable[[Reservation], Awaitable[None]] | None = None,
    ) -> Reservation:
        """Stores the booking, by which the seat is claimed. ``booked``: how many bookings the
        reader has that day by the occupancy; the next number in the daily limit is tried first.
        ``store``: stores more together with the booking. Raises: DailyLimit, OwnOverlap,
        SeatTaken, InProgress, Busy; the errors of ``store``."""
        store = store or self._writer.insert
        id, daily_number = ReservationId(new_id()), min(booked + 1, policy.daily_booking_limit)
        # A conflict on the daily slot: another booking of this reader has taken it meanwhile.
        for _ in range(4 * policy.daily_booking_limit):
            made = self._build(ctx, id, seat, span, policy, daily_number)
            try:
                await store(made)
            except ClaimLost as lost:
                if lost.kind is ClaimKind.DAILY:
                    daily_number = await self._free_daily_number(ctx, made.date, policy)
                elif lost.kind is ClaimKind.IDEMPOTENCY:
                    await self.idempotency.release_expired_key(ctx, lost.claim)
                else:
                    raise await self._conflict_from(ctx, lost, seat, span) from lost
                continue
            return made
        raise Busy()

    @idempotent
    async def change(
        self,
        ctx: RequestContext,
        id: str,
        seat_id: str | None,
        start: time | str | None,
        end: time | None,
    ) -> Reservation:
        """Changes seat or time in one step: the reader loses the old seat only if the new one
        can be booked. ``start``: a time of day, ``"now"``, or None for the present start; None
        for ``seat_id`` or ``end`` keeps the present one. Raises: the errors of ``create``;
        WrongState after the start, unless the reader has an open report or the staff act."""
        target: list[tuple[Seat, TimeRange]] = []

        def changed(current: Reservation, _: Policy) -> Reservation:
            by_staff = ctx.actor.by == "librarian"
            rules.may_change(current, ctx.now, by_staff=by_staff)
            seat = self._reference.seat(seat_id or current.seat_id)
            begun = current.state is ReservationState.IN_USE or ctx.now >= current.start
            if (current.has_open_report or by_staff) and begun:
                new = self._move_for_the_rest(ctx, current, seat)
                rest = TimeRange(floor_minute(ctx.now), current.end)
                target[:] = [(seat, rest)]
                return new
            policy = self._reference.policy_for(seat.area_id, current.date, ctx.reader)
            span = self.check(
                ctx, seat, _changed_selection(self._reference.zone, current, start, end), policy
            )
            target[:] = [(seat, span)]
            if seat.id == current.seat_id and span == current.span:
                return current
            to = self._placement(current.reader_id, seat, span)
            return transitions.change(current, to, policy=policy, actor=ctx.actor, now=ctx.now)

        try:
            return await self._writer.update(ctx, id, changed)
        except ClaimLost as lost:
            seat, span = target[0]
            raise await self._conflict_from(ctx, lost, seat, span) from lost

    @idempotent
    async def cancel(self, ctx: RequestContext, id: str) -> Reservation:
        """Cancels the reader's own booking. Raises: NotFound, WrongState."""

        def cancelled(current: Reservation, _: Policy) -> Reservation:
            rules.may_cancel(current, ctx.now)
            return transitions.cancel(current, ctx.actor, ctx.now)

        return await self._writer.update(ctx, id, cancelled)

    def check(
        self, ctx: RequestContext, seat: Seat, selection: TimeSelection, policy: Policy
    ) -> TimeRange:
        """Checks reader, seat and time; returns the selected time. Raises: ``create``'s errors."""
        rules.check_reader_eligible(ctx.reader, selection.day, ctx.now)
        check_entitled(self._reference, seat, ctx.reader, selection.day)
        rules.seat_in_service(seat, selection.day)
        # This comes before the hours are looked up: the calendar's first day has no instant in UTC.
        rules.check_date_bookable(self._reference.zone, selection.day, policy, ctx.now)
        hours = self._reference.opening_hours(policy, selection.day, seat.area_id)
        span = rules.resolve_time(self._reference.zone, selection, policy, hours, ctx.now)
        rules.seat_in_service(seat, self._reference.zone.last_day(span))
        return span

    def _build(
        self,
        ctx: RequestContext,
        id: ReservationId,
        seat: Seat,
        span: TimeRange,
        policy: Policy,
        daily_number: int,
    ) -> Reservation:
        key = ctx.key
        return transitions.create(
            id=id,
            placement=self._placement(ctx.reader.id, seat, span),
            policy=policy,
            daily_number=daily_number,
            result=IdempotentResult(key.value, key.digest, ctx.now) if key else None,
            actor=ctx.actor,
            now=ctx.now,
        )

    def _move_for_the_rest(self, ctx: RequestContext, r: Reservation, seat: Seat) -> Reservation:
        span = TimeRange(floor_minute(ctx.now), r.end)
        rules.seat_in_service(seat, self._reference.zone.day(span.start))
        rules.seat_in_service(seat, self._reference.zone.last_day(span))
        check_entitled(self._reference, seat, ctx.reader, r.date)
        policy = self._reference.policy_for(seat.area_id, r.date, ctx.reader)
        day = self._reference.zone.day(span.start)
        hours = self._reference.opening_hours(policy, day, seat.area_id)
        rules.check_open(self._reference.zone, span.start, span.end, hours)
        if seat.id == r.seat_id:
            raise SeatTaken()
        to = self._placement(r.reader_id, seat, span)
        if r.state is ReservationState.IN_USE:
            return transitions.move_seat(r, to, actor=ctx.actor, now=ctx.now)
        return transitions.change(r, to, policy=policy, actor=ctx.actor, now=ctx.now)

    def _placement(self, reader_id: ReaderId, seat: Seat, span: TimeRange) -> Placement:
        venue_id = self._reference.catalog.areas[seat.area_id].venue_id
        return Placement(self._reference.zone, reader_id, venue_id, seat.area_id, seat.id, span)

    async def _free_daily_number(self, ctx: RequestContext, day: date, policy: Policy) -> int:
        used = await self._reservations.used_daily_numbers(self._reference.zone, ctx.reader.id, day)
        return rules.free_daily_number(used, policy.daily_booking_limit)

    async def _conflict_from(
        self, ctx: RequestContext, lost: ClaimLost, seat: Seat, span: TimeRange
    ) -> DomainError:
        if lost.kind is ClaimKind.READER:
            return OwnOverlap()
        nearest = await self._alternatives.nearest_free_seats(seat, span, ctx.reader)
        return SeatTaken(nearest=nearest)


def _changed_selection(
    zone: Zone, r: Reservation, start: time | str | None, end: time | None
) -> TimeSelection:
    booked_start = zone.local(r.start)
    begin = None if start == "now" else (start if isinstance(start, time) else booked_start.time())
    return TimeSelection(r.date, begin, end or zone.local(r.end).time())
