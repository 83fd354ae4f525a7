"""Reports of seats that are occupied without a booking, or empty though in use."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Final

from models.booking.idempotency import Idempotency, idempotent
from models.booking.writer import MAX_ATTEMPTS, ReservationWriter
from models.check_in import rules
from models.gates.knowledge import GateKnowledge
from models.kernel.errors import Busy, NotFound, TooManyAttempts, WrongState
from models.kernel.ids import Actor
from models.kernel.time_range import local_date, local_instant
from models.library.entities import Seat, VenueId
from models.occupancy.live import LiveOccupancy
from models.policy.entities import Policy
from models.readers.context import RequestContext
from models.reference_data import ReferenceData
from models.reservation_store.repository import ReservationRepository
from models.reservations.claims import (
    ClaimKind,
    empty_report_claim,
    occupied_report_claim,
    presence_check_claim,
)
from models.reservations.entities import Reservation
from models.reservations.errors import ClaimLost, StaleRevision
from models.reservations.occupancy_rows import OccupancyRow
from models.reservations.presence import PresenceProof
from models.reservations.state_machine import ReservationState
from models.seat_reports import transitions
from models.seat_reports.errors import NotInUse, NotThere

MAX_OCCUPIED_REPORTS_PER_DAY: Final = 2
"""A reader's reports of an occupied seat that stop a deadline; more of them only tell the desk."""
MAX_EMPTY_REPORTS_PER_DAY: Final = 5
"""A reader's doubts in a day that are answered, or wait for an answer: enough to help, too few to
be a nuisance."""


class DeadlineAfterReport(StrEnum):
    """What a report of an occupied seat does to the deadlines of its reader."""

    STOPS = "stops"
    NOT_SEEN = "not_seen"
    """It runs: nothing says that the reader is there."""
    USED_UP = "used_up"
    """It runs: the day's reports that stop a deadline have been made."""


class SeatReportService:
    """座位被占 and 监督."""

    def __init__(
        self,
        reservations: ReservationRepository,
        occupancy: LiveOccupancy,
        reference: ReferenceData,
        writer: ReservationWriter,
        idempotency: Idempotency,
        gates: GateKnowledge,
    ) -> None:
        self._reservations, self._occupancy = reservations, occupancy
        self._reference, self._writer = reference, writer
        self.idempotency, self._gates = idempotency, gates

    @idempotent
    async def report_occupied(
        self, ctx: RequestContext, id: str, kind: str, seen: PresenceProof | None
    ) -> Reservation:
        """The reader finds their seat occupied: the staff see it, and another seat is theirs by
        ``change``. No deadline runs where it is known that they are there, by what they have
        ``seen`` just now, by a gate, or as they have checked in; twice a day at most.

        Raises: NotFound, WrongState, TooEarly, TooLate, WrongSeat, WrongVenue.
        """
        if seen is None:
            r = await self._writer.get_own(id, ctx.reader.id)
            seen = await self._gates.entry_of(ctx.reader.id, r.venue_id, ctx.now)
        for k in range(1, MAX_OCCUPIED_REPORTS_PER_DAY + 1):
            try:
                return await self._report(ctx, id, kind, seen, k)
            except ClaimLost as lost:
                if lost.kind is not ClaimKind.OCCUPIED_REPORT:
                    raise
        return await self._report(ctx, id, kind, None, None)

    async def deadline_after_report(
        self, ctx: RequestContext, r: Reservation
    ) -> DeadlineAfterReport:
        """What a report would do that the reader made now without a scan: for the question before
        it. The report itself decides."""
        reader_id, day = ctx.reader.id, local_date(ctx.now)
        for k in range(1, MAX_OCCUPIED_REPORTS_PER_DAY + 1):
            claim = occupied_report_claim(reader_id, day, k)
            if await self._reservations.find_by_claim(claim) is None:
                break
        else:
            return DeadlineAfterReport.USED_UP
        if r.state is ReservationState.IN_USE and r.presence is not None:
            return DeadlineAfterReport.STOPS
        entry = await self._gates.entry_of(reader_id, r.venue_id, ctx.now)
        return DeadlineAfterReport.NOT_SEEN if entry is None else DeadlineAfterReport.STOPS

    async def _report(
        self, ctx: RequestContext, id: str, kind: str, seen: PresenceProof | None, k: int | None
    ) -> Reservation:
        """The report as the ``k``-th of the day's that stop a deadline; past those, of the desk's
        alone."""

        def reported(current: Reservation, _: Policy) -> Reservation:
            rules.may_report(current, ctx.now)
            if seen is not None:
                rules.must_show_presence_at(seen, current)
            proof = seen or (current.presence if current.state is ReservationState.IN_USE else None)
            if proof is not None and k is not None:
                claim = occupied_report_claim(ctx.reader.id, local_date(ctx.now), k)
                if claim in current.claims:  # no index refuses what this reservation has itself
                    raise ClaimLost(claim)
                return transitions.report_occupied(current, kind, proof, claim, ctx.actor, ctx.now)
            if current.report is not None and current.report.desk:
                raise WrongState(state="reported")
            return transitions.tell_desk(current, kind, ctx.actor, ctx.now)

        return await self._writer.update(ctx, id, reported)

    async def open_reports(
        self,
        now: datetime,
        skip: int,
        limit: int,
        venues: Collection[VenueId] | None = None,
    ) -> tuple[list[Reservation], int]:
        """A page of the reservations whose report waits for the staff, the longest waiting first,
        and how many there are; in these ``venues``, if given."""
        return await self._reservations.with_open_reports(now, skip, limit, venues)

    async def resolve_report(self, id: str, actor: Actor, now: datetime) -> Reservation:
        """The staff have freed the seat. Raises: NotFound; WrongState where nothing is
        reported."""
        return await self._decide(id, lambda r: transitions.resolve_report(r, actor, now))

    async def reject_report(self, id: str, actor: Actor, now: datetime) -> Reservation:
        """The staff have found nobody else on the seat. Raises: as ``resolve_report``."""
        return await self._decide(id, lambda r: transitions.reject_report(r, actor, now))

    async def _decide(self, id: str, decision: Callable[[Reservation], Reservation]) -> Reservation:
        for _ in range(MAX_ATTEMPTS):
            r = await self._reservations.get(id)
            if r is None:
                raise NotFound()
            if r.report is None or not r.report.desk:
                raise WrongState(state=r.state.value)
            try:
                return await self._writer.replace(r, decision(r))
            except StaleRevision:
                continue
        raise Busy()

    async def to_patrol(
        self,
        now: datetime,
        skip: int,
        limit: int,
        venues: Collection[VenueId] | None = None,
    ) -> tuple[list[Reservation], int]:
        """A page of the reservations that somebody of the staff has to look at, the longest waiting
        first, and how many there are; in these ``venues``, if given."""
        return await self._reservations.waiting_for_patrol(now, skip, limit, venues)

    async def report_empty(
        self, ctx: RequestContext, seat_id: str, seen: PresenceProof | None
    ) -> bool:
        """Nobody sits on a seat that is shown in use: its reader is asked to show that they are
        there, once a day at most. False where they were asked today. A report that its reader
        answers stays one of the five that the asking one has in a day. ``seen``: their card at a
        kiosk just now.

        Raises: NotFound; NotInUse where nobody is checked in there, or the asking reader is;
        NotThere where they are checked in nowhere in that venue; TooManyAttempts.
        """
        seat, day = self._reference.seat(seat_id), local_date(ctx.now)
        occupancy = await self._occupancy.get_day(day)
        await self._check_is_there(seat, seen, occupancy.by_reader.get(ctx.reader.id, ()))
        for row in occupancy.by_seat.get(seat.id, ()):
            if row.state is not ReservationState.IN_USE or row.reader_id == ctx.reader.id:
                continue
            r = await self._reservations.get(row.id)
            if r is not None and r.state is ReservationState.IN_USE and r.seat_id == seat.id:
                return await self._request_presence_check(ctx, r)
        raise NotInUse()

    async def _check_is_there(
        self, seat: Seat, seen: PresenceProof | None, own: Iterable[OccupancyRow]
    ) -> None:
        """Raises: NotThere."""
        venue_id = self._reference.catalog.areas[seat.area_id].venue_id
        for row in own:
            r = await self._reservations.get(row.id) if _is_in_use(row) else None
            if r is None or not _is_in_use(r) or r.venue_id != venue_id:
                continue
            if r.presence is not None or (seen is not None and seen.venue_id == venue_id):
                return
        raise NotThere()

    async def _request_presence_check(self, ctx: RequestContext, r: Reservation) -> bool:
        day = local_date(ctx.now)
        claim = presence_check_claim(r.reader_id, day)
        # Also not where its reader has said themselves that somebody else sits there.
        if claim in r.claims or r.presence_due_at is not None or r.has_open_report:
            return False
        policy = await self._writer.policy_at_booking(r)
        until = rules.presence_check_deadline(r, policy, ctx.now)
        for k in range(1, MAX_EMPTY_REPORTS_PER_DAY + 1):
            mark = empty_report_claim(ctx.reader.id, day, k)
            new = transitions.request_presence_check(r, until, mark, ctx.actor, ctx.now)
            try:
                await self._writer.replace(r, new)
            except ClaimLost as lost:
                if lost.kind is ClaimKind.EMPTY_REPORT:
                    continue
                return False  # asked today about another seat
            except StaleRevision:
                return False  # something has just happened there
            return True
        tomorrow = local_instant(day + timedelta(days=1), time(0))
        raise TooManyAttempts((tomorrow - ctx.now).total_seconds())


def _is_in_use(r: OccupancyRow | Reservation) -> bool:
    return r.state is ReservationState.IN_USE
