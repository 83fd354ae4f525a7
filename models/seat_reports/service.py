from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from models.booking.idempotency import Idempotency, idempotent
from models.booking.writer import MAX_ATTEMPTS, ReservationWriter
from models.check_in import rules
from models.gates.knowledge import GateKnowledge
from models.kernel.errors import Busy, NotFound, TooManyAttempts, WrongState
from models.kernel.ids import Actor
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
"""This many occupied-seat reports stop a reader's deadlines in a day; more only notify staff."""
MAX_EMPTY_REPORTS_PER_DAY: Final = 5
"""At most this many empty-seat reports by one reader count in a day: those whose presence check
is still open, and those that were answered by a proof of presence."""


class DeadlineAfterReport(StrEnum):
    """The effect of an occupied-seat report on the deadline of the reader who makes it."""

    STOPS = "stops"
    NOT_SEEN = "not_seen"
    """The deadline runs on, since nothing proves that the reader is there."""
    USED_UP = "used_up"
    """The deadline runs on, since the reader has used up the day's reports that stop a deadline."""


class SeatReportService:
    """Readers' reports about seats: 座位被占 (occupied-seat reports) and 监督 (presence checks of
    seats that look empty)."""

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
        self, ctx: RequestContext, id: str, kind: str, scan_proof: PresenceProof | None
    ) -> Reservation:
        """Reports the reader's own seat as occupied by a person or things (``kind``). The reader
        may then ``change`` to another seat.

        If the reader's presence is proved by ``scan_proof``, a gate record or the check-in, no
        deadline runs, for at most two reports a day. Otherwise the report only notifies the staff.

        Raises: NotFound, WrongState, TooEarly, TooLate, WrongSeat, WrongVenue.
        """
        if scan_proof is None:
            r = await self._writer.get_own(id, ctx.reader.id)
            scan_proof = await self._gates.entry_of(ctx.reader.id, r.venue_id, ctx.now)
        for k in range(1, MAX_OCCUPIED_REPORTS_PER_DAY + 1):
            try:
                return await self._report(ctx, id, kind, scan_proof, k)
            except ClaimLost as lost:
                if lost.kind is not ClaimKind.OCCUPIED_REPORT:
                    raise
        return await self._report(ctx, id, kind, None, None)

    async def deadline_after_report(
        self, ctx: RequestContext, r: Reservation
    ) -> DeadlineAfterReport:
        """A preview of the effect that an occupied-seat report without a scan would have on the
        deadline now. When the report is made, the effect is decided again."""
        reader_id, day = ctx.reader.id, self._reference.zone.day(ctx.now)
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
        self,
        ctx: RequestContext,
        id: str,
        kind: str,
        scan_proof: PresenceProof | None,
        k: int | None,
    ) -> Reservation:
        """Stores an occupied-seat report. ``k`` numbers the reports of a reader and day that
        stop a deadline. Without ``k`` or a proof of presence, the report only notifies the
        staff. Raises: ClaimLost if the reader has used ``k``; the errors of ``report_occupied``."""

        def reported(current: Reservation, _: Policy) -> Reservation:
            rules.may_report(current, ctx.now)
            if scan_proof is not None:
                rules.must_show_presence_at(scan_proof, current)
            proof = scan_proof or (
                current.presence if current.state is ReservationState.IN_USE else None
            )
            if proof is not None and k is not None:
                claim = occupied_report_claim(ctx.reader.id, self._reference.zone.day(ctx.now), k)
                # The index does not refuse a claim that the same reservation holds.
                if claim in current.claims:
                    raise ClaimLost(claim)
                return transitions.report_occupied(current, kind, proof, claim, ctx.actor, ctx.now)
            if current.report is not None and current.report.desk:
                raise WrongState(state="reported")
            return transitions.report_to_staff(current, kind, ctx.actor, ctx.now)

        return await self._writer.update(ctx, id, reported)

    async def open_reports(
        self,
        now: datetime,
        skip: int,
        limit: int,
        venues: Collection[VenueId] | None = None,
    ) -> tuple[list[Reservation], int]:
        """A page of the reservations with an occupied-seat report that waits for the staff, the
        longest waiting first, and the number of all of them. ``venues``: None for all."""
        return await self._reservations.with_open_reports(now, skip, limit, venues)

    async def resolve_report(self, id: str, actor: Actor, now: datetime) -> Reservation:
        """Closes an occupied-seat report after the staff have freed the seat. Raises: NotFound;
        WrongState if no report waits."""
        return await self._decide(id, lambda r: transitions.resolve_report(r, actor, now))

    async def reject_report(self, id: str, actor: Actor, now: datetime) -> Reservation:
        """Closes an occupied-seat report as wrong: no other person sits on the seat. Raises:
        NotFound; WrongState if no report waits."""
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
        """A page of the reservations whose seats the staff have to look at because no message
        about a presence check could be pushed to the reader, the longest waiting first, and the
        number of all of them. ``venues``: None for all."""
        return await self._reservations.waiting_for_patrol(now, skip, limit, venues)

    async def report_empty(
        self, ctx: RequestContext, seat_id: str, card_proof: PresenceProof | None
    ) -> bool:
        """Reports that the seat is empty although another reader is checked in there. The other
        reader must then prove presence, at most once a day. False if the other reader was already
        asked today or has an open report.

        At most five reports a day of one reporter count: those whose check is still open, and those
        that were answered by a proof of presence. ``card_proof``: the proof that the reporter has
        held a card to a kiosk.

        Raises: NotFound; NotInUse if no other reader is checked in at the seat; NotThere if the
        reporter's presence in the venue is not proved; TooManyAttempts.
        """
        seat, day = self._reference.seat(seat_id), self._reference.zone.day(ctx.now)
        occupancy = await self._occupancy.get_day(day)
        await self._check_is_there(seat, card_proof, occupancy.by_reader.get(ctx.reader.id, ()))
        for row in occupancy.by_seat.get(seat.id, ()):
            if row.state is not ReservationState.IN_USE or row.reader_id == ctx.reader.id:
                continue
            r = await self._reservations.get(row.id)
            if r is not None and r.state is ReservationState.IN_USE and r.seat_id == seat.id:
                return await self._request_presence_check(ctx, r)
        raise NotInUse()

    async def _check_is_there(
        self, seat: Seat, card_proof: PresenceProof | None, own: Iterable[OccupancyRow]
    ) -> None:
        """Checks that the reporter is checked in in the seat's venue and has proved presence
        there. ``own``: the reporter's rows in the occupancy. Raises: NotThere."""
        venue_id = self._reference.catalog.areas[seat.area_id].venue_id
        for row in own:
            r = await self._reservations.get(row.id) if _is_in_use(row) else None
            if r is None or not _is_in_use(r) or r.venue_id != venue_id:
                continue
            if r.presence is not None or (
                card_proof is not None and card_proof.venue_id == venue_id
            ):
                return
        raise NotThere()

    async def _request_presence_check(self, ctx: RequestContext, r: Reservation) -> bool:
        day = self._reference.zone.day(ctx.now)
        claim = presence_check_claim(r.reader_id, day)
        # Also if the seat's own reader has reported that somebody else sits there.
        if claim in r.claims or r.presence_due_at is not None or r.has_open_report:
            return False
        policy = await self._writer.policy_at_booking(r)
        until = rules.presence_check_deadline(r, policy, ctx.now)
        for k in range(1, MAX_EMPTY_REPORTS_PER_DAY + 1):
            mark = empty_report_claim(ctx.reader.id, day, k)
            new = transitions.request_presence_check(
                self._reference.zone, r, until, mark, ctx.actor, ctx.now
            )
            try:
                await self._writer.replace(r, new)
            except ClaimLost as lost:
                if lost.kind is ClaimKind.EMPTY_REPORT:
                    continue
                return False  # the reader was asked today about another seat
            except StaleRevision:
                return False  # the reservation has just changed
            return True
        tomorrow = self._reference.zone.midnight(day + timedelta(days=1))
        raise TooManyAttempts((tomorrow - ctx.now).total_seconds())


def _is_in_use(r: OccupancyRow | Reservation) -> bool:
    return r.state is ReservationState.IN_USE
