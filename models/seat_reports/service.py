"""Reports of seats that are occupied without a booking, or empty though in use."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from models.check_in import rules
from models.kernel.errors import InvalidState, NotFound, Overloaded
from models.kernel.ids import Actor
from models.kernel.time_range import local_date
from models.policy.entities import Policy
from models.readers.context import RequestContext
from models.reference_data import ReferenceData
from models.reservations.claims import presence_check_claim
from models.reservations.entities import Reservation
from models.reservations.errors import ClaimConflict, RevisionConflict
from models.reservations.idempotency import Idempotency, idempotent
from models.reservations.live_occupancy import LiveOccupancy
from models.reservations.repository import ReservationRepository
from models.reservations.state_machine import ReservationState
from models.reservations.writer import MAX_ATTEMPTS, ReservationWriter
from models.seat_reports import transitions
from models.seat_reports.errors import SeatNotInUse
from models.storage.attempt_limiter import AttemptLimit, AttemptLimiter

MAX_EMPTY_REPORTS_PER_DAY: Final = 5
"""A reader's reports of empty seats in a day: enough to help, too few to be a nuisance."""


class SeatReportService:
    """座位被占 and 监督."""

    def __init__(
        self,
        reservations: ReservationRepository,
        occupancy: LiveOccupancy,
        reference: ReferenceData,
        writer: ReservationWriter,
        idempotency: Idempotency,
        limiter: AttemptLimiter,
    ) -> None:
        self._reservations, self._occupancy = reservations, occupancy
        self._reference, self._writer = reference, writer
        self.idempotency, self._limiter = idempotency, limiter

    @idempotent
    async def report_occupied(self, ctx: RequestContext, id: str, kind: str) -> Reservation:
        """The reader finds their seat occupied: the staff see it, no deadline runs, and another
        seat is theirs by ``change``. Raises: NotFound, InvalidState, TooEarly, TooLate."""

        def reported(current: Reservation, _: Policy) -> Reservation:
            rules.may_report(current, ctx.now)
            return transitions.report_occupied(current, kind, ctx.actor, ctx.now)

        return await self._writer.update(ctx, id, reported)

    async def open_reports(
        self, now: datetime, skip: int, limit: int
    ) -> tuple[list[Reservation], int]:
        """A page of the reservations whose report waits for the staff, the longest waiting first,
        and how many there are."""
        return await self._reservations.with_open_reports(now, skip, limit)

    async def resolve_report(self, id: str, actor: Actor, now: datetime) -> Reservation:
        """The staff have freed the seat. Raises: NotFound; InvalidState where nothing is
        reported."""
        for _ in range(MAX_ATTEMPTS):
            r = await self._reservations.get(id)
            if r is None:
                raise NotFound()
            if r.report is None or not r.report.desk:
                raise InvalidState(state=r.state.value)
            new = transitions.resolve_report(r, actor, now)
            try:
                return await self._writer.replace(r, new)
            except RevisionConflict:
                continue
        raise Overloaded()

    async def report_empty(self, ctx: RequestContext, seat_id: str) -> bool:
        """Nobody sits on a seat that is shown in use: its reader is asked to show that they are
        there, once a day at most. False where they were asked today.

        Raises: NotFound; SeatNotInUse where nobody is checked in there, or the asking reader is;
        TooManyAttempts.
        """
        limit = AttemptLimit(f"doubt:{ctx.reader.id}", MAX_EMPTY_REPORTS_PER_DAY, timedelta(days=1))
        await self._limiter.register([limit], ctx.now)
        seat, day = self._reference.seat(seat_id), local_date(ctx.now)
        for row in (await self._occupancy.get_day(day)).by_seat.get(seat.id, ()):
            if row.state is not ReservationState.IN_USE or row.reader_id == ctx.reader.id:
                continue
            r = await self._reservations.get(row.id)
            if r is not None and r.state is ReservationState.IN_USE and r.seat_id == seat.id:
                return await self._request_presence_check(ctx, r)
        raise SeatNotInUse()

    async def _request_presence_check(self, ctx: RequestContext, r: Reservation) -> bool:
        claim = presence_check_claim(r.reader_id, local_date(ctx.now))
        # Also not where its reader has said themselves that somebody else sits there.
        if claim in r.claims or r.presence_due_at is not None or r.has_open_report:
            return False
        policy = await self._writer.policy_at_booking(r)
        until = rules.presence_check_deadline(r, policy, ctx.now)
        new = transitions.request_presence_check(r, until, ctx.actor, ctx.now)
        try:
            await self._writer.replace(r, new)
        except (ClaimConflict, RevisionConflict):
            return False  # asked today about another seat, or something has just happened there
        return True
