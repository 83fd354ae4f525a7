from __future__ import annotations

from dataclasses import replace
from functools import partial

from models.booking.idempotency import Idempotency, idempotent
from models.booking.writer import ReservationWriter
from models.check_in import rules, transitions
from models.check_in.arrival import Arrival, PresenceScan, RoomLabelScan, SeatLabelScan, SeenByStaff
from models.check_in.errors import OtherInUse, PresenceMethodOff, QrUsed, WrongRoom
from models.kernel.errors import NotFound
from models.library.entities import PresenceSource, VenueId
from models.outages.extension import DeadlineExtension
from models.policy.entities import Policy
from models.readers.context import RequestContext
from models.reference_data import ReferenceData
from models.reservation_store.repository import ReservationRepository
from models.reservations.claims import ClaimKind
from models.reservations.entities import Reservation
from models.reservations.errors import ClaimLost, TooLate
from models.reservations.presence import PresenceMethod, PresenceProof


class CheckInService:
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
        """The reservation as an earlier request with this idempotency key left it; None if there
        was none. It is looked up before a scan is checked, since a kiosk's code expires long
        before the key. Raises: NotFound, IdempotencyKeyReused."""
        await self._writer.get_own(id, ctx.reader.id)
        return await self.idempotency.previous_result(ctx)

    @idempotent
    async def check_in(
        self,
        ctx: RequestContext,
        id: str,
        scan: PresenceScan | SeenByStaff,
        *,
        only_return: bool = False,
    ) -> Reservation:
        """Checks the reader in by a scan; if the reader is on leave, ends the leave. A repeated
        scan changes nothing. A check-in before the start also claims the half hours until the
        start. If another reader has these half hours, ``available_from`` is the booked start.

        Raises: NotFound, PresenceMethodOff, QrExpired, QrUsed, WrongSeat, WrongRoom, WrongVenue,
        WrongState, TooEarly, TooLate, OtherInUse.
        """
        proof = None if isinstance(scan, SeenByStaff) else self.proof(ctx, scan)
        arrival, extended = Arrival(scan, proof, ctx.actor, ctx.now, only_return), False
        while True:
            try:
                return await self._writer.update(
                    ctx, id, partial(arrival.apply, self._reference.zone)
                )
            except TooLate:
                if extended:
                    raise
                # An outage that has just ended may extend the deadline.
                await self._deadlines.catch_up(id, ctx.now)
                extended = True
            except ClaimLost as lost:
                if not arrival.early or lost.kind not in (ClaimKind.SEAT, ClaimKind.READER):
                    # Only the presence or the code: without `early`, no half hours are claimed.
                    raise await self._scan_refusal(lost) from lost
                arrival = replace(arrival, early=False)

    async def return_from_leave(
        self, ctx: RequestContext, id: str, scan: PresenceScan
    ) -> Reservation:
        """Ends the reader's leave by a scan. Raises: the errors of ``check_in``."""
        return await self.check_in(ctx, id, scan, only_return=True)

    async def check_in_by_staff(self, ctx: RequestContext, id: str) -> Reservation:
        """Checks in a reader whom a staff member sees on the seat; if the reader is on leave,
        ends the leave. Raises: NotFound, WrongState, TooEarly, TooLate, OtherInUse."""
        return await self.check_in(ctx, id, SeenByStaff())

    @idempotent
    async def leave(self, ctx: RequestContext, id: str) -> Reservation:
        """Starts a leave. Its ``return_by`` follows from the policy at booking. Raises:
        NotFound, WrongState."""

        def left(current: Reservation, policy: Policy) -> Reservation:
            return_by = rules.decide_return_by(self._reference.zone, current, policy, ctx.now)
            return transitions.leave(current, return_by, policy, ctx.actor, ctx.now)

        return await self._writer.update(ctx, id, left)

    @idempotent
    async def finish(self, ctx: RequestContext, id: str) -> Reservation:
        """Gives the seat back before the end of the stay. Raises: NotFound, WrongState."""

        def finished(current: Reservation, _: Policy) -> Reservation:
            rules.may_finish(current, ctx.now)
            return transitions.finish(current, ctx.actor, ctx.now)

        return await self._writer.update(ctx, id, finished)

    @idempotent
    async def confirm(self, ctx: RequestContext, id: str) -> Reservation:
        """Stores that the reader confirms the last action of a gate (check-in, leave or return).
        The gate has already changed the state; its check-in or return is a proof of presence.
        Raises: NotFound, NothingToConfirm."""

        def confirmed(current: Reservation, _: Policy) -> Reservation:
            rules.may_confirm(current)
            return transitions.confirm(current, ctx.actor, ctx.now)

        return await self._writer.update(ctx, id, confirmed)

    def venue_of(self, scan: PresenceScan) -> VenueId:
        """The venue of the scanned kiosk, seat or room. Raises: NotFound if that no longer exists;
        PresenceMethodOff if the venue does not accept this kind of scan."""
        catalog = self._reference.catalog
        if isinstance(scan, SeatLabelScan):
            source = PresenceSource.SEAT_LABEL
            seat = catalog.all_seats.get(scan.seat_id)
            venue_id = catalog.areas[seat.area_id].venue_id if seat is not None else None
        elif isinstance(scan, RoomLabelScan):
            source, room = PresenceSource.SEAT_LABEL, self._reference.rooms.get(scan.room_id)
            venue_id = room.venue_id if room is not None else None
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
        """The proof of presence at a seat that the scan gives. Raises: the errors of ``venue_of``;
        WrongRoom for the label of a room."""
        venue_id, reader_id = self.venue_of(scan), ctx.reader.id
        if isinstance(scan, RoomLabelScan):
            raise WrongRoom(room_id=scan.room_id)
        if isinstance(scan, SeatLabelScan):
            method = PresenceMethod.SEAT_LABEL
            return PresenceProof(reader_id, venue_id, method, ctx.now, scan.seat_id)
        return PresenceProof(reader_id, venue_id, scan.method, ctx.now)

    async def _scan_refusal(self, lost: ClaimLost) -> QrUsed | OtherInUse:
        if lost.kind is ClaimKind.PRESENCE:
            other = await self._reservations.find_by_claim(lost.claim)
            return OtherInUse(reservation_id=other.id if other else None)
        return QrUsed()
