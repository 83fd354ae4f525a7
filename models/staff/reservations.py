"""What the staff do with a reader's reservation, in the reader's place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from models.check_in.service import CheckInService
from models.kernel.errors import InvalidState, NotFound
from models.kernel.time_range import TimeRange, local_date, to_local
from models.library.entities import SeatId
from models.readers.context import RequestContext
from models.readers.entities import Reader
from models.readers.repository import ReaderRepository
from models.reference_data import ReferenceData
from models.reservations.entities import Reservation
from models.reservations.repository import ReservationRepository
from models.reservations.rules import TimeSelection
from models.reservations.service import ReservationService
from models.reservations.state_machine import BOOKING_STATES, ReservationState
from models.seat_reports.service import SeatReportService
from models.staff.audit import AuditAction, JsonObject
from models.staff.recorder import AuditedOperation, AuditLog, StaffContext
from models.waitlist.service import WaitlistService

STAFF_ACTIONS: Final = (
    AuditAction.CHECK_IN,
    AuditAction.LEAVE,
    AuditAction.FINISH,
    AuditAction.CANCEL,
    AuditAction.ACCEPT_OFFER,
    AuditAction.DECLINE_OFFER,
)
"""What a librarian does in a reader's place, in the order of the page."""


class StaffReservations:
    """Check-in, leave, finish, cancel, move, book, the answer to an offer, and the end of a
    report."""

    def __init__(
        self,
        audit: AuditLog,
        repository: ReservationRepository,
        readers: ReaderRepository,
        reservations: ReservationService,
        check_in: CheckInService,
        seat_reports: SeatReportService,
        reference: ReferenceData,
        waitlist: WaitlistService,
    ) -> None:
        self._audit, self._repository, self._readers = audit, repository, readers
        self._reference = reference
        self._reservations, self._seat_reports = reservations, seat_reports
        self._waitlist = waitlist
        self._actions: Mapping[
            AuditAction, Callable[[RequestContext, str], Awaitable[Reservation]]
        ] = {
            # Being seen there is the check-in, and the return.
            AuditAction.CHECK_IN: check_in.check_in_by_staff,
            AuditAction.LEAVE: check_in.leave,
            AuditAction.FINISH: check_in.finish,
            AuditAction.CANCEL: reservations.cancel,
            AuditAction.ACCEPT_OFFER: waitlist.accept,
            AuditAction.DECLINE_OFFER: self._decline_offer,
        }

    async def get(self, id: str) -> Reservation:
        """Anybody's reservation. Raises: NotFound."""
        r = await self._repository.get(id)
        if r is None:
            raise NotFound()
        return r

    async def in_the_way(self, reader: Reader, span: TimeRange) -> list[Reservation]:
        """The reader's bookings and offers in ``span``: what keeps them from another seat then."""
        rows = await self._repository.live_of(reader.id, span.start - timedelta(days=1))
        return [r for r in rows if r.span.overlaps(span)]

    async def who_had_seat(
        self, ctx: StaffContext, seat_id: SeatId, span: TimeRange, reason: str
    ) -> list[Reservation]:
        """The bookings that had the seat at some time in ``span``, which is within a day; the
        earliest first. The log keeps who asks, for which seat and time, and why."""
        self._require_seat(ctx, seat_id)
        day = local_date(span.start)
        rows = await self._repository.on_seat(seat_id, day - timedelta(days=1))  # in its night
        rows += await self._repository.on_seat(seat_id, day)
        found = [
            r
            for r in rows
            if r.state in BOOKING_STATES and r.held is not None and r.held.overlaps(span)
        ]
        readers = {r.reader_id for r in found}
        operation = AuditedOperation(
            AuditAction.LOOKED_UP,
            f"seat:{seat_id} {_minute(span.start)}/{_minute(span.end)}",
            readers.pop() if len(readers) == 1 else None,
            reason,
        )
        await self._audit.record_look(ctx, operation, {"found": len(found)})
        return found

    async def act_for_reader(
        self, ctx: StaffContext, action: str, id: str, reason: str
    ) -> Reservation:
        """Raises: NotFound, also for an unknown action; and what the action raises."""
        r = await self._own(ctx, id)
        known = next((a for a in self._actions if a == action), None)
        if known is None:
            raise NotFound()
        work, reader_ctx = self._actions[known], await self._reader_context(ctx, r)
        return await self._record(ctx, known, r, reason, lambda: work(reader_ctx, id))

    async def _decline_offer(self, ctx: RequestContext, id: str) -> Reservation:
        """Neither this seat nor another one: the reader waits no longer, so that the desk can book
        for them. Raises: NotFound, InvalidState."""
        offer = await self.get(id)
        if offer.state is not ReservationState.OFFERED or offer.wait_id is None:
            raise InvalidState(state=offer.state.value)
        await self._waitlist.leave(ctx, offer.wait_id)
        left = await self.get(id)
        if left.state is not ReservationState.OFFER_EXPIRED:
            raise InvalidState(state=left.state.value)  # the reader has just taken it
        return left

    async def move(self, ctx: StaffContext, id: str, seat_id: str, reason: str) -> Reservation:
        """To another seat for the same time. Raises: as ``ReservationService.change``."""
        r = await self._own(ctx, id)
        self._require_seat(ctx, seat_id)
        reader_ctx = await self._reader_context(ctx, r)
        return await self._record(
            ctx,
            AuditAction.MOVE,
            r,
            reason,
            lambda: self._reservations.change(reader_ctx, id, seat_id, None, None),
        )

    async def resolve_report(self, ctx: StaffContext, id: str) -> Reservation:
        """A seat that somebody else had taken is free again. Raises: NotFound, InvalidState."""
        r = await self._own(ctx, id)
        return await self._record(
            ctx,
            AuditAction.RESOLVE_REPORT,
            r,
            "",
            lambda: self._seat_reports.resolve_report(id, ctx.actor, ctx.now),
        )

    async def reject_report(self, ctx: StaffContext, id: str) -> Reservation:
        """Nobody else sits on the seat: the reader's deadlines run again. Raises: NotFound,
        InvalidState."""
        r = await self._own(ctx, id)
        return await self._record(
            ctx,
            AuditAction.REJECT_REPORT,
            r,
            "",
            lambda: self._seat_reports.reject_report(id, ctx.actor, ctx.now),
        )

    async def book(
        self,
        ctx: StaffContext,
        reader: Reader,
        seat_id: str,
        selection: TimeSelection,
        reason: str,
    ) -> Reservation:
        """A seat in the reader's place. Raises: as ``ReservationService.create``."""
        self._require_seat(ctx, seat_id)
        operation = AuditedOperation(AuditAction.BOOK, f"reader:{reader.id}", reader.id, reason)
        return await self._audit.record(
            ctx,
            operation,
            lambda: self._reservations.create(ctx.acting_for(reader), seat_id, selection),
            lambda r: {"reservation": r.receipt, **audit_snapshot(r)},
        )

    async def _record(
        self,
        ctx: StaffContext,
        action: AuditAction,
        r: Reservation,
        reason: str,
        work: Callable[[], Awaitable[Reservation]],
    ) -> Reservation:
        operation = AuditedOperation(
            action, f"reservation:{r.id}", r.reader_id, reason, audit_snapshot(r)
        )
        return await self._audit.record(ctx, operation, work, audit_snapshot)

    async def _own(self, ctx: StaffContext, id: str) -> Reservation:
        """The reservation, of a venue that is theirs. Raises: NotFound, OtherVenue."""
        r = await self.get(id)
        ctx.require(r.venue_id)
        return r

    def _require_seat(self, ctx: StaffContext, seat_id: str) -> None:
        """Raises: NotFound; OtherVenue where the seat's venue is not theirs."""
        seat = self._reference.seat_even_if_removed(seat_id)
        ctx.require(self._reference.catalog.areas[seat.area_id].venue_id)

    async def _reader_context(self, ctx: StaffContext, r: Reservation) -> RequestContext:
        reader = await self._readers.get(r.reader_id)
        if reader is None:
            raise NotFound()
        return ctx.acting_for(reader)


def _minute(instant: datetime) -> str:
    return f"{to_local(instant):%Y-%m-%dT%H:%M}"


def audit_snapshot(r: Reservation) -> JsonObject:
    """What the audit log keeps of a reservation."""
    return {
        "state": r.state.value,
        "seat": r.seat_id,
        "start": to_local(r.start).isoformat(),
        "end": to_local(r.end).isoformat(),
    }
