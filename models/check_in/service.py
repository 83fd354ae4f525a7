"""Presence: check-in, leave, return, finish."""

from __future__ import annotations

from collections.abc import Callable

from models.booking.idempotency import Idempotency, idempotent
from models.booking.writer import ReservationWriter
from models.check_in import rules, transitions
from models.check_in.arrival import KioskCodeScan, PresenceScan, SeatLabelScan
from models.check_in.errors import (
    CheckedInElsewhere,
    PresenceMethodOff,
    QrExpired,
    QrUsed,
)
from models.check_in.transitions import note_claim, scan_claim
from models.kernel.errors import NotFound
from models.library.entities import PresenceSource, VenueId
from models.outages.extension import DeadlineExtension
from models.policy.entities import Policy
from models.readers.context import RequestContext
from models.reference_data import ReferenceData
from models.reservation_store.repository import ReservationRepository
from models.reservations.claims import ClaimKind
from models.reservations.entities import Reservation
from models.reservations.errors import ClaimConflict, TooLate
from models.reservations.presence import PresenceMethod, PresenceProof
from models.reservations.state_machine import ReservationState

Present = Callable[[Reservation, Policy, bool], Reservation]
"""The reservation with its reader there; the flag says whether also from now to the start."""


class CheckInService:
    """Who is there, and who has left for a while."""

    def __init__(
        self,
        reservations: ReservationRepository,
        reference: ReferenceData,
        writer: ReservationWriter,
        idempotency: Idempotency,
        deadlines: DeadlineExtension,
    ) -> None:
        self._reservations, self._reference = reservations, reference
        self._writer, self.idempotency, self._deadlines = writer, idempotency, deadlines

    async def previous_result(self, ctx: RequestContext, id: str) -> Reservation | None:
        """What the reader's key has succeeded with, if it has: a key is good for a day, a kiosk's
        code for half a minute. Raises: NotFound, IdempotencyKeyReused."""
        await self._writer.get_own(id, ctx.reader.id)
        return await self.idempotency.previous_result(ctx)

    @idempotent
    async def check_in(self, ctx: RequestContext, id: str, scan: PresenceScan) -> Reservation:
        """Check in by a kiosk's code or the seat's label; while away it is the return. The same
        scan again changes nothing.

        Raises: NotFound, PresenceMethodOff, QrExpired, QrUsed, WrongSeat, WrongVenue, InvalidState,
        TooEarly, TooLate, CheckedInElsewhere.
        """
        return await self._arrive(ctx, id, self._with_scan(ctx, scan, only_return=False))

    @idempotent
    async def return_from_leave(
        self, ctx: RequestContext, id: str, scan: PresenceScan
    ) -> Reservation:
        """Return from a leave by a scan. Raises: as ``check_in``."""
        return await self._arrive(ctx, id, self._with_scan(ctx, scan, only_return=True))

    @idempotent
    async def check_in_by_staff(self, ctx: RequestContext, id: str) -> Reservation:
        """A librarian sees the reader on the seat: the check-in or the return, without a code.

        Raises: NotFound, InvalidState, TooEarly, TooLate, CheckedInElsewhere.
        """

        def present(current: Reservation, policy: Policy, early: bool) -> Reservation:
            seen = PresenceProof(current.reader_id, current.venue_id, PresenceMethod.DESK, ctx.now)
            return _record_presence(ctx, current, seen, policy, early)

        return await self._arrive(ctx, id, present)

    @idempotent
    async def leave(self, ctx: RequestContext, id: str) -> Reservation:
        """Leave for a while; ``return_by`` never shortens. Raises: NotFound, InvalidState."""

        def left(current: Reservation, policy: Policy) -> Reservation:
            return_by = rules.decide_return_by(current, policy, ctx.now)
            return transitions.leave(current, return_by, policy, ctx.actor, ctx.now)

        return await self._writer.update(ctx, id, left)

    @idempotent
    async def finish(self, ctx: RequestContext, id: str) -> Reservation:
        """Give the seat back before the end. Raises: NotFound, InvalidState."""

        def finished(current: Reservation, _: Policy) -> Reservation:
            rules.may_finish(current, ctx.now)
            return transitions.finish(current, ctx.actor, ctx.now)

        return await self._writer.update(ctx, id, finished)

    @idempotent
    async def confirm(self, ctx: RequestContext, id: str) -> Reservation:
        """It is as a gate has it. Raises: NotFound, NothingToConfirm."""

        def confirmed(current: Reservation, _: Policy) -> Reservation:
            rules.may_confirm(current)
            return transitions.confirm(current, ctx.actor, ctx.now)

        return await self._writer.update(ctx, id, confirmed)

    def venue_of(self, scan: PresenceScan) -> VenueId:
        """Where it was scanned. Raises: NotFound for a kiosk or a seat that is gone;
        PresenceMethodOff where the venue takes no such proof."""
        catalog = self._reference.catalog
        if isinstance(scan, SeatLabelScan):
            source = PresenceSource.SEAT_LABEL
            seat = catalog.all_seats.get(scan.seat_id)
            venue_id = catalog.areas[seat.area_id].venue_id if seat is not None else None
        else:
            source = scan.method.source
            kiosk = catalog.kiosks.get(scan.kiosk_id)
            venue_id = kiosk.venue_id if kiosk is not None else None
        if venue_id is None:
            raise NotFound()
        if source not in catalog.venues[venue_id].presence_sources:
            raise PresenceMethodOff(method=source.value)
        return venue_id

    def proof(self, ctx: RequestContext, scan: PresenceScan) -> PresenceProof:
        """What the scan shows of the reader who brings it. Raises: as ``venue_of``."""
        venue_id, reader_id = self.venue_of(scan), ctx.reader.id
        if isinstance(scan, SeatLabelScan):
            method = PresenceMethod.SEAT_LABEL
            return PresenceProof(reader_id, venue_id, method, ctx.now, scan.seat_id)
        return PresenceProof(reader_id, venue_id, scan.method, ctx.now)

    def _with_scan(self, ctx: RequestContext, scan: PresenceScan, only_return: bool) -> Present:
        seen, by_label = self.proof(ctx, scan), isinstance(scan, SeatLabelScan)

        def present(current: Reservation, policy: Policy, early: bool) -> Reservation:
            rules.must_show_presence_at(seen, current)
            if by_label and not only_return and not rules.waits_for_presence(current):
                return current  # scanned once more: a label is not used up
            if only_return and current.state is not ReservationState.AWAY:
                rules.may_return(current, ctx.now)  # says why not
            return _record_presence(ctx, current, seen, policy, early)

        return present if isinstance(scan, SeatLabelScan) else _with_code(ctx, scan, present)

    async def _arrive(self, ctx: RequestContext, id: str, present: Present) -> Reservation:
        """Before the start, the half hours until then are wanted too: where another reader has
        them, the check-in counts all the same and says from when the seat may be used.

        Raises: CheckedInElsewhere, QrUsed, and what ``present`` raises.
        """
        try:
            return await self._in_time(ctx, id, present, early=True)
        except ClaimConflict as lost:
            if lost.kind not in (ClaimKind.SEAT, ClaimKind.READER):
                raise await self._scan_refusal(lost) from lost
        try:
            return await self._in_time(ctx, id, present, early=False)
        except ClaimConflict as lost:
            raise await self._scan_refusal(lost) from lost

    async def _in_time(
        self, ctx: RequestContext, id: str, present: Present, *, early: bool
    ) -> Reservation:
        """The update; once more where an outage that has just ended gives the reader time."""

        def arrived(current: Reservation, policy: Policy) -> Reservation:
            return present(current, policy, early)

        try:
            return await self._writer.update(ctx, id, arrived)
        except TooLate:
            await self._deadlines.catch_up(id, ctx.now)
            return await self._writer.update(ctx, id, arrived)

    async def _scan_refusal(self, lost: ClaimConflict) -> QrUsed | CheckedInElsewhere:
        if lost.kind is ClaimKind.PRESENCE:
            other = await self._reservations.find_by_claim(lost.claim)
            return CheckedInElsewhere(reservation_id=other.id if other else None)
        return QrUsed()


def _with_code(ctx: RequestContext, scan: KioskCodeScan, present: Present) -> Present:
    """``present`` by a kiosk's code, which it uses up."""
    claim = scan_claim(scan.kiosk_id, scan.time_step, ctx.reader.id)
    note = note_claim(scan.note_id) if scan.note_id is not None else None

    def present_once(current: Reservation, policy: Policy, early: bool) -> Reservation:
        if claim in current.claims:
            return _repeated_scan(current, claim)
        if not scan.is_current:
            raise QrExpired()
        return transitions.with_kiosk_code(present(current, policy, early), claim, note)

    return present_once


def _repeated_scan(r: Reservation, claim: str) -> Reservation:
    """The answer to the first scan was lost: give it again. Later on, the code is used up."""
    if r.last_kiosk_code == claim and r.state is ReservationState.IN_USE:
        return r
    raise QrUsed()


def _record_presence(
    ctx: RequestContext, r: Reservation, seen: PresenceProof, policy: Policy, early: bool
) -> Reservation:
    """The reader is there: presence confirmed, back from a leave, or checked in."""
    if r.state is ReservationState.IN_USE and rules.asks_for_presence(r):
        return transitions.confirm_presence(r, seen, ctx.actor, ctx.now)
    if r.state is ReservationState.AWAY:
        rules.may_return(r, ctx.now)
        return transitions.return_from_leave(r, seen, policy, ctx.actor, ctx.now)
    rules.may_check_in(r, ctx.now)
    return transitions.check_in(r, seen, policy, ctx.actor, ctx.now, early=early)
